"""Quality on the fluoroscopy phantom, where everything is known: the noise-free truth, the
guidewire's tip, the noise itself.

Held-out runs (seeds from 9000 on) are rendered at twice the pulse rate of their name; --factor 2
removes every second frame, 4 three of four, as flow_s/evaluate.py does. Contenders: repeat, blend,
search, networks (.pt or .onnx with images and seed) and .onnx files that take I420 planes (y0 u0 v0
y1 u1 v1 uint8, t). Figures:

clean, noisy: PSNR, SSIM, IE of the frame made from noisy frames against the truth without and with
noise; the first depends most on how much noise the frame has, the second on that too: a smoother
frame scores better in both. structure: the noise-free frames, warped and blended by the field that
the noisy ones gave, against the noise-free truth: what the motion is worth, whatever the noise.
pure: made from noise-free frames. tip: median distance in pixels of the guidewire's tip from where
it is; the row `truth` is the detector's own error, and under `clean` a real frame's noise. noise:
power of the made frame's noise over that of real frames, in all and by band of radial frequency (<
0.1, 0.1-0.25, > 0.25 cycles a pixel).
"""

import argparse
import os
import subprocess
import time

import numpy as np
import torch

from training.common import paths
from training.common.quality import figures, write_json
from training.common.runtime import session
from training.common.warp import render
from training.flow_s import evaluate
from training.phantom import scene as phantom
from training.phantom.grain import Grain
from training.phantom.prepare import HELD_OUT, tip
from training.phantom.raster import blur

# seed, size, pulses a second, quanta per pixel, layers left out
RUNS = {
    "contrast-15": (9001, 512, 15.0, 2600.0, ("lead",)),
    "wire-15": (9002, 512, 15.0, 1200.0, ("vessels", "blush", "reflux", "lead")),
    "large-15": (9003, 640, 15.0, 1800.0, ()),
    "contrast-7.5": (9004, 512, 7.5, 2600.0, ("lead",)),
    "low-dose-30": (9005, 512, 30.0, 700.0, ("lead",)),
    "wire-30": (9006, 512, 30.0, 1500.0, ("vessels", "blush", "reflux")),
}
BANDS = (0.1, 0.25)
PATCH, REACH = 15, 12


def render_run(name, count):
    """noisy, clean uint8 [count,H,W], tips [count,2] (x, y in pixels) and wires float16
    [count,2P+1,2P+1]: the wire's attenuation around the rounded tip.
    """
    seed, size, rate, dose, gone = RUNS[name]
    assert seed >= HELD_OUT
    scene = phantom.scene(seed, size, 10.0, phantom.Detector(dose=dose, pulse_rate=rate))
    scene.layers = [layer for layer in scene.layers if layer.name not in gone]
    wire = next(layer for layer in scene.layers if layer.name == "wire")
    noisy, clean, tips, wires = [], [], [], []
    for k in range(count):
        t = 1.8 + k / (2 * rate)
        signal = scene.signal(t)
        clean.append(scene.display(signal))
        noisy.append(scene.display(scene.noise(signal, t)))
        tips.append(tip(scene, t))
        x, y = np.round(tips[-1]).astype(int) + PATCH
        shape = blur(wire.attenuation(size, t), scene.detector.focal_blur * size / phantom.UNIT)
        wires.append(np.pad(shape, PATCH)[y - PATCH : y + PATCH + 1, x - PATCH : x + PATCH + 1].astype(np.float16))
    return dict(noisy=np.stack(noisy), clean=np.stack(clean), tips=np.stack(tips), wires=np.stack(wires))


def find_tip(picture, at, wire):
    """Distance in pixels between the true tip `at` and where `picture` shows it: matched filter of
    the wire's own shadow, weighted towards the tip, normalised correlation within REACH pixels,
    parabola between pixels.
    """
    y, x = np.mgrid[-PATCH : PATCH + 1, -PATCH : PATCH + 1]
    weight = np.exp(-0.5 * (x * x + y * y) / 6.0**2)
    weight /= weight.sum()
    template = -wire.astype(np.float64)
    template -= (template * weight).sum()
    u, v = np.round(at).astype(int)
    n = PATCH + REACH
    part = np.pad(picture.astype(np.float64), n, mode="edge")[v : v + 2 * n + 1, u : u + 2 * n + 1]
    patches = np.lib.stride_tricks.sliding_window_view(part, template.shape)
    mean = (patches * weight).sum((2, 3))
    power = (patches**2 * weight).sum((2, 3)) - mean**2
    score = (patches * (template * weight)).sum((2, 3)) / np.sqrt(np.maximum(power, 1.0))
    j, i = np.unravel_index(score.argmax(), score.shape)
    found = []
    for k, line in ((i, score[j]), (j, score[:, i])):
        d = 0.0
        if 0 < k < 2 * REACH:
            bend = line[k - 1] + line[k + 1] - 2 * line[k]
            d = 0.5 * (line[k - 1] - line[k + 1]) / bend if bend < 0 else 0.0
        found.append(k - REACH + d)
    # The template's centre is the rounded tip, so the true tip would be found at (0, 0).
    return float(np.hypot(*found))


def noise_bands(noise):
    """Power of a noise picture: whole, then by band of radial frequency."""
    h, w = noise.shape
    power = (
        np.abs(np.fft.rfft2(noise - noise.mean())) ** 2
        * np.where(np.arange(w // 2 + 1) % (w // 2) == 0, 1, 2)
        / (h * w) ** 2
    )
    f = np.hypot(np.fft.fftfreq(h)[:, None], np.fft.rfftfreq(w)[None])
    low, high = BANDS
    return np.array([power.sum(), power[f < low].sum(), power[(f >= low) & (f < high)].sum(), power[f >= high].sum()])


class Planes:
    """A model with I420 planes in and out, run by ONNX Runtime."""

    def __init__(self, path, threads):
        self.session = session(path, threads)
        self.rank = {i.name: len(i.shape) for i in self.session.get_inputs()}

    def __call__(self, a, b, t):
        grey = np.full([n // 2 for n in a.shape], 128, np.uint8)
        given = {"y0": a, "u0": grey, "v0": grey, "y1": b, "u1": grey, "v1": grey}
        given = {k: v.reshape((1,) * (self.rank[k] - 2) + v.shape) for k, v in given.items() if k in self.rank}
        if "t" in self.rank:
            given["t"] = np.full((1,), t, np.float32)
        return self.session.run(["y"], given)[0].reshape(a.shape)


def open_contender(name, threads):
    """Name or file → function (frame 0, frame 1, t, the frame before, the one after) → (frame,
    field or None).
    """
    if name in ("repeat", "blend", "search"):
        return lambda a, b, t, *beside: evaluate.interpolate(a, b, name, None, t, *beside)
    if name.endswith(".onnx"):
        planes = Planes(name, threads)
        if "y0" in planes.rank:
            return lambda a, b, t, *_: (planes(a, b, t), None)
    network = evaluate.Network(name, threads)
    return lambda a, b, t, *beside: evaluate.interpolate(a, b, "network", network, t, *beside)


def apply_field(a, b, field, t):
    """The frame (float, 0…255) that a field makes of other frames than those it was found on."""
    h, w = a.shape
    pad = lambda f: torch.nn.functional.pad(
        torch.from_numpy(f)[None, None].float(), (0, -w % 32, 0, -h % 32), mode="replicate"
    )
    return render(pad(a), pad(b), field, t)[0, 0, :h, :w].numpy()


def score_run(run, contend, factor, strength=0.0, lookahead=False):
    """Figures of one contender on one run: dict of lists, one entry per made frame. It sees the
    frame before each pair, and with `lookahead` the one after it.

    `strength` of grain (grain.py) for those with a field.
    """
    noisy, clean, out, grain = run["noisy"], run["clean"], {}, Grain(strength)
    add = lambda key, value: out.setdefault(key, []).append(value)
    for g in range(0, len(noisy) - factor, factor):
        for k in range(1, factor):
            t, i, n = k / factor, g + k, g + factor
            near = lambda frames, g=g: evaluate.beside(frames, g, factor, lookahead)
            made, field = contend(noisy[g], noisy[n], t, *near(noisy))
            if strength and field is not None:
                made = grain(noisy[g], noisy[n], made, field, t)
            pure, _ = contend(clean[g], clean[n], t, *near(clean))
            still = pure if field is None else apply_field(clean[g], clean[n], field, t)
            add("clean", figures(made, clean[i]))
            add("noisy", figures(made, noisy[i]))
            add("pure", figures(pure, clean[i]))
            add("structure", figures(still, clean[i]))
            add("tip", find_tip(made, run["tips"][i], run["wires"][i]))
            add("tip_pure", find_tip(pure, run["tips"][i], run["wires"][i]))
            add("noise", noise_bands(made.astype(np.float64) - still))
            add("real", noise_bands(noisy[i].astype(np.float64) - clean[i]))
    return out


def truth_run(run, factor):
    """The detector of the tip on the truth itself, and what a real frame's noise alone is worth in
    `clean`.
    """
    made = [i for i in range(len(run["noisy"]) - 1) if i % factor]
    ask = lambda frames: [find_tip(frames[i], run["tips"][i], run["wires"][i]) for i in made]
    return dict(
        clean=[figures(run["noisy"][i], run["clean"][i]) for i in made],
        tip=ask(run["noisy"]),
        tip_pure=ask(run["clean"]),
    )


def summary(runs):
    """Figures of several runs → means over runs; medians of the tip over all frames; noise as a
    ratio of sums.
    """
    out = {}
    for key in ("clean", "noisy", "structure", "pure"):
        if key in runs[0]:
            out[key] = {
                n: round(float(v), 4)
                for n, v in zip(("psnr", "ssim", "ie"), np.mean([np.mean(r[key], 0) for r in runs], 0))
            }
    for key in ("tip", "tip_pure"):
        all_of = np.concatenate([r[key] for r in runs])
        out[key] = dict(median=round(float(np.median(all_of)), 3), p90=round(float(np.quantile(all_of, 0.9)), 3))
    if "noise" in runs[0]:
        ratio = np.mean([np.sum(r["noise"], 0) / np.sum(r["real"], 0) for r in runs], 0)
        out["noise"] = {n: round(float(v), 3) for n, v in zip(("all", "low", "mid", "high"), ratio)}
    return out


def line(name, s):
    """One row of the table."""
    psnr = "  ".join(
        f"{s[k]['psnr']:6.2f} {s[k]['ssim']:.3f}" if k in s else " " * 12
        for k in ("clean", "noisy", "structure", "pure")
    )
    noise = "  ".join(f"{s['noise'][k]:5.2f}" for k in ("all", "low", "mid", "high")) if "noise" in s else ""
    return (
        f"{name:24s} {psnr}   {s['tip']['median']:5.2f} {s['tip']['p90']:6.2f} {s['tip_pure']['median']:6.2f}   {noise}"
    )


def write_clip(path, frames, rate):
    """Lossless clip: FFV1 in Matroska, 4:2:0 with grey chroma, luma untouched."""
    count, h, w = frames.shape
    command = [
        "ffmpeg",
        "-hide_banner",
        "-loglevel",
        "error",
        "-nostdin",
        "-y",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "yuv420p",
        "-s",
        f"{w}x{h}",
        "-r",
        f"{rate:g}",
        "-i",
        "-",
        "-c:v",
        "ffv1",
        "-threads",
        "1",
        "-map_metadata",
        "-1",
        path,
    ]
    grey = np.full((count, h * w // 2), 128, np.uint8)
    subprocess.run(command, input=np.concatenate([frames.reshape(count, -1), grey], 1).tobytes(), check=True)


def runs_for(factor, names=tuple(RUNS)):
    """The runs that tell something at this factor: a quarter of 7.5 pulses a second is no use."""
    return [n for n in names if factor == 2 or RUNS[n][2] > 7.5]


def load_run(folder, name, count):
    """A rendered run, kept in `folder` for the next time."""
    path = os.path.join(folder, f"{name}-{count}.npz")
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        np.savez_compressed(path + ".part.npz", **render_run(name, count))
        os.replace(path + ".part.npz", path)
    with np.load(path) as z:
        return {k: z[k] for k in z.files}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument(
        "contenders",
        nargs="*",
        default=["repeat", "blend", "search"],
        help="repeat, blend, search, or files (.pt, .onnx)",
    )
    p.add_argument("--factor", type=int, nargs="+", default=[2, 4], choices=[2, 4])
    p.add_argument("--runs", nargs="+", default=list(RUNS), choices=list(RUNS))
    p.add_argument("--frames", type=int, default=25, help="frames per run")
    p.add_argument("--keep", default=paths.run_folder("phantom"), help="folder for rendered runs")
    p.add_argument(
        "--grain",
        type=float,
        default=0.0,
        help="share of a real frame's noise power that made frames are brought to (grain.py)",
    )
    p.add_argument("--lookahead", choices=["on", "off"], default="off", help="whether the pair after is seen too")
    p.add_argument(
        "--write", metavar="DIR", help="write the runs as lossless clips (<name>-noisy.mkv, <name>-clean.mkv) too"
    )
    p.add_argument("--json", help="write the figures here")
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    t0, runs = time.time(), {}
    for name in a.runs:
        runs[name] = load_run(a.keep, name, a.frames)
        if a.write:
            os.makedirs(a.write, exist_ok=True)
            for kind in ("noisy", "clean"):
                write_clip(os.path.join(a.write, f"{name}-{kind}.mkv"), runs[name][kind], 2 * RUNS[name][2])
    print(f"{len(runs)} runs, {time.time() - t0:.0f} s", flush=True)
    result, files = {}, [os.path.basename(c) for c in a.contenders]
    label = lambda c: c if files.count(os.path.basename(c)) > 1 else os.path.basename(c)
    for factor in a.factor:
        names = runs_for(factor, tuple(runs))
        rows = {"truth": {n: truth_run(runs[n], factor) for n in names}}
        titles = f"{'clean':>26s} {'noisy':>13s} {'structure':>13s} {'pure':>13s}"
        print(f"{factor}x {titles}     tip: median 90 % pure   noise: all, low, mid, high")
        print(line("truth", summary(list(rows["truth"].values()))), flush=True)
        for c in a.contenders:
            contend, t0 = open_contender(c, a.threads), time.time()
            rows[c] = {n: score_run(runs[n], contend, factor, a.grain, a.lookahead == "on") for n in names}
            print(line(label(c), summary(list(rows[c].values()))), f"  {time.time() - t0:.0f} s", flush=True)
        result[f"{factor}x"] = {
            label(c): dict(mean=summary(list(r.values())), runs={n: summary([v]) for n, v in r.items()})
            for c, r in rows.items()
        }
    if a.json:
        write_json(a.json, dict(frames=a.frames, lookahead=a.lookahead, **result))


if __name__ == "__main__":
    main()
