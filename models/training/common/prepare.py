"""Make training samples: crops of real videos and rendered scenes, with the block search's seed
computed beforehand.

A shard is an .npz of N samples: frame0, frame1 uint8 [N,384,384] (the 256x256 of interest with a
margin of 64 for motion to reach into), truth uint8 [N,256,256], costs float16 [N,18,32,32] (of the
candidate vectors, SEARCH.md), time float32 [N] (of the truth, 0…1; 1/2 but for windows), seed
float32 [N,3,32,32], and for rendered scenes flow float16 [N,4,32,32] (true, pixels) and visible
float16 [N,2,32,32] (share of the cell seen in frame 0 and in frame 1); for videos these two are
NaN.

videos: pairs of short runs of a clip, frames 1, 2 or 3 from the truth, sometimes uneven, sometimes
with a picture that stands still. scenes: rendered layers (synthetic.py). Both know the pairs beside
and have more: fine float16 [N,3,32,32] (the second search), before and after float16 [N,8,32,32]
(`motion` of acceleration.py with the pair before alone, with the one after alone; 0 where there is
none: its last channel says so), and further float16 [N,11,32,32] (costs of the second search's
vectors of 3x3 cells, of p of the pair before, of p of the one after).

windows: a frame between two that are 8 (or 4) apart, at any of the times k/8: for networks that are
trained at arbitrary times.
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
from training.common.acceleration import Neighbour, motion
from training.common.search import FINE, OFFSETS, candidate_costs, further_costs, match_costs, search
from training.common.warp import render, seed_field

CROP, MARGIN = 256, 64
PAIRS = 5  # frame pairs of a run
FIELDS = ("frame0", "frame1", "truth", "seed", "flow", "visible", "time")
BESIDE = ("fine", "before", "after")  # what samples that know the pairs beside have, too


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
            parts = [costs_of({k: v[i : i + 20] for k, v in shard.items()}) for i in range(0, len(self.rows), 20)]
            shard.update({k: np.concatenate([part[k] for part in parts]) for k in parts[0]})
            np.savez(path + ".part.npz", **shard)
            os.replace(path + ".part.npz", path)
            self.count, self.rows = self.count + 1, []


def costs_of(shard):
    """What the candidates of some samples cost: `costs`, and `further` where they know the pairs
    beside.
    """
    a, b, seed = (torch.from_numpy(shard[k]) for k in ("frame0", "frame1", "seed"))
    half = lambda costs: costs.numpy().astype(np.float16)
    found = dict(costs=half(candidate_costs(a, b, seed, OFFSETS, MARGIN)))
    if "fine" in shard:
        fine, before, after = (torch.from_numpy(shard[k]).float() for k in BESIDE)
        near = further_costs(a, b, fine, before[:, :2], MARGIN)
        found["further"] = half(torch.cat([near, match_costs(a, b, after[:, None, :2], MARGIN)], 1))
    return found


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


def window(frames, rng):
    """(frame 0, truth, frame 1, time): one of the 7 frames inside a window of 9, or of the 3 inside
    one of 5.
    """
    gap = 8 if len(frames) > 9 and rng.random() < 0.6 else 4 if len(frames) > 5 else 2
    i, k = int(rng.integers(0, len(frames) - gap)), int(rng.integers(1, gap))
    return frames[i], frames[i + k], frames[i + gap], k / gap


def read_some_size(path, rng):
    """Frames of a video at one random size, or none if they are too few or too small."""
    w, h = video.probe(path)
    side = min(w, h)
    target = int(rng.integers(272, 561)) if side > 272 else side
    scale = min(target, side) / side
    w, h = int(w * scale) // 8 * 8, int(h * scale) // 8 * 8
    frames = video.read_luma(path, w, h, 400)
    return [] if len(frames) < 3 or h < CROP or w < CROP else frames


def changed(a, b):
    """Mean difference of two frames, in grey levels."""
    return float(np.abs(a[::2, ::2].astype(np.int16) - b[::2, ::2]).mean())


def cut_out(planes, y, x):
    """The part of 1/8 planes [1,C,h,w] that belongs to a crop."""
    return planes[0, :, y // 8 : (y + CROP) // 8, x // 8 : (x + CROP) // 8].numpy()


def matched(a, b, truth, time_):
    """Seed of a pair of frames, or None where they cannot be told to belong together: a cut, or
    nothing to be learned.
    """
    if changed(a, b) > 60:
        return None
    ta, tb = torch.from_numpy(a.copy())[None], torch.from_numpy(b.copy())[None]
    seed = search(ta, tb)
    made = render(ta[None].float() / 255, tb[None].float() / 255, seed_field(seed), time_)[0, 0].numpy() * 255
    return None if np.abs(made - truth).mean() > 20 else seed


NAN = np.full((6, CROP // 8, CROP // 8), np.nan, np.float16)


def window_samples(frames, rng, pairs, crops):
    """Yield samples of windows of a video; cuts and still pairs are skipped."""
    for _ in range(pairs):
        a, truth, b, time_ = window(frames, rng)
        if changed(a, b) < 0.7 and rng.random() > 0.1:
            continue
        if rng.random() < 0.2:
            a, b = compress((a, b), rng)
        seed = matched(a, b, truth, time_)
        if seed is None:
            continue
        for y, x in pick_crops(a, b, rng, crops):
            wide = [crop_replicated(f, y - MARGIN, x - MARGIN, CROP + 2 * MARGIN) for f in (a, b)]
            inner = truth[y : y + CROP, x : x + CROP]
            yield (*wide, inner, cut_out(seed, y, x), NAN[:4], NAN[4:], np.float32(time_))


def run_of(frames, fps, rng, pairs):
    """A run of kept frames: (pictures, truths between them, intervals). Frames are so far apart as
    live sources of 24 to 30 a second have them, now and then an interval is another, and now and
    then a picture stands still for one interval.
    """
    stride = 1 + int(rng.choice(3, p=(0.75, 0.2, 0.05) if fps < 40 else (0.3, 0.55, 0.15)))
    gaps = [2 * (stride if rng.random() < 0.85 else int(rng.integers(1, 4))) for _ in range(pairs)]
    while gaps and sum(gaps) >= len(frames):
        gaps.pop()
    held = int(rng.integers(0, len(gaps) + 1)) if rng.random() < 0.55 else -1
    at = int(rng.integers(0, len(frames) - sum(gaps)))
    pictures, truths, intervals = [frames[at]], [], []
    for k, gap in enumerate([*gaps, 0]):
        if k == held:
            noise = rng.normal(0, rng.choice([0.0, 1.5]), frames[at].shape)
            pictures.append(np.clip(np.round(frames[at] + noise), 0, 255).astype(np.uint8))
            truths.append(frames[at])
            intervals.append(2 * stride)
        if gap:
            truths.append(frames[at + gap // 2])
            at += gap
            pictures.append(frames[at])
            intervals.append(gap)
    return pictures, truths, intervals


def run_samples(frames, fps, rng, pairs, crops):
    """Yield samples of a run of a video: its pairs, each with those beside it."""
    pictures, truths, intervals = run_of(frames, fps, rng, pairs)
    if rng.random() < 0.2:
        pictures = compress(pictures, rng)
    seeds = [matched(a, b, truth, 0.5) for a, b, truth in zip(pictures, pictures[1:], truths)]
    for k, (seed, truth) in enumerate(zip(seeds, truths)):
        a, b = pictures[k], pictures[k + 1]
        if seed is None:
            continue
        if np.array_equal(a, b) and rng.random() < 0.5:
            continue
        planes = [seed, *beside(a, b, seeds, intervals, k)]
        for y, x in pick_crops(a, b, rng, crops):
            wide = [crop_replicated(f, y - MARGIN, x - MARGIN, CROP + 2 * MARGIN) for f in (a, b)]
            inner = truth[y : y + CROP, x : x + CROP]
            own, *more = (cut_out(p, y, x) for p in planes)
            yield (*wide, inner, own, NAN[:4], NAN[4:], np.float32(0.5), *(m.astype(np.float16) for m in more))


def beside(a, b, seeds, intervals, k):
    """BESIDE of pair `k` of a run: the second search, and what either neighbour tells."""
    fine = search(torch.from_numpy(a.copy())[None], torch.from_numpy(b.copy())[None], FINE)
    near = lambda n: Neighbour(seeds[n], intervals[n] / intervals[k]) if 0 <= n < len(seeds) else None
    known = lambda n: n if n and n.seed is not None else None
    return fine, motion(seeds[k], known(near(k - 1)), None), motion(seeds[k], None, known(near(k + 1)))


def make_videos(folder, out, rng, target, crops, prefix, windows):
    paths, fields = video.videos(folder), FIELDS if windows else FIELDS + BESIDE
    shards, done, t0 = Shards(out, prefix, fields=fields), 0, time.time()
    pairs = max(2, round(target / crops / len(paths)))
    for k in rng.permutation(len(paths)):
        frames = read_some_size(paths[k], rng)
        if windows and len(frames):
            runs = [window_samples(frames, rng, pairs, crops)]
        elif len(frames):
            fps = video.rate(paths[k])
            runs = [run_samples(frames, fps, rng, PAIRS, crops) for _ in range(max(1, round(pairs / PAIRS)))]
        else:
            runs = []
        for row in (row for run in runs for row in run):
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
    shards, t0 = Shards(out, prefix, fields=FIELDS + BESIDE), time.time()
    for n in range(target):
        shards.add(*scene_sample(bank, rng))
        if n % 100 == 99:
            print(f"{n + 1} scenes, {time.time() - t0:.0f} s", flush=True)
    shards.flush()


def scene_sample(bank, rng):
    """A row of a rendered scene."""
    luma, flow, visible = synthetic.render_scene(synthetic.plan(rng, bank), rng)
    u8, m = synthetic.spoil(luma, rng), MARGIN
    kept = u8[[0, 1, 3, 4]]
    seeds = list(search(kept[:-1], kept[1:]).split(1))
    a, b = kept[1].numpy(), kept[2].numpy()
    inner = slice(m, m + CROP)
    cell = flow[:, inner, inner][:, 3::8, 3::8] * 0.5 + flow[:, inner, inner][:, 4::8, 4::8] * 0.5
    seen = F.avg_pool2d(visible[None, :, inner, inner], 8)[0]
    known = (cell.numpy().astype(np.float16), seen.numpy().astype(np.float16), np.float32(0.5))
    more = (cut_out(p, m, m).astype(np.float16) for p in beside(a, b, seeds, (1, 1, 1), 1))
    return (a, b, u8[2, inner, inner].numpy(), cut_out(seeds[1], m, m), *known, *more)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument(
        "kind",
        choices=["videos", "windows", "scenes"],
        help="crops of real videos (runs of pairs, or 9-frame windows), or rendered scenes",
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
        make_videos(a.videos, a.out, rng, a.count, a.crops, prefix, a.kind == "windows")
    else:
        make_scenes(a.videos, a.out, rng, a.count, prefix)


if __name__ == "__main__":
    main()
