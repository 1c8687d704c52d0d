"""Export a network of the zoo: checkpoint (EMA weights) → <id>.pt, <id>.onnx, its manifest entry
and model card, checked on ONNX Runtime.

Quality figures come from the JSON of evaluate.py (--quality; several files: other factors, the
phantom). Fails when ONNX Runtime and PyTorch disagree.
"""

import argparse
import hashlib
import json
import os
import shutil
import warnings

import numpy as np
import onnxruntime as ort
import torch

from training.common import paths
from training.flow_s.export import write_manifest
from training.zoo import card, nets
from training.zoo.planes import AXES, INPUTS, OUTPUTS, Planes, count_macs, random_planes

# 360x640, 480x864 and 736x1280, padded to multiples of 64 (the runtime pads)
SIZES = ((384, 640), (512, 896), (768, 1280))
TOLERANCE, SHARE = 3, 1e-3  # grey levels, and the share of samples that may differ by more than one


def check(path, net, times):
    """Worst difference in grey levels between ONNX Runtime and PyTorch, and the share of samples
    further than one apart.
    """
    session, worst, far, count = ort.InferenceSession(path, providers=["CPUExecutionProvider"]), 0, 0, 0
    for k, (h, w) in enumerate(SIZES):
        for t in (0.5,) if times == "half" else (0.25, 0.625):
            planes = random_planes(h, w, k)[:6] + (torch.full((1,), t),)
            with torch.no_grad():
                want = Planes(net)(*planes)
            got = session.run(list(OUTPUTS), {n: p.numpy() for n, p in zip(INPUTS, planes)})
            for a, b in zip(got, want):
                assert a.shape == tuple(b.shape) and a.dtype == np.uint8, (a.shape, b.shape, a.dtype)
                d = np.abs(a.astype(int) - b.numpy())
                worst, far, count = max(worst, int(d.max())), far + int((d > 1).sum()), count + d.size
    if worst > TOLERANCE or far / count > SHARE:
        raise SystemExit(
            f"ONNX Runtime differs from PyTorch by {worst} grey levels; {far / count:.2e} of the samples by more than one"
        )
    return worst, far / count


def write_onnx(net, path):
    """The graph of Planes, sizes dynamic."""
    options = dict(dynamo=False) if "dynamo" in torch.onnx.export.__code__.co_varnames else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Planes(net).eval(),
            random_planes(128, 192),
            path,
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_axes=AXES,
            opset_version=17,
            **options,
        )


def quality_of(files):
    """JSON files of evaluate.py by the name of their set and factor."""
    out = {}
    for path in files:
        with open(path) as f:
            q = json.load(f)
        name = q["set"] + ("" if q["factor"] == 2 else f"_{q['factor']}x")
        out[name] = q
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("checkpoint", help="../runs/zoo-ID/checkpoint.pt, or ID.pt to export again")
    p.add_argument("--out", default=paths.MODELS, help="folder for the weights, the graph, the card and manifest.json")
    p.add_argument("--quality", nargs="*", default=[], help="JSON files of evaluate.py on this network")
    p.add_argument(
        "--parts",
        help="JSON of ../evaluate_phantom.py on blend and this network's .onnx: noise, wire tip, noise-free frames",
    )
    a = p.parse_args()
    torch.set_num_threads(1)
    net, blob = nets.load(a.checkpoint)
    name, step, seconds = blob["id"], blob["step"], blob["seconds"]
    weights, graph = (os.path.join(a.out, name + ending) for ending in (".pt", ".onnx"))
    torch.save(
        dict(
            id=name,
            config=net.config,
            weights={k: v.half() for k, v in net.state_dict().items()},
            step=step,
            seconds=seconds,
        ),
        weights,
    )
    net, _ = nets.load(weights)  # the exported network is the one that the file holds
    write_onnx(net, graph)
    worst, far = check(graph, net, net.times)
    parameters, macs = count_macs(net)
    with open(graph, "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    found = quality_of(a.quality)
    quality = {}
    for k, q in found.items():
        figures = dict(
            protocol=q["protocol"],
            psnr=q["mean"]["network"]["psnr"],
            ssim=q["mean"]["network"]["ssim"],
            ie=q["mean"]["network"]["ie"],
            blend_psnr=q["mean"]["blend"]["psnr"],
        )
        if k == "clips":
            quality.update(figures)
        else:
            quality[k] = figures
    entry = dict(
        id=name,
        kind="i420",
        file=name + ".onnx",
        sha256=digest,
        precision="fp32",
        multiple=net.multiple,
        times=net.times,
        parameters=parameters,
        macs720p=macs,
        licence="MIT",
        published=card.PUBLISHED[name],
        trained=f"{step} steps, {seconds / 60:.0f} minutes of one shared CPU thread: {card.DATA[name]} ({name}.md)",
        quality=quality,
    )
    write_manifest(os.path.join(a.out, "manifest.json"), entry)
    run = os.path.dirname(a.checkpoint)
    for have, kept in (("log.csv", f"{name}-log.csv"), ("curves.png", f"{name}-curves.png")):
        if os.path.exists(os.path.join(run, have)):
            shutil.copyfile(os.path.join(run, have), os.path.join(paths.LOGS, kept))
    parts = {}
    if a.parts:
        with open(a.parts) as f:
            parts = json.load(f)
    card.write(os.path.join(a.out, name + ".md"), entry, net, found, worst, far, parts)
    print(json.dumps(dict(entry, difference=worst, bytes=os.path.getsize(graph)), indent=1))


if __name__ == "__main__":
    main()
