"""MIND: an encoder-decoder makes the frame; which places of the two frames belong together is found
by propagating a pixel of it back to them.

Long et al., "Learning Image Matching by Simply Watching Video", ECCV 2016 ("matching by inverting a
deep neural network"). As published: both frames in, five blocks of 3x3 convolutions and 2x2 max
pooling, five of transposed convolutions and 3x3 convolutions, side connections from the encoder's
blocks to the decoder's, PReLU, Charbonnier loss, trained to interpolate and nothing else. What runs
is the encoder-decoder; matching by back-propagation is `zoo/match.py`.

Shrunk: widths, two convolutions a block instead of three, luma instead of RGB; the first block
works on the picture's 2x2 pixel blocks. Not in the paper: locally normalised lumas as further
inputs; one more side connection, of the frames themselves to the last layer, whose weights start at
their mean: with minutes of training an encoder-decoder blurs even what stands still without it
(cfu).
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from training.common import losses
from training.zoo.blocks import initialise, normalise, unshuffle


def block(c_in, c_out):
    """Two convolutions with PReLU."""
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 3, 1, 1), nn.PReLU(c_out, 0.1), nn.Conv2d(c_out, c_out, 3, 1, 1), nn.PReLU(c_out, 0.1)
    )


class Net(nn.Module):
    times, multiple = "half", 64

    def __init__(self, widths=(16, 24, 40, 56, 80)):
        super().__init__()
        self.config = dict(widths=list(widths))
        self.down = nn.ModuleList([block(i, o) for i, o in zip((16, *widths), widths)])
        finer = list(zip(widths[:0:-1], widths[-2::-1]))
        self.up = nn.ModuleList([nn.ConvTranspose2d(i, o, 4, 2, 1) for i, o in finer])
        self.join = nn.ModuleList([nn.Sequential(nn.Conv2d(2 * o, o, 3, 1, 1), nn.PReLU(o, 0.1)) for _, o in finer])
        self.last = nn.Conv2d(widths[0] + 8, 4, 3, 1, 1)
        initialise(self)
        with torch.no_grad():
            self.last.weight.mul_(0.02)
            # channels of the frames: of each 2x2 block's position frame 0, then frame 1 (unshuffle)
            self.last.weight[:, widths[0] :] = 0
            for position in range(4):
                for frame in range(2):
                    self.last.weight[position, widths[0] + 2 * position + frame, 1, 1] = 0.5

    def features(self, y0, y1):
        """Decoder features at half resolution, and the frames in 2x2 pixel blocks."""
        frames = unshuffle(torch.cat([y0, y1], 1), 2)
        x = torch.cat([(frames - 0.5) * 2, unshuffle(torch.cat([normalise(y0), normalise(y1)], 1), 2)], 1)
        sides = []
        for k, level in enumerate(self.down):
            x = level(F.max_pool2d(x, 2) if k else x)
            sides.append(x)
        for up, join, side in zip(self.up, self.join, sides[-2::-1]):
            x = join(torch.cat([up(x), side], 1))
        return x, frames

    def forward(self, y0, y1, t=None):
        """Planes [N,1,H,W] 0…1 → frame at t = 1/2."""
        return dict(frame=F.pixel_shuffle(self.last(torch.cat(self.features(y0, y1), 1)), 2))

    def decoded(self, y0, y1):
        """The frame, whose derivatives go through the encoder-decoder alone: what matching looks
        at.
        """
        x, frames = self.features(y0, y1)
        return F.pixel_shuffle(self.last(torch.cat([x, frames.detach()], 1)), 2)

    def chroma(self, m, c0, c1, t):
        """The same network, plane by plane."""
        return torch.cat([self(c0[:, k : k + 1], c1[:, k : k + 1])["frame"] for k in range(c0.shape[1])], 1)


def objective(net, b, progress, inner):
    """Charbonnier, as published, and the squared difference, both relative to the blend's."""
    m = net(b["frame0"], b["frame1"])
    parts = dict(photo=losses.relative(inner(m["frame"]), b["blend"], b["truth"]).mean())
    return parts["photo"], parts
