"""Image matching with MIND: which places of the two frames a pixel of the frame between them comes
from, found by propagating that pixel back to both (Long et al., ECCV 2016).

For each point the derivative of the made pixel by every pixel of either frame is taken; where it is
largest, after smoothing, is the point's place in that frame. The last layer's view of the frames
themselves is left out: it says where a pixel is in the picture, not where it came from. One pass
back through the network a point, so it is a tool of its own and no part of interpolation.

Measures on held-back rendered scenes how far the correspondences are from the true ones, and how
far those of "nothing moves" are.
"""

import argparse

import numpy as np
import torch
import torch.nn.functional as F

from training.common import paths
from training.common.samples import MARGIN
from training.zoo import nets
from training.zoo.batches import HELD, Sources, crop

SMOOTH = 5  # pixels over which derivatives are added up


def match(make, y0, y1, points):
    """`make(y0, y1)`: lumas [1,1,H,W] → the frame between them. Points [P,2] (x, y) of that frame →
    their places in frame 0 and in frame 1 [P,4] (x0, y0, x1, y1).
    """
    frames = [y.detach().clone().requires_grad_() for y in (y0, y1)]
    made, width, found = make(*frames), y0.shape[-1], []
    for x, y in points.tolist():
        slopes = torch.autograd.grad(made[0, 0, y, x], frames, retain_graph=True)
        peaks = (F.avg_pool2d(s.abs(), SMOOTH, 1, SMOOTH // 2).flatten().argmax().item() for s in slopes)
        found.append([v for peak in peaks for v in (peak % width, peak // width)])
    return torch.tensor(found)


def score(net, b, count, rng):
    """Distances in pixels from the true displacement between the frames: of the matches, and of no
    displacement.
    """
    size = b["frame0"].shape[-1]
    cells = rng.integers(0, b["flow"].shape[-1], (count, 2))
    inset = (size - 8 * b["flow"].shape[-1]) // 2
    points = torch.from_numpy(cells * 8 + 4 + inset)
    found = match(net.decoded, b["frame0"], b["frame1"], points)
    true = (b["flow"][0, 2:] - b["flow"][0, :2])[:, cells[:, 1], cells[:, 0]].T
    return (found[:, 2:] - found[:, :2] - true).norm(dim=1), true.norm(dim=1)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model", help="mind.pt or a checkpoint")
    p.add_argument("--samples", default=paths.SAMPLES, help="folder of shards with scenes")
    p.add_argument("--scenes", type=int, default=12, help="held-back scenes to match")
    p.add_argument("--points", type=int, default=24, help="points of each")
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    net, _ = nets.load(a.model)
    rng, sources = np.random.default_rng(1), Sources(a.samples, dict(scenes=(1, 1)), 2 * HELD)
    rows = []
    for number in range(min(a.scenes, HELD)):
        b = crop(sources.take("scenes", [number]), 128, MARGIN // 2, (64, 64))
        rows.append(score(net, b, a.points, rng))
    errors, still = (torch.cat(r) for r in zip(*rows))
    for name, few in (("all", still >= 0), ("moving 2 to 12 pixels", (still >= 2) & (still <= 12))):
        print(
            f"{name}: {int(few.sum())} points, median distance {errors[few].median():.2f} px "
            f"(nothing moves: {still[few].median():.2f}), within 3 px {(errors[few] < 3).float().mean():.2f} "
            f"({(still[few] < 3).float().mean():.2f})"
        )


if __name__ == "__main__":
    main()
