"""Where quality is lost on the fluoroscopy phantom: frames made by vectors that no interpolator
could know, against those of the search.

structure, thin: PSNR of the noise-free frames, warped half-way by the vectors that the noisy ones
gave, over the picture and over devices and contrast-filled vessels. tip: median and 90 % quantile
of the guidewire's tip error in the frame made of noisy ones. Rows:

even: the true vectors, halved (f0 = -v/2, f1 = v/2), as if nothing were accelerated within a gap.
true: the true way to either frame. quadratic: the true vectors of this gap and of the one before
give the acceleration. +acceleration: the same by the search's own vectors, q = share * mean5x5((v -
v_before) / 8), added to f0 and to f1; v_before is read where the cell was. band: the search sees a
band-pass of the frames.
"""

import argparse
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F

from training.common import paths
from training.common.search import search
from training.common.warp import seed_field, warp
from training.flow_s import evaluate
from training.phantom import scene as phantom
from training.phantom.evaluate import RUNS, apply_field, find_tip, load_run
from training.phantom.prepare import thin_weight, true_flow
from training.phantom.raster import blur


def band(frame):
    """What is between 1.5 and 8 pixels wide, four times as strong, around 128."""
    x = frame.astype(np.float32)
    return np.clip(np.round(128 + 4 * (blur(x, 1.5) - blur(x, 8.0))), 0, 255).astype(np.uint8)


def vectors(a, b):
    """The search's seed from frame a to frame b."""
    return search(*(torch.from_numpy(f)[None].float() for f in (a, b)))


def ways(f0, f1):
    """A field of these two ways, equal weights."""
    return torch.cat([f0, f1, torch.full_like(f0[:, :1], 0.5)], 1)


def accelerated(v, before, share):
    """Field of vectors v with the acceleration that those of the gap before tell."""
    q = share * F.avg_pool2d((v - warp(before, -v / 8)) / 8, 5, 1, 2, count_include_pad=False)
    return ways(q - v / 2, q + v / 2)


def truth(name, i):
    """For frame `i` of a run: true ways back and on, the way back to the frame kept before, and the
    weight of thin things.
    """
    seed, size, rate, dose, gone = RUNS[name]
    scene = truth.scenes.setdefault(name, phantom.scene(seed, size, 10.0, phantom.Detector(dose=dose, pulse_rate=rate)))
    scene.layers = [layer for layer in scene.layers if layer.name not in gone]
    at = lambda k: 1.8 + (i + k) / (2 * rate)
    run = SimpleNamespace(
        scene=scene,
        size=size,
        back=0,
        time=at,
        screen=SimpleNamespace(aperture=scene._aperture),
        exposures={0: (None, scene.attenuation(at(0)))},
        layer=lambda n: next((layer for layer in scene.layers if layer.name == n), None),
    )
    both = torch.from_numpy(true_flow(run, 0).astype(np.float32))[None]
    run.time = lambda k: at(-3 if k == -1 else k)
    before = torch.from_numpy(true_flow(run, 0).astype(np.float32))[None, :2]
    return both[:, :2], both[:, 2:], before, thin_weight(run, 0).astype(np.float32) / 255


truth.scenes = {}


@torch.no_grad()
def fields(run, name, i, network):
    """All contenders' fields for frame `i`, and the weight of thin things."""
    a, b, earlier = run["noisy"][i - 1], run["noisy"][i + 1], run["noisy"][i - 3]
    f0, f1, before, thin = truth(name, i)
    v = f1 - f0
    seed, was = vectors(a, b), vectors(earlier, a)[:, :2]
    sharp, was_sharp = vectors(band(a), band(b)), vectors(band(earlier), band(a))[:, :2]
    out = {
        "zero": seed_field(seed * 0),
        "search": seed_field(seed),
        "search on noise-free frames": seed_field(vectors(run["clean"][i - 1], run["clean"][i + 1])),
        "search of the band": seed_field(sharp),
        "search +acceleration": accelerated(seed[:, :2], was, 0.7),
        "search of the band +acceleration": accelerated(sharp[:, :2], was_sharp, 0.7),
    }
    if network:
        field = network.field(evaluate.inputs_of(a, b))
        q = accelerated(field[:, 2:4] - field[:, :2], was, 0.7)
        q = (q[:, :2] + q[:, 2:4]) / 2
        bent = field.clone()
        for k in range(0, field.shape[1] - 5, 6):
            bent[:, k : k + 2] += q
            bent[:, k + 2 : k + 4] += q
        out.update({"network": field, "network +acceleration": bent})
        if network.beside:
            out["network, with the pair before"] = network.field(evaluate.inputs_of(a, b, earlier))
    out.update({"even": ways(-v / 2, v / 2), "quadratic": accelerated_true(v, f0, f1, before), "true": ways(f0, f1)})
    return out, thin


def accelerated_true(v, f0, f1, before, share=0.7):
    q = share * (f1 - 2 * f0 + before) / 8
    return ways(q - v / 2, q + v / 2)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", help=".pt or .onnx of the flow kind")
    p.add_argument("--keep", default=paths.run_folder("phantom"), help="folder for rendered runs")
    p.add_argument("--at", type=int, nargs="+", default=[3, 9, 15, 21], help="which (odd) frames to make")
    p.add_argument("--runs", nargs="+", default=list(RUNS), choices=list(RUNS))
    p.add_argument(
        "--shift",
        type=int,
        default=0,
        help="added to the runs' seeds: other runs than those the constants were chosen on",
    )
    a = p.parse_args()
    torch.set_num_threads(1)
    if a.shift:
        RUNS.update({n: (r[0] + a.shift, *r[1:]) for n, r in RUNS.items()})
        a.keep += f"-{a.shift}"
    network, rows = evaluate.Network(a.model, 1) if a.model else None, {}
    for name in a.runs:
        run = load_run(a.keep, name, 25)
        for i in a.at:
            made, thin = fields(run, name, i, network)
            for key, field in made.items():
                d = (apply_field(run["clean"][i - 1], run["clean"][i + 1], field, 0.5) - run["clean"][i]) ** 2
                noisy = apply_field(run["noisy"][i - 1], run["noisy"][i + 1], field, 0.5)
                rows.setdefault(key, []).append(
                    (
                        10 * np.log10(65025 / d.mean()),
                        10 * np.log10(65025 * thin.sum() / (d * thin).sum()),
                        find_tip(noisy, run["tips"][i], run["wires"][i]),
                    )
                )
    print(f"{'':34s} structure   thin    tip  90 %   structure by run: {', '.join(a.runs)}")
    for key, row in rows.items():
        r = np.array(row)
        tip = f"{np.median(r[:, 2]):6.2f} {np.quantile(r[:, 2], 0.9):5.2f}"
        by_run = " ".join(f"{v:5.1f}" for v in r[:, 0].reshape(len(a.runs), -1).mean(1))
        print(f"{key:34s} {r[:, 0].mean():9.2f} {r[:, 1].mean():6.2f} {tip}   {by_run}")


if __name__ == "__main__":
    main()
