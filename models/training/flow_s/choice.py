"""From what flow-s says of its candidates to a field: the part behind its last convolution.

The product's kernel does the same (src/interp/kernel/assembly/warp/choose.ts): in ONNX Runtime it
took a third of the network's time.
"""

import torch
import torch.nn.functional as F

from training.common.acceleration import SHARES
from training.common.search import NEAR, OFFSETS

REACH = 3
CANDIDATES = len(OFFSETS) + 1 + NEAR + 1  # the search's and zero, the second search's, the pair before's
LEAST = 1 / 32  # of the second motion's share
OUTPUTS = CANDIDATES + 8  # of a motion: weights, 4 of the residual, mask, error or share, 2 gates
MOST = 1.2  # of box5x5(q) that a gate lets through with one neighbour
RATIO = SHARES[2] / SHARES[1]  # how much more with both


def widened(box):
    """Mean over 9x9 cells, those outside left out."""
    return F.avg_pool2d(box, 9, 1, 4, count_include_pad=False)


def field_of(choice, trust, seed, costs, fine=None, motion=None):
    """choice [N,2·OUTPUTS,H/8,W/8] and the inputs it was made of → field [N,12,H/8,W/8] (README.md,
    "Conventions"). Without `fine` and `motion`: of the former network, of two frames.
    """
    around, bends = around_of(seed, REACH, OFFSETS), None
    if motion is not None:  # in the order of their costs: the zero vector lies between
        around += [None, *around_of(fine, 1, OFFSETS[:NEAR]), motion[:, :2]]
        box = motion[:, 4:6] * (motion[:, 7:] * (2 * (RATIO - 1)) + (2 - RATIO))
        bends = box, widened(motion[:, 4:6]) * (motion[:, 7:] * (2 * (RATIO - 1)) + (2 - RATIO))
    first, second = (_way(part, trust, around, costs, bends) for part in choice.chunk(2, 1))
    # a small share is none: the kernel skips such cells
    share = F.threshold(second[:, 5:] * 1.25 - 0.25, LEAST, 0.0)
    return torch.cat([first, second[:, :5], share], 1)


def _way(h, trust, around, costs, bends):
    """One motion's part of the choice → f0, f1, m and e (of the second motion: what its share is
    made of).
    """
    k = costs.shape[1]
    weights = (h[:, :k] - trust * costs).clamp(-30, 30).exp()
    v = 0
    for i, vector in enumerate(around):
        if vector is not None:  # not the zero vector
            v = v + weights[:, i : i + 1] * vector
    v = v * (0.5 / weights.sum(1, keepdim=True))
    residual, open_ = h[:, k : k + 4] * 4, torch.sigmoid(h[:, k + 4 :])
    f0, f1 = residual[:, :2] - v, residual[:, 2:] + v
    if bends is not None:
        bend = bends[0] * (MOST * open_[:, 2:3]) + bends[1] * (open_[:, 3:4] - 0.5)
        f0, f1 = f0 + bend, f1 + bend
    return torch.cat([f0, f1, open_[:, :2]], 1)


def around_of(vectors, reach, offsets):
    """The vectors that each cell finds at these (dy, dx) cells from itself, up to `reach` away."""
    padded = F.pad(vectors[:, :2], (reach,) * 4, mode="replicate")
    h, w = vectors.shape[-2:]
    return [padded[:, :, reach + dy : reach + dy + h, reach + dx : reach + dx + w] for dy, dx in offsets]
