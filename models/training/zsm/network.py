"""Zooming Slow-Mo: space-time super-resolution in one stage, two frames in, three of twice the size
out.

Xiang, Tian, Zhang, Fu, Allebach, Xu: "Zooming Slow-Mo: Fast and Accurate One-Stage Space-Time Video
Super-Resolution", CVPR 2020. As published: features of both frames by residual blocks; the feature
of the missing frame by deformable convolutions that read either frame's features, over a pyramid of
three levels, coarse to fine, and are fused by a 1x1 convolution (feature temporal interpolation);
a bidirectional ConvLSTM over the three features whose hidden and cell states are aligned to each
feature by deformable convolutions of their own; residual blocks and pixel shuffles make all three
frames, the two that were given included.

Shrunk: 24 channels and 2 groups of offsets (64 and 8), 2 residual blocks in front and 4 behind (5
and 40), features at half the input's resolution instead of all of it, the states of the ConvLSTM
aligned with each feature over two levels (published: three; its code also aligns the feature with
the state); twice the size only (published: four times). The ConvLSTM runs over the three features
in both directions of time, with one cell for both, and a 1x1 convolution joins what it says.
Changed: luma and chroma planes instead of RGB; each level of a pyramid adds to the offsets of the
level above it instead of taking its features alone; LeakyReLU for ReLU in the residual blocks;
bicubic enlargements are added to what the network makes, of the middle frame that of both frames
read where the offsets point on average and mixed by a mask; the offsets learn from the block
search's vectors first. Deformable convolutions are gathered samples (GridSample) and a 1x1
convolution.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from training.common import weights
from training.common.warp import warp
from training.zoo.blocks import conv, enlarge, initialise, unshuffle

TAPS = 9


class Deformable(nn.Module):
    """A modulated deformable 3x3 convolution: each group of channels reads its nine taps at offsets
    of its own.
    """

    def __init__(self, c, groups):
        super().__init__()
        self.groups = groups
        self.steer = nn.Conv2d(c, groups * TAPS * 3, 3, 1, 1)  # 2 of 3: offsets (x, y), 1 of 3: weights
        self.mix = nn.Conv2d(c * TAPS, c, 1)

    def forward(self, x, features, coarse):
        """x [N,C,h,w] read at `coarse` [N,2·groups·9,h,w] plus what `features` say → result,
        offsets.
        """
        n, c, h, w = x.shape
        g = self.groups
        steered = self.steer(features).float()
        offsets = coarse + steered[:, : 2 * g * TAPS]
        share = torch.sigmoid(steered[:, 2 * g * TAPS :])
        read = gather(x.float().reshape(n * g, c // g, h, w), offsets.reshape(n * g, TAPS, 2, h, w))
        read = read.reshape(n, g, c // g, TAPS, h, w) * share.reshape(n, g, 1, TAPS, h, w)
        return self.mix(read.reshape(n, c * TAPS, h, w)), offsets


def gather(x, offsets):
    """x [N,C,h,w] at the nine places around each pixel plus offsets [N,9,2,h,w] (x, y in pixels):
    [N,C,9,h,w].
    """
    n, c, h, w = x.shape
    down, right = (torch.arange(k, device=x.device, dtype=x.dtype) for k in (h, w))
    taps = torch.arange(TAPS, device=x.device)
    tap_x, tap_y = (k.to(x.dtype)[None, :, None, None] - 1 for k in (taps % 3, taps // 3))
    px = (right[None, None, None, :] + tap_x + offsets[:, :, 0] + 0.5) * (2 / w) - 1
    py = (down[None, None, :, None] + tap_y + offsets[:, :, 1] + 0.5) * (2 / h) - 1
    grid = torch.stack([px, py], -1).reshape(n, TAPS * h, w, 2)
    read = F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return read.reshape(n, c, TAPS, h, w)


class Pyramid(nn.Module):
    """Features → the same at several levels: whole, half, quarter."""

    def __init__(self, c, levels=3):
        super().__init__()
        self.levels = nn.ModuleList([nn.Sequential(conv(c, c, 3, 2), conv(c, c)) for _ in range(levels - 1)])

    def forward(self, x):
        out = [x]
        for level in self.levels:
            out.append(level(out[-1]))
        return out


class Align(nn.Module):
    """One pyramid of features aligned with another one, coarse to fine, by deformable
    convolutions.
    """

    def __init__(self, c, groups, levels=3):
        super().__init__()
        self.levels = levels
        self.compare = nn.ModuleList([conv(2 * c, c) for _ in range(levels)])
        self.join = nn.ModuleList([conv(2 * c if k + 1 < levels else c, c) for k in range(levels)])
        self.read = nn.ModuleList([Deformable(c, groups) for _ in range(levels)])
        self.fuse = nn.ModuleList([conv(2 * c, c) for _ in range(levels - 1)])

    def forward(self, source, target):
        """Levels of both → the finest one's features, and the offsets of all levels, coarse first,
        with the size of their cells in pixels of the finest.
        """
        features, aligned, offsets, found = None, None, None, []
        for level in reversed(range(self.levels)):
            seen = self.compare[level](torch.cat([source[level], target[level]], 1))
            if features is None:
                features = self.join[level](seen)
                coarse = torch.zeros_like(seen[:, :1]).float()
            else:
                features = self.join[level](torch.cat([seen, enlarge(features)], 1))
                coarse = enlarge(offsets) * 2
            made, offsets = self.read[level](source[level], features, coarse)
            found.append((offsets, 2**level))
            aligned = made if aligned is None else self.fuse[level](torch.cat([made, enlarge(aligned)], 1))
        return aligned, found


def mean_offset(offsets):
    """Offsets [N,2·groups·9,h,w] → their mean over groups and taps [N,2,h,w]."""
    n, c, h, w = offsets.shape
    return offsets.reshape(n, c // 2, 2, h, w).mean(1)


class Cell(nn.Module):
    """A ConvLSTM cell whose states are aligned with what comes in."""

    def __init__(self, c, groups):
        super().__init__()
        self.pyramid = Pyramid(c, 2)
        self.hidden, self.cell = (Align(c, groups, 2) for _ in range(2))
        self.gates = nn.Conv2d(2 * c, 4 * c, 3, 1, 1)

    def forward(self, x, state):
        if state is None:  # nothing to align yet
            h = c = torch.zeros_like(x)
        else:
            target = self.pyramid(x)
            h, c = (align(self.pyramid(s), target)[0] for align, s in zip((self.hidden, self.cell), state))
        i, f, o, g = self.gates(torch.cat([x, h], 1)).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class Block(nn.Module):
    """A residual block without normalisation."""

    def __init__(self, c):
        super().__init__()
        self.body = nn.Sequential(conv(c, c), nn.Conv2d(c, c, 3, 1, 1))

    def forward(self, x):
        return x + self.body(x)


def blocks(c, count):
    return nn.Sequential(*[Block(c) for _ in range(count)])


def bicubic(x):
    """Twice the size."""
    return F.interpolate(x, scale_factor=2.0, mode="bicubic", align_corners=False)


class Zsm(nn.Module):
    scale, multiple = 2, 16

    def __init__(self, width=24, groups=2, front=2, back=4):
        super().__init__()
        self.config = dict(width=width, groups=groups, front=front, back=back)
        self.first = conv(6, width)
        self.front = blocks(width, front)
        self.pyramid = Pyramid(width)
        self.before, self.after = (Align(width, groups) for _ in range(2))
        self.fusion = nn.Conv2d(2 * width, width, 1)
        self.mask = nn.Conv2d(width, 1, 3, 1, 1)
        self.cell = Cell(width, groups)
        self.both_ways = nn.Conv2d(2 * width, width, 1)
        self.back = blocks(width, back)
        self.up = nn.ModuleList([nn.Conv2d(width, 4 * width, 3, 1, 1), nn.Conv2d(width, 4 * (width // 2), 3, 1, 1)])
        self.chroma = nn.Conv2d(width, 2, 3, 1, 1)
        self.luma = nn.Sequential(conv(width // 2, width // 2), nn.Conv2d(width // 2, 1, 3, 1, 1))
        initialise(self)
        with torch.no_grad():  # at first: no offsets, nothing added
            for m in self.modules():
                if isinstance(m, Deformable):
                    m.steer.weight.mul_(0.02)
            for last in (self.luma[1], self.chroma, self.mask):
                last.weight.zero_()

    def interpolate(self, y0, c0, y1, c1):
        """Feature temporal interpolation. Lumas [N,1,H,W] and chromas [N,2,H/2,W/2], 0…1 →
        features of the three frames, a start for the middle one (luma, chroma), the offsets of
        both alignments.
        """
        n = len(y0)
        x = torch.cat([unshuffle(torch.cat([y0, y1]), 2), torch.cat([c0, c1])], 1) - 0.5
        pyramid = self.pyramid(self.front(self.first(x)))
        one, two = [p[:n] for p in pyramid], [p[n:] for p in pyramid]
        (from0, found0), (from1, found1) = self.before(one, two), self.after(two, one)
        middle = self.fusion(torch.cat([from0, from1], 1))
        share = torch.sigmoid(self.mask(middle).float())
        flows = [mean_offset(found[-1][0]) for found in (found0, found1)]
        read = [(warp(y, enlarge(f) * 2), warp(c, f)) for y, c, f in zip((y0, y1), (c0, c1), flows)]
        large = enlarge(share)
        start = (
            large * read[0][0] + (1 - large) * read[1][0],
            share * read[0][1] + (1 - share) * read[1][1],
        )
        return (one[0], middle, two[0]), start, (found0, found1)

    def forward(self, y0, c0, y1, c1):
        """Lumas [N,1,H,W] and chromas [N,2,H/2,W/2], 0…1 → luma [N,3,2H,2W], chroma [N,3,2,H,W] of
        the first, the middle and the second frame; the start of the middle one and the offsets.
        """
        features, start, found = self.interpolate(y0, c0, y1, c1)
        made = self.reconstruct(self.align(features))
        lumas = torch.cat([y0, start[0], y1])
        chromas = torch.cat([c0, start[1], c1])
        n = len(y0)
        y = bicubic(lumas) + made[0]
        c = bicubic(chromas) + made[1]
        frames = lambda x: torch.stack([x[:n], x[n : 2 * n], x[2 * n :]], 1)
        return dict(y=frames(y)[:, :, 0], c=frames(c), start=start, found=found)

    def align(self, features):
        """The bidirectional deformable ConvLSTM over the three features."""
        ways = []
        for order in (features, features[::-1]):
            state, out = None, []
            for x in order:
                state = self.cell(x, state)
                out.append(state[0])
            ways.append(out)
        return [self.both_ways(torch.cat(pair, 1)) for pair in zip(ways[0], ways[1][::-1])]

    def reconstruct(self, features):
        """Features → what is added to the enlarged lumas and chromas, frames one after the
        other.
        """
        x = self.back(torch.cat(features))
        x = F.leaky_relu(F.pixel_shuffle(self.up[0](x), 2), 0.1)
        chroma = self.chroma(x)
        x = F.leaky_relu(F.pixel_shuffle(self.up[1](x), 2), 0.1)
        return self.luma(x).float(), chroma.float()


def load(path, device="cpu"):
    """Weights file or training checkpoint → network in evaluation mode, and the file's metadata."""
    return weights.load(path, lambda blob: Zsm(**blob["config"]), device)
