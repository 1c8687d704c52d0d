"""flow-s: a small U-Net at 1/8, 1/16, 1/32 resolution that refines the block search's seed into a
flow field.

It does what a search cannot: choose among the vectors of the neighbourhood at motion boundaries,
those of a second search with a small window and that of the pair before, correct them by a
residual, decide how far the acceleration that the pairs beside tell holds, and from which frame to
take each place, blend two motions where one cannot explain a cell, and foretell its own error.
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from training.common import weights
from training.common.acceleration import SHARES
from training.common.search import OFFSETS
from training.common.warp import upsample, warp
from training.flow_s.choice import CANDIDATES, MOST, field_of, widened

OPEN = math.log(SHARES[1] / (MOST - SHARES[1]))  # what opens it as far as without a network


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


class Head(nn.Conv2d):
    """A 1x1 convolution whose outputs have gains: how fast each of them learns."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.register_buffer("gain", torch.ones(self.out_channels, 1), persistent=False)

    def forward(self, x):
        return F.conv2d(x, self.weight * self.gain[:, :, None, None], self.bias * self.gain[:, 0])


class FlowS(nn.Module):
    """images [N,4,H/4,W/4], seed [N,3,H/8,W/8], costs [N,28,H/8,W/8], fine [N,3,H/8,W/8], motion
    [N,8,H/8,W/8] → field [N,12,H/8,W/8] (README.md, "Conventions"). H, W multiples of 32.

    Without `beside` the former network, of two frames: 18 costs, neither fine nor motion.
    """

    def __init__(self, widths=(48, 64, 96), beside=False):
        super().__init__()
        a, b, c = widths
        self.config, self.beside = dict(widths=list(widths), beside=beside), beside
        self.candidates = CANDIDATES if beside else len(OFFSETS) + 1
        self.look = conv(5, a, 2, 4)
        self.join = nn.Conv2d(a, a, 3, 1, 1)
        # what is known of each cell, and zeros: int8 wants channels by eights
        self.tell = nn.Conv2d(48 if beside else 24, a, 3, 1, 1)
        self.trust = nn.Parameter(torch.full((1,), 30.0))
        self.down1 = nn.Sequential(conv(a, b, 2), conv(b, b))
        self.down2 = nn.Sequential(conv(b, c, 2), conv(c, c), conv(c, c))
        self.up2, self.mid = Up(c, b), conv(b, b)
        self.up1, self.fine = Up(b, a), nn.Sequential(conv(a, a), conv(a, a))
        # of each motion: weights of candidates, 4 of the residual, mask, error or share, 2 gates
        outputs = self.candidates + 6 + (2 if beside else 0)
        self.head = Head(a, 2 * outputs, 1)
        if beside:  # what is new learns faster than what the former network knew
            first = torch.ones(outputs)
            first[len(OFFSETS) + 1 : CANDIDATES], first[-2:] = 4.0, 8.0
            self.head.gain = first.repeat(2).view(-1, 1)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, nonlinearity="relu")
                nn.init.zeros_(m.bias)
        with torch.no_grad():  # start near the seed, alive everywhere
            self.head.weight.mul_(0.2)
            self.head.bias[0] = 4.0  # the cell's own vector
            self.head.bias[self.candidates + 5] = -4.0  # small expected error
            self.head.bias[outputs + self.candidates + 5] = -2.0  # a small share of the second motion

    mixed = False  # bfloat16 convolutions while training

    def features(self, images, seed, costs, known=()):
        """[N,a,H/8,W/8], what the head reads. `known`: what _beside() makes of the pairs beside."""
        difference = (images[:, 2:3] - images[:, 3:4]) * 8
        x = self.look(torch.cat([(images - 0.5) * 4, difference], 1))
        v = seed[:, :2]
        deviation = v - F.avg_pool2d(v, 9, 1, 4, count_include_pad=False)
        s = [(v * 0.05).clamp(-3, 3), (deviation * 0.2).clamp(-5, 5), seed[:, 2:3] * 16, (costs * 16).clamp(max=4)]
        free = self.tell.in_channels - sum(part.shape[1] for part in (*s, *known))
        s = torch.cat([*s, *known, torch.zeros_like(costs[:, :free])], 1)
        x1 = F.relu(self.join(x) + self.tell(s))
        x2 = self.down1(x1)
        x3 = self.down2(x2)
        return self.fine(self.up1(self.mid(self.up2(x3, x2)), x1))

    def _beside(self, seed, fine, motion):
        """Channels for `tell`."""
        v, p, q, box, cost, known = seed[:, :2], motion[:, :2], *motion.split((2, 2, 2, 1, 1), 1)[1:]
        away = (p - v) * (known * 2).clamp(max=1)
        told = [((fine[:, :2] - v) * 0.2).clamp(-5, 5), fine[:, 2:3] * 16, (away * 0.2).clamp(-5, 5)]
        told += [*((x * 2).clamp(-5, 5) for x in (q, box, widened(box))), cost * 16, known]
        return told

    def choice(self, images, seed, costs, fine=None, motion=None):
        """[N,2·OUTPUTS,H/8,W/8]: what choice.py makes a field of."""
        told = self._beside(seed, fine, motion) if self.beside else ()
        with torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=self.training and self.mixed):
            features = self.features(images, seed, costs, told)
        return self.head(features.float())

    def forward(self, images, seed, costs, fine=None, motion=None):
        beside = (fine, motion) if self.beside else ()
        return field_of(self.choice(images, seed, costs, *beside), self.trust, seed, costs, *beside)


class Choice(nn.Module):
    """What the product runs of a FlowS: its choice, and how much it trusts costs [1]. The kernel
    makes the field.
    """

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, *given):
        return self.network.choice(*given), self.network.trust.detach()


def grown(former):
    """A FlowS with the pairs beside from one without: step 0 gives its field, with acceleration as
    without a gate.
    """
    network = FlowS(former.config["widths"], beside=True)
    old, new = former.state_dict(), network.state_dict()
    for key in old.keys() - {"tell.weight", "head.weight", "head.bias"}:
        new[key] = old[key]
    n, k = former.candidates, network.candidates
    new["tell.weight"] = torch.zeros_like(new["tell.weight"])
    new["tell.weight"][:, : 5 + n] = old["tell.weight"][:, : 5 + n]
    for key in ("head.weight", "head.bias"):
        weights, kept = torch.zeros_like(new[key]), old[key].chunk(2)
        for part, of in zip(weights.chunk(2), kept):
            part[:n], part[k : k + 6] = of[:n], of[n:]
            if key == "head.bias":
                part[n:k] = -2.0 / network.head.gain[n, 0]  # further candidates begin rare
                part[k + 6] = OPEN / network.head.gain[k + 6, 0]
        new[key] = weights
    network.load_state_dict(new)
    return network


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
