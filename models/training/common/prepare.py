"""Make training samples: crops of real videos and rendered scenes, with the block search's seed
computed beforehand.

A shard is an .npz of N samples: frame0, frame1 uint8 [N,384,384] (the 256x256 of interest with a
margin of 64 for motion to reach into), truth uint8 [N,256,256], costs float16 [N,18,32,32] (of the
candidate vectors, SEARCH.md), time float32 [N] (of the truth, 0…1; 1/2 but for windows), seed
float32 [N,3,32,32], and for rendered scenes flow float16 [N,4,32,32] (true, pixels) and visible
float16 [N,2,32,32] (share of the cell seen in frame 0 and in frame 1); for videos these two are
NaN.

videos: triplets, frames 1, 2 or 3 apart. windows: a frame between two that are 8 (or 4) apart, at
any of the times k/8: for networks that are trained at arbitrary times. scenes: rendered layers
(synthetic.py).
"""

import argparse
import io
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from training.common import paths, synthetic, textures, video
from training.common.search import OFFSETS, candidate_costs, search
from training.common.warp import render, seed_field

CROP, MARGIN = 256, 64
FIELDS = ("frame0", "frame1", "truth", "seed", "flow", "visible", "time")


class Shards:
    """Collects samples and writes a shard of `size` of them whenever full."""

    def __init__(self, folder, prefix, size=200, fields=FIELDS):
        os.makedirs(folder, exist_ok=True)
        self.folder, self.prefix, self.size, self.fields, self.count, self.rows = folder, prefix, size, fields, 0, []

    def add(self, *row):
        self.rows.append(row)
        if len(self.rows) >= self.size:
            self.flush()

    def flush(self):
        if self.rows:
            path = os.path.join(self.folder, f"{self.prefix}-{self.count:03d}.npz")
            shard = {k: np.stack(c) for k, c in zip(self.fields, zip(*self.rows))}
            a, b, seed = (torch.from_numpy(shard[k]) for k in ("frame0", "frame1", "seed"))
            shard["costs"] = np.concatenate(
                [
                    candidate_costs(a[i : i + 20], b[i : i + 20], seed[i : i + 20], OFFSETS, MARGIN)
                    .numpy()
                    .astype(np.float16)
                    for i in range(0, len(a), 20)
                ]
            )
            np.savez(path + ".part.npz", **shard)
            os.replace(path + ".part.npz", path)
            self.count, self.rows = self.count + 1, []


def crop_replicated(frame, y, x, size):
    """Square part of a frame that may reach over its edges (edge pixels repeated)."""
    h, w = frame.shape
    return frame[np.clip(np.arange(y, y + size), 0, h - 1)][:, np.clip(np.arange(x, x + size), 0, w - 1)]


def pick_crops(frame0, frame1, rng, count):
    """Top left corners (multiples of 8) of `count` crops, those with more change preferred."""
    h, w = frame0.shape
    change = np.abs(frame0[::4, ::4].astype(np.int16) - frame1[::4, ::4])
    spots = [
        (int(rng.integers(0, (h - CROP) // 8 + 1)) * 8, int(rng.integers(0, (w - CROP) // 8 + 1)) * 8)
        for _ in range(3 * count)
    ]
    spots.sort(key=lambda s: -change[s[0] // 4 : (s[0] + CROP) // 4, s[1] // 4 : (s[1] + CROP) // 4].mean())
    return spots[: count - 1] + [spots[int(rng.integers(count - 1, len(spots)))]]


def compress(frames, rng):
    """JPEG artefacts of one random quality on every frame."""
    quality, out = int(rng.integers(20, 80)), []
    for f in frames:
        store = io.BytesIO()
        Image.fromarray(f).save(store, "JPEG", quality=quality)
        out.append(np.asarray(Image.open(store)))
    return out


def triplet(frames, rng):
    """(frame 0, truth, frame 1, time) with 1, 2 or 3 frames between neighbours."""
    stride = min(int(rng.choice([1, 2, 3], p=[0.6, 0.25, 0.15])), (len(frames) - 1) // 2)
    i = int(rng.integers(stride, len(frames) - stride))
    return frames[i - stride], frames[i], frames[i + stride], 0.5


def window(frames, rng):
    """(frame 0, truth, frame 1, time): one of the 7 frames inside a window of 9, or of the 3 inside
    one of 5.
    """
    gap = 8 if len(frames) > 9 and rng.random() < 0.6 else 4 if len(frames) > 5 else 2
    i, k = int(rng.integers(0, len(frames) - gap)), int(rng.integers(1, gap))
    return frames[i], frames[i + k], frames[i + gap], k / gap


def video_samples(path, rng, pairs, crops, pick):
    """Yield samples of one video at one random size; cuts and still pairs are skipped."""
    w, h = video.probe(path)
    side = min(w, h)
    target = int(rng.integers(272, 561)) if side > 272 else side
    scale = min(target, side) / side
    w, h = int(w * scale) // 8 * 8, int(h * scale) // 8 * 8
    frames = video.read_luma(path, w, h, 400)
    if len(frames) < 3 or h < CROP or w < CROP:
        return
    for _ in range(pairs):
        a, truth, b, time_ = pick(frames, rng)
        change = np.abs(a[::2, ::2].astype(np.int16) - b[::2, ::2]).mean()
        if change > 60 or (change < 0.7 and rng.random() > 0.1):
            continue
        if rng.random() < 0.2:
            a, b = compress((a, b), rng)
        ta, tb = torch.from_numpy(a.copy())[None], torch.from_numpy(b.copy())[None]
        seed = search(ta, tb)
        made = render(ta[None].float() / 255, tb[None].float() / 255, seed_field(seed), time_)[0, 0].numpy() * 255
        if np.abs(made - truth).mean() > 20:  # a cut, or nothing to be learned
            continue
        for y, x in pick_crops(a, b, rng, crops):
            wide = [crop_replicated(f, y - MARGIN, x - MARGIN, CROP + 2 * MARGIN) for f in (a, b)]
            s = seed[0, :, y // 8 : (y + CROP) // 8, x // 8 : (x + CROP) // 8].numpy()
            nan = np.full((6, CROP // 8, CROP // 8), np.nan, np.float16)
            yield wide[0], wide[1], truth[y : y + CROP, x : x + CROP], s, nan[:4], nan[4:], np.float32(time_)


def make_videos(folder, out, rng, target, crops, prefix, pick):
    paths, shards, done, t0 = video.videos(folder), Shards(out, prefix), 0, time.time()
    share = max(2, round(target / crops / len(paths)))
    for k in rng.permutation(len(paths)):
        for row in video_samples(paths[k], rng, share, crops, pick):
            shards.add(*row)
            done += 1
        print(f"{done} samples, {time.time() - t0:.0f} s, {os.path.basename(paths[k])}", flush=True)
    shards.flush()


def make_scenes(folder, out, rng, target, prefix):
    stills = []
    for p in video.videos(folder) if folder else []:
        w, h = video.probe(p)
        k = max(1.0, min(w, h) / 560)
        f = video.read_luma(p, int(w / k) // 2 * 2, int(h / k) // 2 * 2, 20)
        stills += [f[0]] if len(f) else []
    bank = textures.build_bank(rng, stills)
    shards, t0 = Shards(out, prefix), time.time()
    for n in range(target):
        luma, flow, visible = synthetic.render_scene(synthetic.plan(rng, bank), rng)
        u8 = synthetic.spoil(luma, rng)
        m = MARGIN
        seed = search(u8[0:1], u8[2:3])[0, :, m // 8 : (m + CROP) // 8, m // 8 : (m + CROP) // 8]
        inner = slice(m, m + CROP)
        cell = flow[:, inner, inner][:, 3::8, 3::8] * 0.5 + flow[:, inner, inner][:, 4::8, 4::8] * 0.5
        seen = F.avg_pool2d(visible[None, :, inner, inner], 8)[0]
        shards.add(
            u8[0].numpy(),
            u8[2].numpy(),
            u8[1, inner, inner].numpy(),
            seed.numpy(),
            cell.numpy().astype(np.float16),
            seen.numpy().astype(np.float16),
            np.float32(0.5),
        )
        if n % 100 == 99:
            print(f"{n + 1} scenes, {time.time() - t0:.0f} s", flush=True)
    shards.flush()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument(
        "kind",
        choices=["videos", "windows", "scenes"],
        help="crops of real videos (triplets, or 9-frame windows), or rendered scenes",
    )
    p.add_argument("--videos", help="folder of training videos (scenes: source of some textures, optional)")
    p.add_argument("--out", default=paths.SAMPLES, help="folder for the shards")
    p.add_argument("--count", type=int, default=2000, help="samples to make (videos: about)")
    p.add_argument("--crops", type=int, default=3, help="crops per frame pair")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    rng = np.random.default_rng(a.seed)
    prefix = f"{a.kind}-{a.seed}"
    if a.kind in ("videos", "windows"):
        make_videos(a.videos, a.out, rng, a.count, a.crops, prefix, triplet if a.kind == "videos" else window)
    else:
        make_scenes(a.videos, a.out, rng, a.count, prefix)


if __name__ == "__main__":
    main()
