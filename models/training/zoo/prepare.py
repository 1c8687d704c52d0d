"""Make rendered scenes with their true order of depth: what DAIN's depth network learns from.

Shards as common/prepare.py makes them, without the block search's fields (no network of the zoo
reads them), and with near0, near1 uint8 [N,96,96], how near each 4x4 cell of frame 0 and of frame 1
is, 0 (background) to 255 (front layer): the order of the inverse depth that DAIN weights motion
with. The scenes are those of common/synthetic.py, drawn again with each layer in the grey of its
rank instead of its texture: what is seen at a place of a frame then is the rank of what is seen
there.
"""

import argparse
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

from training.common import paths, synthetic, textures, video
from training.common.prepare import CROP, MARGIN

SHARD = 200  # samples of one
FIRST, MIDDLE, LAST = (synthetic.TIMES.index(t) for t in (0.0, 0.5, 1.0))
INNER = slice(MARGIN, MARGIN + CROP)


class Steady:
    """Random numbers for render_scene() that let no scene fade: grey is a rank here."""

    def random(self):
        return 1.0


def near_of(layers):
    """Rank of what is seen, 0 at the back to 1 in front, in each frame [5,S,S] (at TIMES)."""
    last = max(1, len(layers) - 1)
    grey = lambda texture, i: torch.cat([torch.full_like(texture[:1], i / last), texture[1:]])
    return synthetic.render_scene([(grey(texture, i), way) for i, (texture, way) in enumerate(layers)], Steady())[0]


def cells(field):
    """What is at the centres of the inner 8x8 cells, float16."""
    inner = field[:, INNER, INNER]
    return (inner[:, 3::8, 3::8] * 0.5 + inner[:, 4::8, 4::8] * 0.5).numpy().astype(np.float16)


def scene(rng, bank):
    """One sample, as the fields of a shard."""
    layers = synthetic.plan(rng, bank)
    luma, flow, _ = synthetic.render_scene(layers, rng)
    near = (F.avg_pool2d(near_of(layers)[None], 4)[0] * 255).round().to(torch.uint8)
    u8 = synthetic.spoil(luma, rng)
    return dict(
        frame0=u8[FIRST].numpy(),
        frame1=u8[LAST].numpy(),
        truth=u8[MIDDLE, INNER, INNER].numpy(),
        flow=cells(flow),
        time=np.float32(0.5),
        near0=near[FIRST].numpy(),
        near1=near[LAST].numpy(),
    )


def bank_of(folder, rng):
    """Textures: made ones, and the first frames of a folder's videos."""
    stills = []
    for path in video.videos(folder) if folder else []:
        w, h = video.probe(path)
        k = max(1.0, min(w, h) / 560)
        frames = video.read_luma(path, int(w / k) // 2 * 2, int(h / k) // 2 * 2, 20)
        stills += [frames[0]] if len(frames) else []
    return textures.build_bank(rng, stills)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--videos", help="folder of training videos, the source of some textures")
    p.add_argument("--out", default=paths.SAMPLES, help="folder for the shards")
    p.add_argument("--count", type=int, default=2000, help="samples to make")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    rng, begun = np.random.default_rng(a.seed), time.time()
    bank = bank_of(a.videos, rng)
    os.makedirs(a.out, exist_ok=True)
    for number in range(-(-a.count // SHARD)):
        rows = [scene(rng, bank) for _ in range(min(SHARD, a.count - number * SHARD))]
        path = os.path.join(a.out, f"scenes-near-{a.seed}-{number:03d}.npz")
        np.savez(path + ".part.npz", **{k: np.stack([row[k] for row in rows]) for k in rows[0]})
        os.replace(path + ".part.npz", path)
        print(f"{number * SHARD + len(rows)} scenes, {time.time() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main()
