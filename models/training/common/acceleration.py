"""What the pairs of frames beside tell of a pair's acceleration (SEARCH.md, "Acceleration").

Vectors in full-resolution pixels on the 1/8 grid. v: this pair's, from its frame 0 to frame 1, of
what passes the cell at t = 1/2. A neighbour is the seed of the pair before or after, and its ratio:
that pair's interval over this one's.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F

from training.common.warp import warp

STILL = 1.0  # pixels: a vector shorter than this stands still
SLACK = 8.0  # pixels by which a motion may change beyond the shorter of both vectors
SHARES = (0.0, 0.5, 0.9)  # of box5x5(q) that a field gets without a network's gate, by neighbours
CHANNELS = 8  # of `motion`


class Neighbour(NamedTuple):
    """Seed [N,3,h,w] of a pair beside, and its interval over this one's (a number or [N,1,1,1])."""

    seed: torch.Tensor
    ratio: float | torch.Tensor = 1.0


def read_beside(v, beside, after=False):
    """A neighbour's seed [N,3,h,w] read where the cell was half-way through the pair before, or
    will be half-way through the one after; its vectors brought to this pair's interval.
    """
    way = v * ((1 + beside.ratio) / 16)
    read = warp(beside.seed, way if after else -way)
    return torch.cat([read[:, :2] / beside.ratio, read[:, 2:]], 1)


def guarded(v, p, ratio, after=False):
    """q [N,2,h,w] of one neighbour's vectors p (of read_beside): how far t = 1/2 lies off the
    straight way. Zero where one of the two motions stands still, and where they differ by more than
    the shorter one and SLACK.
    """
    change = p - v if after else v - p
    long_v, long_p, long_change = (x.square().sum(1, keepdim=True).sqrt() for x in (v, p, change))
    shorter = torch.minimum(long_v, long_p)
    sure = (shorter >= STILL) & (long_change <= shorter + SLACK)
    return torch.where(sure, change * (0.25 / (1 + ratio)), torch.zeros_like(change))


def box5x5(q):
    """Mean over 5x5 cells, edges replicated."""
    return F.avg_pool2d(F.pad(q, (2,) * 4, mode="replicate"), 5, 1)


def motion(seed, before=None, after=None):
    """The input `motion` [N,8,h,w] of a flow network: p (2), q (2), box5x5(q) (2), the cost of p in
    its own pair, and 0, 1/2 or 1 for no, one or both neighbours.

    p is the vector of the pair before; with an `after` alone that of the pair after.
    """
    n, _, h, w = seed.shape
    v, found = seed[:, :2], []
    for beside, later in ((before, False), (after, True)):
        if beside is not None:
            read = read_beside(v, beside, later)
            found.append((read, guarded(v, read[:, :2], beside.ratio, later)))
    if not found:
        return seed.new_zeros(n, CHANNELS, h, w)
    q = sum(q for _, q in found) / len(found)
    p = found[0][0]
    known = torch.full_like(p[:, :1], len(found) / 2)
    return torch.cat([p[:, :2], q, box5x5(q), p[:, 2:3], known], 1)


def share_of(motion):
    """SHARES by `motion`'s last channel [N,1,h,w]."""
    known = motion[:, 7:8]
    return torch.where(known > 0.75, SHARES[2], torch.where(known > 0.25, SHARES[1], SHARES[0]))


def accelerated(field, motion):
    """A field for t = 1/2 whose flows (of both motions) get the share of box5x5(q) that a network
    without a gate of its own is given.
    """
    a = share_of(motion) * motion[:, 4:6]
    parts = [torch.cat([f[:, :2] + a, f[:, 2:4] + a, f[:, 4:]], 1) for f in field.split(6, 1)]
    return torch.cat(parts, 1)
