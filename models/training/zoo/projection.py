"""Flow projection: the motion of a frame's cells, put down where they are at time t.

The layer of MEMC-Net (Bao et al., TPAMI 2019) and DAIN (Bao et al., CVPR 2019): every vector goes
to where it points at t, vectors that meet are averaged (DAIN: weighted by inverse depth), and holes
are filled from outside in. Published: at full resolution, each vector to the four pixels around
with equal weight, holes from the nearest vectors in four directions. Here: on the grid of the given
motion, the four cells weighted by nearness (a cell is several pixels wide), holes from ever coarser
means. The sums are one scatter-add, ONNX's ScatterElements with reduction=add.
"""

import torch
import torch.nn.functional as F

from training.zoo.blocks import enlarge

LEVELS = 4  # of the means that fill holes; sides of the grid are multiples of 2 ** LEVELS
SURE = 0.5  # a cell into which less arrived is taken from around by that share


def places(field):
    """x and y [1,h,w] of a grid's cells."""
    h, w = field.shape[-2:]
    x = torch.arange(w, device=field.device, dtype=field.dtype)[None, None, :]
    y = torch.arange(h, device=field.device, dtype=field.dtype)[None, :, None]
    return x + 0 * y, y + 0 * x


def splat(motion, carried, t):
    """Sums [N,C,h,w] of what is carried [N,C,h,w] to where each cell is at t [N,1,1,1] by its
    motion [N,2,h,w] (cells, from t = 0 to t = 1).
    """
    h, w = motion.shape[-2:]
    x, y = places(motion)
    x, y = x + t[:, 0] * motion[:, 0], y + t[:, 0] * motion[:, 1]
    left, top = x.floor(), y.floor()
    to, shares = [], []
    for cx, cy in ((left, top), (left + 1, top), (left, top + 1), (left + 1, top + 1)):
        inside = ((cx >= 0) & (cx <= w - 1) & (cy >= 0) & (cy <= h - 1)).to(motion)
        share = (1 - (x - cx).abs()) * (1 - (y - cy).abs()) * inside
        shares.append((carried * share[:, None]).flatten(2))
        to.append((cy.clamp(0, h - 1).long() * w + cx.clamp(0, w - 1).long()).flatten(1))
    to = torch.cat(to, 1)[:, None].expand(-1, carried.shape[1], -1)
    return torch.zeros_like(carried).flatten(2).scatter_add(2, to, torch.cat(shares, 2)).reshape(carried.shape)


def fill(mean, count):
    """What is known [N,C,h,w], and where little or nothing arrived (count [N,1,h,w]) what is
    around.
    """
    sums = [torch.cat([mean * count, count], 1)]
    for _ in range(LEVELS):
        sums.append(F.avg_pool2d(sums[-1], 2))
    filled = sums[-1][:, :-1] / sums[-1][:, -1:].clamp(min=1e-4)
    for level in sums[-2::-1]:
        sure = (level[:, -1:] / SURE).clamp(max=1)
        filled = sure * level[:, :-1] / level[:, -1:].clamp(min=1e-4) + (1 - sure) * enlarge(filled)
    return filled


def project(motion, weight, t):
    """Motion [N,2,h,w] of the cells from t = 0 to t = 1, and each cell's weight [N,1,h,w] → the
    vector from each place at t back to t = 0 [N,2,h,w], and how much arrived there [N,1,h,w].
    """
    motion, weight = motion.float(), weight.float()  # no sums in bfloat16
    arrived = splat(motion, torch.cat([motion * weight, weight, torch.ones_like(weight)], 1), t)
    count = arrived[:, 3:]
    return -t * fill(arrived[:, :2] / arrived[:, 2:3].clamp(min=1e-4), count), count
