"""Convolutional fusion upsampling: the frame is made directly by convolutions, without any motion
model.

The "CFU" system for frame-rate up-conversion; the paper's text was not at hand, the structure
follows its description: three feature-extraction blocks of two convolutions with ReLU, bilinear
upsampling of their outputs to one size, a fusion convolution, an upsampling convolution; mean
squared error, Adam. It is reported as it is: a network like this blurs whatever moves.

Here: the blocks work at 1/2, 1/4 and 1/8 resolution (the first one enters with stride 2), the
fusion convolution at 1/2, the upsampling convolution is sub-pixel (four channels, shuffled). Each
plane goes through the same network.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from training.zoo.blocks import enlarge, initialise


def block(c_in, c_out, stride):
    """Two convolutions with ReLU."""
    return nn.Sequential(nn.Conv2d(c_in, c_out, 3, stride, 1), nn.ReLU(), nn.Conv2d(c_out, c_out, 3, 1, 1), nn.ReLU())


class Net(nn.Module):
    times, multiple = "half", 32

    def __init__(self, widths=(24, 32, 48), fused=32):
        super().__init__()
        self.config = dict(widths=list(widths), fused=fused)
        self.blocks = nn.ModuleList([block(i, o, 2) for i, o in zip((2, *widths), widths)])
        self.fusion = nn.Sequential(nn.Conv2d(sum(widths), fused, 3, 1, 1), nn.ReLU())
        self.upsampling = nn.Conv2d(fused, 4, 3, 1, 1)
        initialise(self, 0)

    def forward(self, y0, y1, t=None):
        """Planes [N,1,H,W] 0…1 → frame at t = 1/2."""
        x, levels = torch.cat([y0, y1], 1), []
        for k, level in enumerate(self.blocks):
            x = level(x)
            levels.append(enlarge(x, 2**k) if k else x)
        return dict(frame=F.pixel_shuffle(self.upsampling(self.fusion(torch.cat(levels, 1))), 2))

    def chroma(self, m, c0, c1, t):
        """The same network, plane by plane."""
        return torch.cat([self(c0[:, k : k + 1], c1[:, k : k + 1])["frame"] for k in range(c0.shape[1])], 1)


def objective(net, b, progress, inner):
    """Mean squared error."""
    made = inner(net(b["frame0"], b["frame1"])["frame"])
    parts = dict(photo=F.mse_loss(made, b["truth"]) * 100)
    return parts["photo"], parts
