"""The adaptive warping layer of MEMC-Net (Bao et al., TPAMI 2019), which DAIN uses too: a pixel is
the sum of 4x4 pixels around where its vector points, each with a coefficient of its own times the
bilinear one of its quadrant.

With the coefficients of plain() it is bilinear warping. Written as sixteen gathers from the flat
picture, so it exports.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from training.zoo.blocks import conv, enlarge
from training.zoo.projection import places

SIDE = 4
TAPS = SIDE * SIDE


def plain():
    """Coefficients of bilinear warping: one for the inner four pixels, zero for the others."""
    return [1.0 if 0 < k // SIDE < 3 and 0 < k % SIDE < 3 else 0.0 for k in range(TAPS)]


def adaptive_warp(image, flow, kernel):
    """image [N,C,H,W], flow [N,2,H,W] in its pixels, kernel [N,16,H,W] row by row → [N,C,H,W];
    edges replicated.
    """
    n, c, h, w = image.shape
    x, y = places(image)
    x, y = (x + flow[:, 0]).clamp(0, w - 1), (y + flow[:, 1]).clamp(0, h - 1)
    left, top = x.floor(), y.floor()
    right_share, lower_share = (x - left)[:, None], (y - top)[:, None]
    wide = w + SIDE - 1
    planes = torch.arange(n * c, device=image.device).reshape(n, c, 1, 1) * (wide * (h + SIDE - 1))
    first = (top.long() * wide + left.long())[:, None] + planes
    flat = F.pad(image, (1, 2, 1, 2), mode="replicate").flatten()
    tap = lambda i, j: flat.index_select(0, (first + (i * wide + j)).flatten()).reshape(n, c, h, w)
    share = kernel.split(1, 1)
    total = 0
    for rows, vertical in (((0, 1), 1 - lower_share), ((2, 3), lower_share)):
        for columns, horizontal in (((0, 1), 1 - right_share), ((2, 3), right_share)):
            quadrant = sum(share[SIDE * i + j] * tap(i, j) for i in rows for j in columns)
            total = total + vertical * horizontal * quadrant
    return total


class Kernels(nn.Module):
    """Kernel estimation, a U-Net at quarter resolution: what is known there → its last features
    (`forward`), and of those two kernels for every place (`both`).
    """

    def __init__(self, c_in, widths):
        super().__init__()
        a, b, c = widths
        self.enter = nn.Sequential(conv(c_in, a), conv(a, a))
        self.down1 = nn.Sequential(conv(a, b, 3, 2), conv(b, b))
        self.down2 = nn.Sequential(conv(b, c, 3, 2), conv(c, c))
        self.up2, self.up1 = conv(c + b, b), conv(b + a, a)
        self.head = nn.Conv2d(a, 2 * TAPS, 3, 1, 1)

    def start(self):
        """Bilinear kernels at first, nearly."""
        with torch.no_grad():
            self.head.weight.mul_(0.003)
            self.head.bias.copy_(torch.tensor(plain() * 2))

    def forward(self, x):
        x1 = self.enter(x)
        x2 = self.down1(x1)
        x = self.up2(torch.cat([enlarge(self.down2(x2)), x2], 1))
        return self.up1(torch.cat([enlarge(x), x1], 1))

    def both(self, features):
        """Kernels for frame 0 and for frame 1 [N,16,h,w]."""
        return self.head(features).chunk(2, 1)
