"""Quality on real clips: every second frame is removed and made again (--factor 4: three of four);
luma PSNR, SSIM and IE against the removed.

Clips are read at --height lines at most and to multiples of 16, --frames frames each; the first and
the last gap do not count. Contenders: repeat, blend, search (the block search alone) and the
network; the last two see the pair before as a live stream does, with --lookahead on also the one
after, as files do. Prints a table; --json keeps the figures.
"""

import argparse
import functools
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

from training.common import video
from training.common.acceleration import Neighbour, accelerated, motion
from training.common.quality import blend, figures, gaps, mean_of, write_json
from training.common.runtime import session
from training.common.search import DEFAULT, FINE, OFFSETS, candidate_costs, further_costs, search
from training.common.warp import render, seed_field
from training.flow_s.choice import field_of
from training.flow_s.network import load, network_inputs, quarter


class Network:
    """A flow network from its weights file, a checkpoint, or an .onnx file (for ONNX Runtime)."""

    def __init__(self, path, threads):
        self.session = None
        if path.endswith(".onnx"):
            self.session = session(path, threads)
        else:
            self.model, _ = load(path)

    @property
    def names(self):
        """Of the inputs of an .onnx file."""
        return {i.name for i in self.session.get_inputs()}

    @property
    def beside(self):
        """Whether it sees the pairs beside itself."""
        return "motion" in self.names if self.session else self.model.beside

    def seen(self, given):
        """What it sees of inputs_of(): a former one neither fine, motion nor further costs."""
        if self.beside:
            return given
        return {k: given[k][:, : len(OFFSETS) + 1] for k in ("images", "seed", "costs")}

    def field(self, given):
        """The field of a flow network. One that does not see the pairs beside is told afterwards,
        as the worker does.
        """
        seen = self.seen(given)
        if self.session:
            found, *trust = map(torch.from_numpy, self.session.run(None, {k: seen[k].numpy() for k in self.names}))
            if trust:
                found = field_of(found, *trust, *(seen[k] for k in ("seed", "costs", "fine", "motion")))
        else:
            found = self.model(**seen)
        return found if self.beside else accelerated(found, given["motion"])


def padded(frame):
    """uint8 [H,W] → float [1,1,H',W'], 0…255, multiples of 32."""
    h, w = frame.shape
    return F.pad(torch.from_numpy(frame.copy())[None, None].float(), (0, -w % 32, 0, -h % 32), mode="replicate")


@functools.lru_cache(8)
def _seed(a, b, shape, options):
    frames = (np.frombuffer(x, np.uint8).reshape(shape) for x in (a, b))
    return search(*(padded(f)[0] for f in frames), options)


def seed_between(a, b, options=DEFAULT):
    """The search's seed of two uint8 frames; neighbouring pairs ask for the same ones."""
    return _seed(a.tobytes(), b.tobytes(), a.shape, options)


def inputs_of(a, b, before=None, after=None):
    """A flow network's inputs for two uint8 frames, with the frame before them and the one after,
    at even intervals.
    """
    fa, fb, seed, fine = padded(a), padded(b), seed_between(a, b), seed_between(a, b, FINE)
    neighbours = (
        Neighbour(seed_between(*n)) if all(f is not None for f in n) else None for n in ((before, a), (b, after))
    )
    beside = motion(seed, *neighbours)
    costs = [candidate_costs(fa[0], fb[0], seed, OFFSETS), further_costs(fa[0], fb[0], fine, beside[:, :2])]
    images = network_inputs(quarter(fa / 255), quarter(fb / 255), seed)
    return dict(images=images, seed=seed, costs=torch.cat(costs, 1), fine=fine, motion=beside)


@torch.no_grad()
def interpolate(a, b, contender, network, t=0.5, before=None, after=None):
    """uint8 [H,W] frames, and where known the one before and the one after them → (uint8 frame at
    t, field or None).
    """
    if contender == "repeat":
        return (a if t <= 0.5 else b), None
    if contender == "blend":
        return blend(a, b, t), None
    h, w = a.shape
    fa, fb, given = padded(a), padded(b), inputs_of(a, b, before, after)
    searched = contender == "search"
    field = accelerated(seed_field(given["seed"]), given["motion"]) if searched else network.field(given)
    out = render(fa / 255, fb / 255, field, t)[0, 0, :h, :w]
    return (out * 255).round().clamp(0, 255).byte().numpy(), field


def beside(frames, first, factor, lookahead):
    """The frame kept before the gap that begins at `first`, with `lookahead` the one after it."""
    last = first + 2 * factor
    before = frames[first - factor] if first >= factor else None
    return before, frames[last] if lookahead and last < len(frames) else None


def score_clip(frames, contender, network, factor, cells, lookahead=False):
    """Mean figures of one clip, and for the network the correlation of its expected with its true
    error (cells of 8x8), which `cells` collects.
    """
    rows, told, true = [], [], []
    for i, k in [(g + k, k) for g in gaps(len(frames), factor) for k in range(1, factor)]:
        near = beside(frames, i - k, factor, lookahead)
        made, field = interpolate(frames[i - k], frames[i - k + factor], contender, network, k / factor, *near)
        rows.append(figures(made, frames[i]))
        if field is not None and contender == "network" and 2 * k == factor:
            d = made.astype(np.float32) - frames[i]
            h, w = d.shape[0] // 8, d.shape[1] // 8
            told.append(field[0, 5, :h, :w].numpy().ravel())
            true.append(np.abs(d[: h * 8, : w * 8]).reshape(h, 8, w, 8).mean((1, 3)).ravel() / 255)
    p, s, e = np.mean(rows, 0)
    out = dict(psnr=round(float(p), 3), ssim=round(float(s), 4), ie=round(float(e), 3))
    if told:
        told, true = np.concatenate(told), np.concatenate(true)
        out["error_correlation"] = round(float(np.corrcoef(told, true)[0, 1]), 3)
        cells.append((told, true))
    return out


def risk_coverage(cells, steps=20):
    """Mean absolute error (grey levels) of the share of cells that the network is surest of;
    `oracle`: were it right about their order.

    Every clip counts alike. At full coverage both are the mean error of all cells.
    """
    shares = [(k + 1) / steps for k in range(steps)]

    def surest(told, true, share, oracle):
        order = np.sort(true) if oracle else true[np.argsort(told, kind="stable")]
        return order[: max(1, round(share * len(true)))].mean()

    def curve(oracle):
        means = (np.mean([surest(told, true, s, oracle) for told, true in cells]) for s in shares)
        return [round(float(mean) * 255, 4) for mean in means]

    return dict(coverage=[round(s, 3) for s in shares], error=curve(False), oracle=curve(True))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("clips", help="folder of clips (never trained on)")
    p.add_argument("--model", help="flow-s.pt, flow-s.onnx or a checkpoint; without it only the baselines")
    p.add_argument("--frames", type=int, default=41)
    p.add_argument(
        "--factor", type=int, default=2, choices=[2, 4], help="frame rate multiple: one frame of so many is kept"
    )
    p.add_argument("--height", type=int, default=480)
    text = "whether the pair after is seen too, as in files; off is what live streams see"
    p.add_argument("--lookahead", choices=["on", "off"], default="off", help=text)
    p.add_argument("--only", nargs="+", default=["repeat", "blend", "search", "network"])
    p.add_argument("--json", help="write the figures here")
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    network = Network(a.model, a.threads) if a.model else None
    contenders = [c for c in a.only if c != "network" or network]
    result, cells = {}, []
    for path in video.videos(a.clips):
        w, h = video.eval_size(path, a.height)
        frames, t0 = video.read_luma(path, w, h, a.frames), time.time()
        score = lambda c, frames=frames: score_clip(frames, c, network, a.factor, cells, a.lookahead == "on")
        row = result[os.path.basename(path)] = {c: score(c) for c in contenders}
        figures_of = "  ".join(f"{c} {row[c]['psnr']:.2f}" for c in contenders)
        print(f"{os.path.basename(path):32s} {figures_of}   {time.time() - t0:.0f} s", flush=True)
    mean = {c: mean_of(result, ("psnr", "ssim", "ie"), c) for c in contenders}
    if cells:
        told = [row["network"]["error_correlation"] for row in result.values()]
        mean["network"]["error_correlation"] = round(float(np.mean(told)), 3)
    for c in contenders:
        print(f"{c:10s}", mean[c])
    risk = risk_coverage(cells) if cells else None
    if risk:
        shown = list(zip(risk["coverage"], risk["error"]))[3::4]
        shown = ", ".join(f"{share:.0%} {error:.2f}" for share, error in shown)
        print("risk-coverage: mean absolute error of the surest", shown)
    if a.json:
        protocol = dict(frames=a.frames, factor=a.factor, height=a.height, lookahead=a.lookahead)
        write_json(a.json, dict(protocol, clips=result, mean=mean, risk=risk))


if __name__ == "__main__":
    main()
