"""Motion estimation between two frames, which MEMC-Net and DAIN begin with: an encoder-decoder with
side connections on the quarter-resolution picture.

Published: FlowNetS (MEMC-Net) and PWC-Net (DAIN). Here: the encoder-decoder of `dvf.py`, the
network of the zoo that finds motion best, begun from its weights. There it gives the vector through
each place at t; here it learns to give the motion of each place of frame 0 to frame 1 and, with the
frames exchanged, of frame 1 to frame 0. Its time stays at 1/2, where dvf is best: there its vectors
are those of the frames' places but where motion changes.
"""

import torch

from training.zoo import dvf
from training.zoo.ifrnet import flow_at_eighth
from training.zoo.projection import splat


class Motion(dvf.Net):
    """Quarter-resolution lumas of two frames → motion from each to the other."""

    def forward(self, q0, q1):
        """→ motion [2N,2,h,w]: frame 0's cells to frame 1, then frame 1's to frame 0; in cells (1/4
        grid).
        """
        half = torch.full_like(q0[:, :1, :1, :1], 0.5).repeat(2, 1, 1, 1)
        return 2 * dvf.REACH * self.voxels(torch.cat([q0, q1]), torch.cat([q1, q0]), half)[:, :2]


def motion_of(flow):
    """True flow at t = 1/2 [N,4,h,w] (1/8 grid, pixels) → the motion of frame 0's cells to frame 1
    and of frame 1's to frame 0, put down where they are there, and how sure that is [N,2,h,w]: no
    cell has a vector that is hidden at 1/2.
    """
    motion = flow[:, 2:] - flow[:, :2]
    vectors, sure = [], []
    for t, sign in ((-0.5, 1), (0.5, -1)):
        arrived = splat(
            motion / 8,
            torch.cat([motion, torch.ones_like(motion[:, :1])], 1),
            torch.full_like(motion[:, :1, :1, :1], t),
        )
        vectors.append(sign * arrived[:, :2] / arrived[:, 2:].clamp(min=1e-4))
        sure.append(arrived[:, 2:].clamp(max=1))
    return torch.cat(vectors, 1), torch.cat(sure, 1)


def motion_loss(motion, b, inner):
    """End-point error of the motion, relative to the sample's, and that of no motion."""
    true, sure = motion_of(b["flow"])
    lengths = lambda f: torch.stack([f[:, :2].norm(dim=1), f[:, 2:].norm(dim=1)], 1) * sure
    mean = lambda f: lengths(f).sum((1, 2, 3)) / sure.sum((1, 2, 3)).clamp(min=1)
    scale, both = mean(true) + 1, torch.cat(motion.float().chunk(2), 1)
    error = (mean(inner(flow_at_eighth(both, 4), 8) - true) / scale).mean()
    return error, dict(epe=error, still=(mean(true) / scale).mean())
