"""flow-m: three blocks, coarse to fine, whose output is flow-s's: a field on the 1/8 grid (kind
`flow`).

The shape of RIFE (Huang et al., ECCV 2022) without its last block: each block sees both frames, the
frames as the field so far warps them, and that field, all at its own resolution, and corrects the
field. It starts from the block search's vectors instead of from nothing, works on
quarter-resolution luma, and knows what the candidates cost. The last block also gives a second
motion with its share, and the expected error. Warping, blending and other times are the kernel's,
so 16-bit planes, other sizes and everything else that flow networks can do come along. Reduced so,
RIFE itself keeps its quality; this one has its own weights and training (`train.py`).
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from training.common import weights
from training.common.warp import upsample, warp

SLOPE = 0.1
SCALES = (4, 2, 1)  # of the blocks' grids to the 1/8 grid
COSTS = 18  # candidates' costs that are read
FIELD = 6  # f0, f1, m, e of one motion


def conv(c_in, c_out, stride=1, kernel=3):
    return nn.Sequential(nn.Conv2d(c_in, c_out, kernel, stride, (kernel - 1) // 2), nn.LeakyReLU(SLOPE))


class Residual(nn.Module):
    """Convolution, scaled by a learned factor a channel, added to what went in."""

    def __init__(self, c):
        super().__init__()
        self.conv, self.beta = nn.Conv2d(c, c, 3, 1, 1), nn.Parameter(torch.full((1, c, 1, 1), 0.5))

    def forward(self, x):
        return F.leaky_relu(self.conv(x) * self.beta + x, SLOPE)


class Block(nn.Module):
    """Pictures at quarter resolution (reduced by `scale`) and what is known on the 1/8 grid →
    changes on the 1/8 grid.
    """

    def __init__(self, scale, width, depth, outputs):
        super().__init__()
        self.scale = scale
        self.look, self.tell = conv(5, width // 2, 2, 4), conv(5 + COSTS, width // 2)
        self.body = nn.Sequential(conv(width, width), *(Residual(width) for _ in range(depth)))
        self.head = nn.Conv2d(width, outputs, 3, 1, 1)

    def forward(self, pictures, known):
        if self.scale > 1:
            pictures, known = F.avg_pool2d(pictures, self.scale), F.avg_pool2d(known, self.scale)
        x = self.head(self.body(torch.cat([self.look(pictures), self.tell(known)], 1)).float())
        if self.scale == 1:
            return x
        return F.interpolate(x, scale_factor=float(self.scale), mode="bilinear", align_corners=False)


class FlowM(nn.Module):
    """images [N,4,H/4,W/4], seed [N,3,H/8,W/8], costs [N,18 or more,H/8,W/8] → field [N,12,H/8,W/8]
    (README.md, "Conventions"). H, W multiples of 32. What else flow networks are given is not read.
    """

    mixed = False  # bfloat16 convolutions while training

    def __init__(self, widths=(128, 96, 64), depths=(6, 6, 6)):
        super().__init__()
        self.config = dict(widths=list(widths), depths=list(depths))
        outputs = (5, 5, 2 * FIELD)
        self.blocks = nn.ModuleList([Block(*row) for row in zip(SCALES, widths, depths, outputs)])
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, a=SLOPE, nonlinearity="leaky_relu")
                nn.init.zeros_(m.bias)
        with torch.no_grad():  # start near the seed, alive everywhere
            for block in self.blocks:
                block.head.weight.mul_(0.05)
            self.blocks[2].head.bias[5] = -4.0  # small expected error
            self.blocks[2].head.bias[11] = -2.0  # a small share of the second motion

    def look(self, images, flow, mask, costs):
        """What a block is given: quarter-resolution pictures, and what is known on the 1/8 grid."""
        h, w = images.shape[-2:]
        q0, q1 = images[:, :1], images[:, 1:2]
        fine = upsample(flow, h, w, 2) * 0.25  # quarter-resolution pixels
        w0, w1 = warp(q0, fine[:, :2]), warp(q1, fine[:, 2:])
        pictures = torch.cat([(torch.cat([q0, q1, w0, w1], 1) - 0.5) * 4, (w0 - w1) * 8], 1)
        return pictures, torch.cat([(flow * 0.05).clamp(-3, 3), mask, (costs[:, :COSTS] * 16).clamp(max=4)], 1)

    def forward(self, images, seed, costs, fine=None, motion=None):
        v = seed[:, :2] * 0.5
        flow, mask = torch.cat([-v, v], 1), torch.zeros_like(v[:, :1])  # of the mask the logit
        for block in self.blocks:
            given = self.look(images, flow, mask, costs)
            with torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=self.training and self.mixed):
                change = block(*given)
            base = flow
            flow, mask = flow + change[:, :4] * 4, mask + change[:, 4:5]
        second = base + change[:, FIELD : FIELD + 4] * 4
        # a small share is none: the kernel skips such cells
        share = F.relu(torch.sigmoid(change[:, -1:]) * 1.25 - 0.25)
        error = torch.sigmoid(change[:, 5:6])
        return torch.cat([flow, torch.sigmoid(mask), error, second, torch.sigmoid(change[:, 10:11]), share], 1)


def load(path, device="cpu"):
    """Weights file or training checkpoint → network in evaluation mode, and the file's metadata."""
    return weights.load(path, lambda blob: FlowM(**blob["config"]), device)
