"""Export a network of the zoo: checkpoint (moving average of the weights) → <id>.pt, <id>.onnx, its
manifest entry and model card.

Quality figures come from the JSON of zoo/evaluate.py (--quality; several files: other factors, the
phantom). Fails when ONNX Runtime and PyTorch disagree.
"""

import argparse
import json
import os

import torch

from training.common import export, paths
from training.zoo import card, nets
from training.zoo.planes import AXES, INPUTS, OUTPUTS, Planes, random_planes

# 360x640, 480x864 and 736x1280, padded to multiples of 64 (the runtime pads).
SIZES = ((384, 640), (512, 896), (768, 1280))
TOLERANCE, SHARE = 3, 1e-3  # grey levels, and the share of samples that may differ by more than one


def cases(times):
    """Pictures of several sizes, at times that the network knows."""
    for k, (h, w) in enumerate(SIZES):
        for t in (0.5,) if times == "half" else (0.25, 0.625):
            yield random_planes(h, w, k)[:6] + (torch.full((1,), t),)


def count_macs(net, height=768, width=1280):
    """(parameters, multiply-accumulates, luma and chroma) for one frame of 1280x720 padded to a
    multiple of 64: of the convolutions and of applying kernels that a network makes.
    """
    parameters, macs = export.count_macs(net, lambda: Planes(net)(*random_planes(height, width)))
    return parameters, macs + getattr(net, "kernel_macs", 0) * height * width


def by_set(files):
    """JSON files of zoo/evaluate.py by the name of their set and factor."""
    found = (paths.read_json(path) for path in files)
    return {q["set"] + ("" if q["factor"] == 2 else f"_{q['factor']}x"): q for q in found}


def quality_of(found):
    """The manifest's figures: those of the clips at 2x, and by name those of other sets."""
    quality = {}
    for name, q in found.items():
        means = {k: q["mean"]["network"][k] for k in ("psnr", "ssim", "ie")}
        figures = dict(protocol=q["protocol"], **means, blend_psnr=q["mean"]["blend"]["psnr"])
        quality.update(figures if name == "clips" else {name: figures})
    return quality


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    export.add_arguments(p, "ID")
    p.add_argument("--quality", nargs="*", default=[], help="JSON files of zoo/evaluate.py on this network")
    p.add_argument(
        "--parts",
        help="JSON of phantom/evaluate.py on blend and this network's .onnx: noise, wire tip, noise-free frames",
    )
    a = p.parse_args()
    name = torch.load(a.checkpoint, map_location="cpu")["id"]
    network, blob = export.freeze(nets.load, a.checkpoint, os.path.join(a.out, f"{name}.pt"), id=name)
    path = os.path.join(a.out, f"{name}.onnx")
    export.write_onnx(Planes(network), random_planes(128, 192), path, INPUTS, OUTPUTS, AXES)
    pairs = export.compare(path, Planes(network), cases(network.times), INPUTS, OUTPUTS)
    worst, far = export.check_planes(pairs, TOLERANCE, SHARE)
    parameters, macs = count_macs(network)
    found = by_set(a.quality)
    entry = export.list_model(
        a.out,
        name,
        "i420",
        "fp32",
        network.multiple,
        times=network.times,
        parameters=parameters,
        macs720p=macs,
        licence="MIT",
        published=card.PUBLISHED[name],
        trained=export.trained(blob, "of one shared CPU thread", f"{card.DATA[name]} ({name}.md)"),
        quality=quality_of(found),
    )
    parts = paths.read_json(a.parts) if a.parts else {}
    card.write(a.out, os.path.dirname(a.checkpoint), entry, network, found, worst, far, parts)
    print(json.dumps(dict(entry, difference=worst, bytes=os.path.getsize(path)), indent=1))


if __name__ == "__main__":
    main()
