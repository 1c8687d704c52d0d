"""IFRNet: one encoder-decoder refines the intermediate flow and the intermediate feature together,
coarse to fine.

Kong et al., "IFRNet: Intermediate Feature Refine Network for Efficient Frame Interpolation", CVPR
2022. As published: a pyramid of four strides shared by both frames; decoders from the coarsest
level up, each taking the intermediate feature, both frames' features warped by the present flows,
and the flows; each gives a flow residual and the next feature; the last one also a blend mask and a
picture residual; t enters as a constant channel at the coarsest level.

Shrunk: widths (IFRNet-S: 24, 36, 54, 72), luma instead of RGB (also locally normalised, instead of
a common mean), LeakyReLU for PReLU; encoder and decoders run on the half-resolution picture (the
published code's `scale_factor` 1/2) and flows, mask and residual are enlarged; warping and blending
are at full resolution. The mask is also drawn to the nearer frame by t; warm-up on the true flow of
rendered scenes alone.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from training.common import losses
from training.zoo.blocks import SLOPE, constant, conv, enlarge, enlarge_flow, initialise, normalise, warp


class Residual(nn.Module):
    """The published ResBlock: five convolutions, the second and fourth on the last `side` channels
    only.
    """

    def __init__(self, c, side):
        super().__init__()
        self.side = side
        self.full = nn.ModuleList([conv(c, c), conv(c, c)])
        self.part = nn.ModuleList([conv(side, side), conv(side, side)])
        self.last = nn.Conv2d(c, c, 3, 1, 1)

    def forward(self, x):
        y = x
        for full, part in zip(self.full, self.part):
            y = full(y)
            y = torch.cat([y[:, : -self.side], part(y[:, -self.side :])], 1)
        return F.leaky_relu(x + self.last(y), SLOPE)


class Decoder(nn.Module):
    """Features at one level → flow residuals and feature of the next finer one."""

    def __init__(self, c_in, c, c_out, side=8):
        super().__init__()
        self.body = nn.Sequential(conv(c_in, c), Residual(c, side))
        self.up = nn.ConvTranspose2d(c, c_out, 4, 2, 1)

    def forward(self, *parts):
        return self.up(self.body(torch.cat(parts, 1)))


class Net(nn.Module):
    times, multiple, reduced = "any", 64, 2

    def __init__(self, widths=(12, 20, 32, 48)):
        super().__init__()
        self.config = dict(widths=list(widths))
        a, b, c, d = widths
        self.encoder = nn.ModuleList(
            [nn.Sequential(conv(i, o, 3, 2), conv(o, o)) for i, o in zip((2, a, b, c), widths)]
        )
        self.decoder4 = Decoder(2 * d + 1, 2 * d, 4 + c)
        self.decoder3 = Decoder(3 * c + 4, 2 * c, 4 + b)
        self.decoder2 = Decoder(3 * b + 4, 2 * b + 8, 4 + a)
        self.decoder1 = Decoder(3 * a + 4, 2 * a + 8, 6)
        initialise(self)
        with torch.no_grad():  # small flows at first, alive everywhere
            for dec in (self.decoder4, self.decoder3, self.decoder2, self.decoder1):
                dec.up.weight[:, :4] *= 0.2
            self.decoder1.up.weight[:, 4:] *= 0.1

    def encode(self, half):
        """Half-resolution luma → features of four levels."""
        x, out = torch.cat([(half - 0.5) * 2, normalise(half)], 1), []
        for level in self.encoder:
            x = level(x)
            out.append(x)
        return out

    def decode(self, h0, h1, t):
        """Half-resolution lumas → flows of all levels with their cells, intermediate features; the
        last one holds mask and residual.
        """
        e0, e1 = self.encode(h0), self.encode(h1)
        out = self.decoder4(e0[3], e1[3], constant(e0[3], t))
        flow, feature = out[:, :4], out[:, 4:]
        flows, features = [(flow, 16)], [feature]
        for level, decoder in ((2, self.decoder3), (1, self.decoder2), (0, self.decoder1)):
            out = decoder(feature, warp(e0[level], flow[:, :2]), warp(e1[level], flow[:, 2:]), flow)
            flow, feature = enlarge_flow(flow) + out[:, :4], out[:, 4:]
            flows.append((flow, 2 ** (level + 1)))
            features.append(feature)
        return flows, features

    def estimate(self, h0, h1, t):
        """Flows of reduced lumas, with the size of their cells: what the true-flow warm-up looks
        at.
        """
        return self.decode(h0, h1, t)[0]

    def forward(self, y0, y1, t):
        """Lumas [N,1,H,W] 0…1, t [N,1,1,1] → frame, flow (to frame 0, to frame 1; full-resolution
        pixels), mask; flows and features of all levels.
        """
        flows, features = self.decode(F.avg_pool2d(y0, 2), F.avg_pool2d(y1, 2), t)
        mask, rest = torch.sigmoid(enlarge(features[3][:, :1])), enlarge(features[3][:, 1:2])
        mask = (1 - t) * mask / ((1 - t) * mask + t * (1 - mask) + 1e-6)
        flow = enlarge_flow(flows[-1][0])
        frame = mask * warp(y0, flow[:, :2]) + (1 - mask) * warp(y1, flow[:, 2:]) + rest
        return dict(frame=frame, flow=flow, mask=mask, flows=flows, features=features[:3])

    def chroma(self, m, c0, c1, t):
        """Luma's flow at half size and half length, its mask; no residual."""
        flow, mask = F.avg_pool2d(m["flow"], 2) / 2, F.avg_pool2d(m["mask"], 2)
        return mask * warp(c0, flow[:, :2]) + (1 - mask) * warp(c1, flow[:, 2:])


def flow_at_eighth(flow, cell):
    """A flow in pixels of a grid of `cell`-pixel cells → full-resolution pixels on the 1/8 grid."""
    flow = flow * cell
    return enlarge(flow, cell // 8) if cell > 8 else F.avg_pool2d(flow, 8 // cell) if cell < 8 else flow


def objective(net, b, progress, inner):
    """Published loss: Charbonnier + census + task-oriented flow + geometry consistency of features
    (weights 1, 1, 0.01, 0.01 there).

    Here the flow loss uses the rendered scenes' true flow at every level (no teacher network),
    leads at first and is robust by its logarithm instead of the teacher-error weights; the
    photometric part is relative to the blend's, so that easy samples count too.
    """
    m = net(b["frame0"], b["frame1"], b["time"])
    made, truth = inner(m["frame"]), b["truth"]
    lead = max(0.0, 1 - progress / 0.4)
    flow = sum(losses.robust_endpoint_error(inner(flow_at_eighth(f, s), 8), b["flow"]) for f, s in m["flows"]) / 4
    with torch.no_grad():
        true = net.encode(F.avg_pool2d(truth, 2))
    geometry = sum((inner(f, 2 ** (k + 2)) - true[k]).abs().mean() for f, k in zip(m["features"], (2, 1, 0))) / 3
    parts = dict(
        photo=losses.relative(made, b["blend"], truth).mean(),
        census=losses.census(made, truth).mean(),
        epe=flow,
        geometry=geometry,
    )
    return 0.1 * parts["photo"] + 0.05 * parts["census"] + (0.005 + 0.045 * lead) * flow + 0.002 * geometry, parts
