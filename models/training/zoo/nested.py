"""X-ray frame interpolation with a nested architecture: a U-Net for the flow both ways, a nested
U²-Net that refines it at any time.

"X-ray Video Frame Interpolation Using Nested Architecture" (the paper's text was not at hand;
structure by its description and by what it builds on: Jiang et al., "Super SloMo", CVPR 2018; Qin
et al., "U²-Net", Pattern Recognition 2020). As published: stage 1, a U-Net, gives flow 0→1 and 1→0;
linear combination gives the flow at t: F_t0 = −(1−t)t F_01 + t² F_10, F_t1 = (1−t)² F_01 − t(1−t)
F_10. Stage 2, a U²-Net whose every block is itself a small U-Net (RSU), looks at both frames, both
warped frames and both flows, and gives flow residuals and visibility; side outputs at every level
of its decoder are supervised. The frame: ((1−t) V I0(x+F_t0) + t (1−V) I1(x+F_t1)) / ((1−t) V + t
(1−V)).

Shrunk: widths; stage 1 and stage 2 run at half resolution, flow and visibility are enlarged,
warping is at full resolution; four RSU levels instead of six; luma instead of RGB, also locally
normalised. Not in the paper: a warm-up on the true flow of phantom and rendered scenes.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from training.common import losses
from training.zoo.blocks import conv, enlarge, initialise, normalise, warp
from training.zoo.ifrnet import flow_at_eighth


class UNet(nn.Module):
    """Stage 1: hierarchies with average pooling downwards, bilinear enlargement and skip
    concatenation upwards (Super SloMo's flow network).
    """

    def __init__(self, c_in, c_out, widths):
        super().__init__()
        self.enter = nn.Sequential(conv(c_in, widths[0], 5), conv(widths[0], widths[0], 3))
        self.down = nn.ModuleList([nn.Sequential(conv(i, o), conv(o, o)) for i, o in zip(widths[:-1], widths[1:])])
        self.up = nn.ModuleList([conv(i + o, o) for i, o in zip(widths[:0:-1], widths[-2::-1])])
        self.head = nn.Conv2d(widths[0], c_out, 3, 1, 1)

    def forward(self, x):
        skips = [self.enter(x)]
        for level in self.down:
            skips.append(level(F.avg_pool2d(skips[-1], 2)))
        y = skips.pop()
        for level in self.up:
            y = level(torch.cat([enlarge(y), skips.pop()], 1))
        return self.head(y)


class RSU(nn.Module):
    """Residual U-block of U²-Net: a small U-Net of `depth` levels, added to its first layer."""

    def __init__(self, c_in, mid, c_out, depth):
        super().__init__()
        self.enter = conv(c_in, c_out)
        self.down = nn.ModuleList([conv(c_out if k == 0 else mid, mid) for k in range(depth)])
        self.bottom = conv(mid, mid)
        self.up = nn.ModuleList([conv(2 * mid, c_out if k == 0 else mid) for k in range(depth)])

    def forward(self, x):
        start = self.enter(x)
        y, skips = start, []
        for k, level in enumerate(self.down):
            y = level(y if k == 0 else F.avg_pool2d(y, 2))
            skips.append(y)
        y = self.bottom(y)
        for k in range(len(self.down) - 1, -1, -1):
            y = self.up[k](torch.cat([y, skips[k]], 1))
            y = enlarge(y) if k else y
        return start + y


class Net(nn.Module):
    times, multiple, reduced = "any", 64, 2

    def __init__(self, flow=(12, 24, 36, 48, 64), widths=(12, 20, 28, 40), mid=(8, 12, 16, 24)):
        super().__init__()
        self.config = dict(flow=list(flow), widths=list(widths), mid=list(mid))
        self.first = UNet(4, 4, flow)
        a, b, c, d = widths
        self.encoder = nn.ModuleList(
            [RSU(8, mid[0], a, 3), RSU(a, mid[1], b, 3), RSU(b, mid[2], c, 2), RSU(c, mid[3], d, 2)]
        )
        self.decoder = nn.ModuleList([RSU(d + c, mid[2], c, 2), RSU(c + b, mid[1], b, 3), RSU(b + a, mid[0], a, 3)])
        self.sides = nn.ModuleList([nn.Conv2d(i, 5, 3, 1, 1) for i in (d, c, b, a)])
        self.join = nn.Conv2d(20, 5, 1)
        initialise(self)
        with torch.no_grad():
            self.first.head.weight.mul_(0.2)
            for s in self.sides:
                s.weight.mul_(0.1)
            self.join.weight.mul_(0.05)
            for k in range(5):  # starts as the finest side output
                self.join.weight[k, 15 + k] += 1

    @staticmethod
    def synthesise(y0, y1, t, flow, seen):
        w0, w1 = (1 - t) * seen, t * (1 - seen)
        return (w0 * warp(y0, flow[:, :2]) + w1 * warp(y1, flow[:, 2:])) / (w0 + w1 + 1e-6)

    def levels(self, h0, h1, t):
        """Half-resolution lumas → stage 1's flows at t, and (flow, visibility) of every side
        output, the joint one last.
        """
        x0, x1 = normalise(h0), normalise(h1)
        two = self.first(torch.cat([(h0 - 0.5) * 2, (h1 - 0.5) * 2, x0, x1], 1)) * 4
        f01, f10 = two[:, :2], two[:, 2:]
        flow = torch.cat([-(1 - t) * t * f01 + t * t * f10, (1 - t) ** 2 * f01 - t * (1 - t) * f10], 1)
        x = torch.cat([x0, x1, warp(x0, flow[:, :2]), warp(x1, flow[:, 2:]), flow * 0.1], 1)
        skips = []
        for k, level in enumerate(self.encoder):
            x = level(x if k == 0 else F.avg_pool2d(x, 2))
            skips.append(x)
        sides = [enlarge(self.sides[0](x), 8)]
        for k, level in enumerate(self.decoder):
            x = level(torch.cat([enlarge(x), skips[2 - k]], 1))
            side = self.sides[k + 1](x)
            sides.append(enlarge(side, 4 // 2**k) if k < 2 else side)
        outs = [(flow + o[:, :4] * 2, torch.sigmoid(o[:, 4:])) for o in (*sides, self.join(torch.cat(sides, 1)))]
        return flow, outs

    def estimate(self, h0, h1, t):
        """Flows of reduced lumas, with the size of their cells: what the true-flow warm-up looks
        at.
        """
        flow, outs = self.levels(h0, h1, t)
        return [(flow, 2), *((f, 2) for f, _ in outs)]

    def forward(self, y0, y1, t):
        """Lumas [N,1,H,W] 0…1, t [N,1,1,1] → frame, flow (to frame 0, to frame 1; full-resolution
        pixels), visibility; side outputs (half resolution), stage 1's flows.
        """
        h0, h1 = F.avg_pool2d(y0, 2), F.avg_pool2d(y1, 2)
        flow, outs = self.levels(h0, h1, t)
        fine, seen = enlarge(outs[-1][0]) * 2, enlarge(outs[-1][1])
        return dict(
            frame=self.synthesise(y0, y1, t, fine, seen), flow=fine, seen=seen, sides=outs, first=flow, small=(h0, h1)
        )

    def chroma(self, m, c0, c1, t):
        """Luma's flow at half size and half length, its visibility."""
        return self.synthesise(c0, c1, t, F.avg_pool2d(m["flow"], 2) / 2, F.avg_pool2d(m["seen"], 2))


def objective(net, b, progress, inner):
    """Reconstruction of the frame and of every side output (half resolution), flow smoothness; true
    flow leads at first where it is known.
    """
    t = b["time"]
    m = net(b["frame0"], b["frame1"], t)
    lead = max(0.0, 1 - progress / 0.4)
    small, blend = F.avg_pool2d(b["truth"], 2), F.avg_pool2d(b["blend"], 2)
    side = (
        sum(
            losses.relative(inner(net.synthesise(*m["small"], t, f, v), 2), blend, small).mean()
            for f, v in m["sides"][:-1]
        )
        / 4
    )
    flows = [m["first"], *(f for f, _ in m["sides"])]
    epe = sum(losses.robust_endpoint_error(inner(flow_at_eighth(f, 2), 8), b["flow"]) for f in flows) / len(flows)
    f = m["flow"]
    parts = dict(
        photo=losses.relative(inner(m["frame"]), b["blend"], b["truth"]).mean(),
        side=side,
        epe=epe,
        smooth=(f[..., 1:] - f[..., :-1]).abs().mean() + (f[..., 1:, :] - f[..., :-1, :]).abs().mean(),
    )
    return 0.1 * parts["photo"] + 0.05 * side + 0.001 * parts["smooth"] + (0.003 + 0.047 * lead) * epe, parts
