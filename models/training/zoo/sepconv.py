"""Adaptive separable convolution: every output pixel has its own vertical and horizontal 1-D kernel
for each of the two frames.

Niklaus, Mai, Liu, "Video Frame Interpolation via Adaptive Separable Convolution", ICCV 2017. As
published: an encoder-decoder with average pooling, bilinear enlargement and skip additions, whose
decoder stops short of full resolution; four sub-networks (convolutions, enlargement, convolution)
give the kernels; motion, occlusion and resampling are all in the kernels, with no flow anywhere.

Shrunk: 25 taps instead of 51 (reach ±12 pixels, motion of 24 between the frames), widths, luma
instead of RGB; the encoder starts from the picture in 4x4 pixel blocks (16 channels a frame) and
kernels are made at quarter resolution, then enlarged (published: half). Kernels are not normalised,
as published; their biases start at the blend of the two frames. Not in the paper: the encoder sees
locally normalised lumas, and a warm-up draws the kernels to the true flow of rendered scenes.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from training.common import losses
from training.zoo.blocks import conv, enlarge, halve_kernel, hats, initialise, normalise, separable, unshuffle

TAPS = 25


class Net(nn.Module):
    times, multiple, reduced = "half", 64, 1

    def __init__(self, widths=(32, 48, 64, 80), taps=TAPS):
        super().__init__()
        self.config = dict(widths=list(widths), taps=taps)
        a, b, c, d = widths
        self.taps = taps
        # applying the kernels, per luma pixel: both frames, chroma on top
        self.kernel_macs = 2 * (taps * (taps + 1) + (taps // 4 * 2 + 3) ** 2 // 2)
        self.enter = nn.Sequential(conv(32, a), conv(a, a))
        self.down = nn.ModuleList([nn.Sequential(conv(i, o), conv(o, o)) for i, o in ((a, b), (b, c), (c, d))])
        self.up = nn.ModuleList([conv(i, o) for i, o in ((d, c), (c, b), (b, a))])
        self.kernels = nn.ModuleList([nn.Sequential(conv(a, a), nn.Conv2d(a, taps, 3, 1, 1)) for _ in range(4)])
        initialise(self)
        with torch.no_grad():
            # 0: vertical of frame 0, 1: horizontal; 2, 3: of frame 1
            for k, sub in enumerate(self.kernels):
                sub[1].weight.mul_(0.03)
                sub[1].bias[taps // 2] = 1.0 if k % 2 == 0 else 0.5

    def coarse(self, y0, y1):
        """The four kernels at quarter resolution."""
        x = [self.enter(unshuffle(torch.cat([normalise(y0), normalise(y1)], 1), 4))]
        for level in self.down:
            x.append(level(F.avg_pool2d(x[-1], 2)))
        y = x[3]
        for k, level in enumerate(self.up):
            y = level(enlarge(y)) + x[2 - k]
        return [sub(y) for sub in self.kernels]

    def forward(self, y0, y1, t=None):
        """Lumas [N,1,H,W] 0…1 → frame at t = 1/2, the four kernels [N,taps,H,W]."""
        k = [enlarge(x, 4) for x in self.coarse(y0, y1)]
        return dict(frame=separable(y0, k[0], k[1]) + separable(y1, k[2], k[3]), kernels=k)

    def chroma(self, m, c0, c1, t):
        """Luma's kernels resampled for the half-resolution planes (halve_kernel)."""
        k = [halve_kernel(x) for x in m["kernels"]]
        return separable(c0 - 0.5, k[0], k[1]) + separable(c1 - 0.5, k[2], k[3]) + 0.5


def warm_up(net, b, inner):
    """Kernels drawn to those that read along the true flow, half from each frame, where that lies
    within their reach.
    """
    total, still, kernels = 0, 0, net.coarse(b["frame0"], b["frame1"])
    for k, component in enumerate((1, 0, 3, 2)):  # vertical, horizontal of frame 0; of frame 1
        want, sure = hats(b["flow"][:, component : component + 1], net.taps)
        got, scale = inner(F.avg_pool2d(kernels[k], 2), 8), 1 if k % 2 == 0 else 2
        plain = torch.zeros_like(got)
        plain[:, net.taps // 2] = 1
        total = total + (((got * scale - want) ** 2).sum(1, keepdim=True) * sure).mean()
        still = still + (((plain - want) ** 2).sum(1, keepdim=True) * sure).mean()
    return total / 4, dict(epe=total / 4, still=still / 4)


def objective(net, b, progress, inner):
    """The published L1 loss of the picture, here relative to the blend's and half of it squared; no
    feature loss (it needs VGG).
    """
    m = net(b["frame0"], b["frame1"])
    parts = dict(photo=losses.relative(inner(m["frame"]), b["blend"], b["truth"]).mean())
    return 0.1 * parts["photo"], parts
