"""Fits the odds that a cell is visibly broken (common/confidence.py) to training clips, and reports
risk and coverage on clips and phantoms that were never trained on.

From every clip --pairs gaps of its first --frames frames are made again, each without its middle
frame, knowing the pair before as a live stream does. Prints for each model the lines for
src/interp/worker/confidence.ts, then for each set of pairs:

risk: share of blocks of 16x16 that are more than 35 grey levels (root mean square) off, of all
blocks and of the 95 % that the confidence in them is highest for, and how many times fewer that is;
the same of pictures, in the order of the confidence in them. Then, for gates: the share of cells
below it and of those that show the nearer parent; the change of the mean PSNR by that, and were
every cell below the gate to show it; and the share of blocks that stay broken and interpolated, and
broken in any way.
"""

import argparse
import os

import numpy as np
import torch

from training.common import confidence, paths, video
from training.common.quality import gaps
from training.flow_s.evaluate import Network, beside, interpolate, seed_between
from training.phantom.evaluate import RUNS, load_run

COVERAGE = 0.95
GATES = (0.25, 0.5, 0.75, 0.9)
EXCESS_RAMP, GAIN_RAMP = 0.5, 0.2  # as judge.ts


def cells(x):
    """Means over the cells of a picture whose sides are multiples of 16."""
    h, w = x.shape
    return x.reshape(h // 8, 8, w // 8, 8).mean((1, 3))


def blocks(x):
    """Means over 2x2 cells."""
    h, w = x.shape
    return x.reshape(h // 2, 2, w // 2, 2).mean((1, 3))


def spread(x):
    """Weights of cells at every pixel: bilinear between their centres."""
    one = torch.from_numpy(np.ascontiguousarray(x, np.float32))[None, None]
    return torch.nn.functional.interpolate(one, scale_factor=8, mode="bilinear", align_corners=False)[0, 0].numpy()


class Pair:
    """What is kept of a pair: its features, and squared errors of what may be shown, by cell."""

    def __init__(self, before, a, truth, b, network):
        contender = "network" if network else "search"
        made, field = interpolate(a, b, contender, network, before=before)
        told = field[0] if network else torch.cat([field[0], seed_between(a, b)[0, 2:3]])  # the match's cost for e
        measured = confidence.measure(a, b, told.numpy())
        h, w = (n // 16 * 2 for n in a.shape)
        rows, columns = measured.shape[1:]
        values, gain = confidence.features(measured, 255 * told[5, :rows, :columns].numpy())
        self.values, self.gain = values[:h, :w], gain[:h, :w]
        self.a, self.made, self.truth = (x[: 8 * h, : 8 * w].astype(np.float32) for x in (a, made, truth))
        self.error = cells((self.made - self.truth) ** 2)
        self.parent = cells((self.a - self.truth) ** 2)
        self.broken = blocks(self.error) > confidence.BROKEN**2

    def shown(self, z, gate):
        """The frame after cells have given way, and the share of cells that did."""
        excess = np.clip((z - np.log((1 - gate) / gate)) / EXCESS_RAMP, 0, 1)
        way = excess * np.clip(self.gain / GAIN_RAMP, 0, 1)
        return self.made + (self.a - self.made) * spread(way), (way >= 0.5).mean()


def pairs_of(folder, frames, count, networks):
    """The pairs of every clip of a folder, a list for each network (None: the search)."""
    found = [[] for _ in networks]
    for path in video.videos(folder):
        w, h = video.eval_size(path)
        clip = video.read_luma(path, w, h, frames)
        starts = gaps(len(clip), 2)
        if not starts:
            continue
        starts = [starts[k] for k in np.unique(np.linspace(0, len(starts) - 1, count).round().astype(int))]
        kept = [i for i in starts if np.abs(clip[i].astype(np.int16) - clip[i + 2]).mean() > 0.3]
        add(found, networks, clip, kept)
        print(f"{os.path.basename(path)}: {len(kept)} pairs", flush=True)
    return found


def phantom_pairs(folder, frames, networks):
    """Pairs of the held-out phantom runs, noisy as a network sees them; as pairs_of()."""
    found = [[] for _ in networks]
    for name in RUNS:
        noisy = load_run(folder, name, frames)["noisy"]
        add(found, networks, noisy, gaps(frames, 2))
        print(f"{name}: {len(noisy)} frames", flush=True)
    return found


def add(found, networks, frames, starts):
    """Add the pairs that begin at `starts`: all networks in turn, for they share their seeds."""
    for i in starts:
        before, _ = beside(frames, i, 2, False)
        for pairs, network in zip(found, networks):
            pairs.append(Pair(before, *frames[i : i + 3], network))


def fit(pairs, steps=15):
    """Logistic regression of broken cells by Newton's method."""
    x = np.concatenate([p.values.reshape(-1, 4) for p in pairs])
    x = np.c_[x, np.ones(len(x))]
    y = np.concatenate([np.kron(p.broken, np.ones((2, 2))).ravel() for p in pairs])
    b = np.zeros(5)
    for _ in range(steps):
        chance = 1 / (1 + np.exp(-x @ b))
        weight = chance * (1 - chance) + 1e-7
        b += np.linalg.solve((x * weight[:, None]).T @ x + 1e-6 * len(y) * np.eye(5), x.T @ (y - chance))
    return confidence.Weights(tuple(b[:4]), b[4])


def risk(order, broken):
    """Mean of `broken` over all, and over the share COVERAGE that comes first by `order`."""
    kept = np.argsort(order, kind="stable")[: int(COVERAGE * len(order))]
    return broken.mean(), broken[kept].mean()


def report(name, pairs, weights):
    odds = [confidence.odds(p.values, weights) for p in pairs]
    chances = [blocks(1 / (1 + np.exp(-z))) for z in odds]
    broken = [p.broken for p in pairs]
    flat = lambda parts: np.concatenate([part.ravel() for part in parts])
    times = lambda all_, kept: f"{all_ / kept:.1f} times fewer" if kept else "none left"
    of_blocks = risk(flat(chances), flat(broken))
    sure = np.array([confidence.picture(z) for z in odds])
    of_pictures = risk(-sure, np.array([b.mean() for b in broken]))
    print(f"\n{name}: {len(pairs)} pairs, mean confidence {sure.mean():.3f}")
    for what, (all_, kept) in (("blocks", of_blocks), ("pictures", of_pictures)):
        print(f"  {what}: {all_:.3%} broken, {kept:.3%} at {COVERAGE:.0%} coverage, {times(all_, kept)}")
    psnr = lambda errors: np.mean([10 * np.log10(65025 / max(e.mean(), 1e-3)) for e in errors])
    usual = psnr([p.error for p in pairs])
    for gate in GATES:
        below = [z > np.log((1 - gate) / gate) for z in odds]
        shown, share = zip(*(p.shown(z, gate) for p, z in zip(pairs, odds)))
        after = [cells((s - p.truth) ** 2) for p, s in zip(pairs, shown)]
        every = psnr([np.where(k, p.parent, p.error) for k, p in zip(below, pairs)]) - usual
        unseen = np.mean([(b & ~(blocks(k.astype(float)) >= 0.5)).mean() for b, k in zip(broken, below)])
        still = np.mean([(blocks(e) > confidence.BROKEN**2).mean() for e in after])
        print(
            f"  gate {gate}: {np.mean([k.mean() for k in below]):.3%} below (most {max(k.mean() for k in below):.1%}), "
            f"{np.mean(share):.3%} give way, {psnr(after) - usual:+.4f} dB (all below: {every:+.3f}), "
            f"broken {still:.3%}, of those above the gate {unseen:.3%}"
        )


def write_weights(name, weights):
    """Print the lines for src/interp/worker/confidence.ts."""
    names = ("drift", "standing", "error", "contrast")
    print(f"\nexport const {name}_ODDS: OddsWeights = {{")
    for key, value in (*zip(names, weights.values), ("bias", weights.bias)):
        print(f"  {key}: {round(float(value), 4)},")
    print("};")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("train", help="folder of training clips")
    p.add_argument("held", nargs="*", help="folders of clips never trained on")
    text = "flow networks; `search`: none"
    p.add_argument("--model", nargs="+", default=["flow-s.onnx", "search"], help=text)
    p.add_argument("--frames", type=int, default=41)
    p.add_argument("--pairs", type=int, default=3, help="of each training clip")
    p.add_argument("--held-pairs", type=int, default=10)
    p.add_argument("--phantom-frames", type=int, default=13, help="0: no phantoms")
    p.add_argument("--keep", default=paths.run_folder("phantom"), help="folder for rendered phantoms")
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    networks = [None if name == "search" else Network(name, a.threads) for name in a.model]
    train = pairs_of(a.train, a.frames, a.pairs, networks)
    held = [pairs_of(folder, a.frames, a.held_pairs, networks) for folder in a.held]
    phantoms = phantom_pairs(a.keep, a.phantom_frames, networks) if a.phantom_frames else [[] for _ in networks]
    for k, network in enumerate(networks):
        weights = fit(train[k])
        write_weights("NETWORK" if network else "SEARCH", weights)
        sets = [("training", train), *((os.path.basename(os.path.normpath(f)), h) for f, h in zip(a.held, held))]
        for name, pairs in (*sets, ("phantoms", phantoms)):
            if pairs[k]:
                report(name, pairs[k], weights)


if __name__ == "__main__":
    main()
