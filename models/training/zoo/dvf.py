"""Deep Voxel Flow: an encoder-decoder gives every pixel a vector across space and time; the frame
is sampled trilinearly along it.

Liu et al., "Video Frame Synthesis Using Deep Voxel Flow", ICCV 2017. As published: three
convolution + pooling stages (5x5, 5x5, 3x3), a bottleneck, three stages of bilinear enlargement,
skip connection and convolution (3x3, 5x5, 5x5), a three-channel tanh output (dx, dy, dt): frame 0
is read at x − d, frame 1 at x + d, and dt weights the two. No loss on the picture but its
difference; smoothness of the field (total variation).

Shrunk: widths (64, 128, 256), 3x3 convolutions in the decoder, luma instead of RGB, and only the
coarsest of the three scales of the multi-scale variant: the network runs on the quarter-resolution
picture, its field is enlarged, sampling is at full resolution. Not in the paper: t as a constant
input channel, with the vector of t = 1/2 scaled by 2t and 2(1 − t), so that one network serves any
time; LeakyReLU for ReLU and batch normalisation; locally normalised lumas as further inputs; a
warm-up on the true flow of rendered scenes, because the picture's difference alone keeps the field
at zero.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from training.common import losses
from training.zoo.blocks import constant, conv, enlarge, initialise, normalise, warp
from training.zoo.ifrnet import flow_at_eighth

REACH = 24.0  # pixels of the quarter-resolution picture that tanh spans


class Net(nn.Module):
    times, multiple, reduced = "any", 64, 4

    def __init__(self, widths=(24, 36, 64)):
        super().__init__()
        self.config = dict(widths=list(widths))
        a, b, c = widths
        self.down1, self.down2, self.down3 = conv(5, a, 5), conv(a, b, 5), conv(b, c, 3)
        self.bottom = conv(c, c)
        self.up3, self.up2, self.up1 = conv(2 * c, c), conv(c + b, b), conv(b + a, a)
        self.head = nn.Conv2d(a, 3, 5, 1, 2)
        initialise(self)
        with torch.no_grad():
            self.head.weight.mul_(0.05)

    def voxels(self, q0, q1, t):
        """Reduced lumas → tanh output: vector at t = 1/2 (in REACH), time channel."""
        x1 = self.down1(torch.cat([(q0 - 0.5) * 2, (q1 - 0.5) * 2, normalise(q0), normalise(q1), constant(q0, t)], 1))
        x2 = self.down2(F.max_pool2d(x1, 2))
        x3 = self.down3(F.max_pool2d(x2, 2))
        x = self.bottom(F.max_pool2d(x3, 2))
        x = self.up3(torch.cat([enlarge(x), x3], 1))
        x = self.up2(torch.cat([enlarge(x), x2], 1))
        return torch.tanh(self.head(self.up1(torch.cat([enlarge(x), x1], 1))))

    @staticmethod
    def both(voxel, t):
        """Vectors to both frames, in pixels of the reduced picture."""
        d = voxel[:, :2] * REACH
        return torch.cat([-2 * t * d, 2 * (1 - t) * d], 1)

    def estimate(self, q0, q1, t):
        """Flows of reduced lumas, with the size of their cells: what the true-flow warm-up looks
        at.
        """
        return [(self.both(self.voxels(q0, q1, t), t), 4)]

    def forward(self, y0, y1, t):
        """Lumas [N,1,H,W] 0…1, t [N,1,1,1] → frame, flow (to frame 0, to frame 1; full-resolution
        pixels), weight of frame 0.
        """
        voxel = self.voxels(F.avg_pool2d(y0, 4), F.avg_pool2d(y1, 4), t)
        flow = self.both(voxel, t)
        big, mask = enlarge(flow, 4) * 4, self.weight(enlarge((voxel[:, 2:] + 1) / 2, 4), t)
        frame = mask * warp(y0, big[:, :2]) + (1 - mask) * warp(y1, big[:, 2:])
        return dict(frame=frame, flow=big, mask=mask, coarse=flow, d=voxel[:, :2] * REACH)

    @staticmethod
    def weight(m, t):
        """Weight of frame 0: the time channel, drawn to the nearer frame."""
        return (1 - t) * m / ((1 - t) * m + t * (1 - m) + 1e-6)

    def chroma(self, m, c0, c1, t):
        """Luma's vectors at half size and half length, its weight."""
        flow, mask = F.avg_pool2d(m["flow"], 2) / 2, F.avg_pool2d(m["mask"], 2)
        return mask * warp(c0, flow[:, :2]) + (1 - mask) * warp(c1, flow[:, 2:])


def objective(net, b, progress, inner):
    """Picture difference (relative to the blend's) + total variation of the field; true flow leads
    at first (scenes only know it).
    """
    m = net(b["frame0"], b["frame1"], b["time"])
    lead = max(0.0, 1 - progress / 0.4)
    d = m["d"]
    epe = losses.robust_endpoint_error(inner(flow_at_eighth(m["coarse"], 4), 8), b["flow"])
    parts = dict(
        photo=losses.relative(inner(m["frame"]), b["blend"], b["truth"]).mean(),
        epe=epe,
        smooth=(d[..., 1:] - d[..., :-1]).abs().mean() + (d[..., 1:, :] - d[..., :-1, :]).abs().mean(),
    )
    return (0.1 if progress > 0.08 else 0.01) * parts["photo"] + 0.002 * parts["smooth"] + (
        0.005 + 0.045 * lead
    ) * epe, parts
