"""flow-s: a small U-Net at 1/8, 1/16, 1/32 resolution that refines the block search's seed into a
flow field.

It does what a search cannot: choose among the vectors of the neighbourhood at motion boundaries,
correct them by a residual, decide from which frame to take each place, blend two motions where one
cannot explain a cell, and foretell its own error.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from training.common import weights
from training.common.search import OFFSETS
from training.common.warp import upsample, warp

REACH = 3


def conv(c_in, c_out, stride=1, kernel=3):
    return nn.Sequential(nn.Conv2d(c_in, c_out, kernel, stride, (kernel - 1) // 2), nn.ReLU())


class Up(nn.Module):
    """1x1 convolution, every value repeated 2x2, added to the skip connection.

    (Pixel shuffle takes ONNX Runtime longer than a 3x3 convolution.)
    """

    def __init__(self, c_in, c_out):
        super().__init__()
        self.narrow = nn.Conv2d(c_in, c_out, 1)

    def forward(self, x, skip):
        return F.relu(F.interpolate(self.narrow(x), scale_factor=2, mode="nearest") + skip)


class FlowS(nn.Module):
    """images [N,4,H/4,W/4], seed [N,3,H/8,W/8], costs [N,18,H/8,W/8] → field [N,12,H/8,W/8]
    (README.md, "Conventions"). H, W multiples of 32.
    """

    def __init__(self, widths=(48, 64, 96)):
        super().__init__()
        a, b, c = widths
        self.config = dict(widths=list(widths))
        self.look = conv(5, a, 2, 4)
        self.join = nn.Conv2d(a, a, 3, 1, 1)
        # the seed, its costs and a zero: int8 wants channels by eights
        self.tell = nn.Conv2d(24, a, 3, 1, 1)
        self.trust = nn.Parameter(torch.full((1,), 30.0))
        self.down1 = nn.Sequential(conv(a, b, 2), conv(b, b))
        self.down2 = nn.Sequential(conv(b, c, 2), conv(c, c), conv(c, c))
        self.up2, self.mid = Up(c, b), conv(b, b)
        self.up1, self.fine = Up(b, a), nn.Sequential(conv(a, a), conv(a, a))
        self.head = nn.Conv2d(a, 2 * (len(OFFSETS) + 1 + 6), 1)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, nonlinearity="relu")
                nn.init.zeros_(m.bias)
        with torch.no_grad():  # start near the seed, alive everywhere
            self.head.weight.mul_(0.2)
            self.head.bias[0] = 4.0  # the cell's own vector
            self.head.bias[len(OFFSETS) + 6] = -4.0  # small expected error
            self.head.bias[-1] = -2.0  # a small share of the second motion

    mixed = False  # bfloat16 convolutions while training

    def features(self, images, seed, costs):
        """[N,a,H/8,W/8], what the head reads."""
        difference = (images[:, 2:3] - images[:, 3:4]) * 8
        x = self.look(torch.cat([(images - 0.5) * 4, difference], 1))
        v = seed[:, :2]
        deviation = v - F.avg_pool2d(v, 9, 1, 4, count_include_pad=False)
        s = torch.cat([(v * 0.05).clamp(-3, 3), (deviation * 0.2).clamp(-5, 5), seed[:, 2:3] * 16], 1)
        s = torch.cat([s, (costs * 16).clamp(max=4), torch.zeros_like(v[:, :1])], 1)
        x1 = F.relu(self.join(x) + self.tell(s))
        x2 = self.down1(x1)
        x3 = self.down2(x2)
        return self.fine(self.up1(self.mid(self.up2(x3, x2)), x1))

    def forward(self, images, seed, costs):
        with torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=self.training and self.mixed):
            features = self.features(images, seed, costs)
        h = self.head(features.float())
        padded = F.pad(seed[:, :2], (REACH,) * 4, mode="replicate")
        height, width = seed.shape[-2:]
        around = [padded[:, :, REACH + dy : REACH + dy + height, REACH + dx : REACH + dx + width] for dy, dx in OFFSETS]
        first, second = (self.motion(part, around, costs) for part in h.chunk(2, 1))
        # a small share is none: the kernel skips such cells
        share = F.relu(second[:, 5:] * 1.25 - 0.25)
        return torch.cat([first, second[:, :5], share], 1)

    def motion(self, h, around, costs):
        """One motion's part of the head's output → f0, f1, m and e (of the second motion: what its
        share is made of).
        """
        k = len(OFFSETS)
        # softmax by hand: ONNX Runtime's is slow along channels
        weights = (h[:, : k + 1] - self.trust * costs).clamp(-30, 30).exp()
        v = 0
        for i, vector in enumerate(around):  # the last candidate is the zero vector
            v = v + weights[:, i : i + 1] * vector
        v = v * (0.5 / weights.sum(1, keepdim=True))
        residual = h[:, k + 1 : k + 5] * 4
        return torch.cat([residual[:, :2] - v, residual[:, 2:] + v, torch.sigmoid(h[:, k + 5 : k + 7])], 1)


def quarter(luma):
    """Full-resolution luma [N,1,H,W] (0…1) → P_2, quarter resolution (the kernel's integer means,
    to rounding).
    """
    return F.avg_pool2d(luma, 4)


def network_inputs(quarter0, quarter1, seed, margin=0):
    """The `images` input: both quarter-resolution lumas and both warped to t = 1/2 by the seed.

    `margin`: as in warp.
    """
    h, w = (n - 2 * margin for n in quarter0.shape[-2:])
    v = upsample(seed[:, :2], h, w, 2) * 0.125  # half the motion, in quarter-resolution pixels
    inner = [q[..., margin : margin + h, margin : margin + w] for q in (quarter0, quarter1)]
    return torch.cat([*inner, warp(quarter0, -v, margin), warp(quarter1, v, margin)], 1)


def load(path, device="cpu"):
    """Weights file or training checkpoint → network in evaluation mode, and the file's metadata."""
    return weights.load(path, lambda blob: FlowS(**blob["config"]), device)
