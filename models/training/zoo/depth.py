"""How well DAIN's depth network knows the order of depth: share of pairs of places of a held-back
rendered scene (each in another layer) that it puts in the right order; guessing gives 0.5.
"""

import argparse

import numpy as np
import torch
import torch.nn.functional as F

from training.common import paths
from training.common.samples import Samples
from training.zoo import nets
from training.zoo.batches import HELD

PAIRS = 2000  # of each scene


def ordered(near, true, rng):
    """Share of random pairs of places, of different true depth, whose order in `near` [h,w] is that
    in `true`.
    """
    one, two = rng.integers(0, true.size, (2, PAIRS))
    n, t = near.flatten(), true.flatten().astype(np.int16)
    apart = np.abs(t[one] - t[two]) > 12
    return float(((n[one] > n[two]) == (t[one] > t[two]))[apart].mean()) if apart.any() else float("nan")


@torch.no_grad()
def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model", help="dain.pt or a checkpoint")
    p.add_argument("--samples", default=paths.SAMPLES, help="folder of shards of zoo/prepare.py")
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    net, _ = nets.load(a.model)
    samples, rng, shares = Samples(a.samples, "scenes-near", 1), np.random.default_rng(1), []
    for frame, true in zip(*(samples.parts[0][k][:HELD] for k in ("frame0", "near0"))):
        q = F.avg_pool2d(torch.from_numpy(frame)[None, None].float() / 255, 4)
        shares.append(ordered(net.depth(q)[0, 0].numpy(), true, rng))
    print(f"{len(shares)} scenes, {np.nanmean(shares):.3f} of the pairs in the right order")


if __name__ == "__main__":
    main()
