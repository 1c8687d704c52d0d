"""Make samples for Zooming Slow-Mo: crops of three frames of real clips in colour, with the block
search's vectors.

A shard is an .npz of N samples: y uint8 [N,3,256,256], c uint8 [N,3,2,128,128] (the first, the
middle and the last frame at the large size; the network sees them halved), seed float16
[N,2,32,32]: vx, vy from the first to the last frame, large pixels.
"""

import argparse
import os
import time

import numpy as np
import torch

from training.common import paths, video
from training.common.prepare import CROP, Shards, triplet
from training.common.search import search

FIELDS = ("y", "c", "seed")
FRAMES = 120  # of a clip that are held in memory


class PlaneShards(Shards):
    """Shards of colour crops: there are no costs of candidates."""

    def flush(self):
        if self.rows:
            path = os.path.join(self.folder, f"{self.prefix}-{self.count:03d}.npz")
            np.savez(path + ".part.npz", **{k: np.stack(v) for k, v in zip(self.fields, zip(*self.rows))})
            os.replace(path + ".part.npz", path)
            self.count, self.rows = self.count + 1, []


def samples(path, rng, pairs, crops):
    """Yield samples of one clip at one random size; cuts and still pairs are skipped."""
    w, h = video.probe(path)
    side = min(w, h)
    if side < CROP:
        return
    target = min(int(rng.integers(CROP, 561)), side)
    w, h = (max(CROP, int(v * target / side) // 16 * 16) for v in (w, h))
    lumas, chromas = video.read_planes(path, w, h, FRAMES)
    if len(lumas) < 3:
        return
    for _ in range(pairs):
        numbers = triplet(range(len(lumas)), rng)[:3]
        a, truth, b = (lumas[i] for i in numbers)
        change = np.abs(a[::2, ::2].astype(np.int16) - b[::2, ::2]).mean()
        if change > 45 or (change < 0.7 and rng.random() > 0.15):
            continue
        seed = search(torch.from_numpy(a.copy())[None], torch.from_numpy(b.copy())[None])[0, :2].numpy()
        for _ in range(crops):
            y, x = (int(rng.integers(0, (v - CROP) // 8 + 1)) * 8 for v in (h, w))
            large = np.stack([lumas[i][y : y + CROP, x : x + CROP] for i in numbers])
            small = (slice(y // 2, (y + CROP) // 2), slice(x // 2, (x + CROP) // 2))
            colour = np.stack([chromas[i][(slice(None), *small)] for i in numbers])
            vectors = seed[:, y // 8 : (y + CROP) // 8, x // 8 : (x + CROP) // 8].astype(np.float16)
            yield large, colour, vectors


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--videos", required=True, help="folder of training videos")
    p.add_argument("--out", default=paths.SAMPLES, help="folder for the shards")
    p.add_argument("--count", type=int, default=1500, help="samples to make, about")
    p.add_argument("--crops", type=int, default=3, help="crops per frame pair")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    rng, begun, done = np.random.default_rng(a.seed), time.time(), 0
    clips, shards = video.videos(a.videos), PlaneShards(a.out, f"zsm-{a.seed}", 100, FIELDS)
    share = max(2, round(a.count / a.crops / len(clips)))
    for k in rng.permutation(len(clips)):
        for row in samples(clips[k], rng, share, a.crops):
            shards.add(*row)
            done += 1
        print(f"{done} samples, {time.time() - begun:.0f} s, {os.path.basename(clips[k])}", flush=True)
    shards.flush()


if __name__ == "__main__":
    main()
