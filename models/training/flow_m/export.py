"""Export flow-m: checkpoint (EMA weights) → flow-m.pt, flow-m.onnx and flow-m-fp16.onnx (kind
`i420`), their manifest entries, checked on ONNX Runtime.

fp16: the convolutions of both stages alone; flow, coordinates, warps and blending stay in float32.
Fails when ONNX Runtime and PyTorch disagree.
"""

import argparse
import copy
import hashlib
import json
import os

import numpy as np
import torch
import torch.nn as nn

from training.common import paths
from training.flow_m import network as flow_m
from training.flow_s.export import session, write_manifest

INPUTS = ("y0", "u0", "v0", "y1", "u1", "v1", "t", "seed", "costs")
OUTPUTS = ("y", "u", "v", "error")
# grey levels at most, and the share of samples more than SHARE apart
TOLERANCE, SHARE = {"fp32": (2, 1e-4), "fp16": (8, 2e-3)}, 1


def inputs(height, width, t, seed):
    """Random inputs: a smooth picture that moves, with a seed that is wrong in places."""
    g = torch.Generator().manual_seed(seed)
    low = (
        nn.functional.interpolate(
            torch.rand(1, 1, height // 8, width // 8, generator=g), scale_factor=8, mode="bilinear"
        )
        * 255
    )
    byte = lambda x: x.clamp(0, 255).to(torch.uint8)
    chroma = nn.functional.avg_pool2d(low, 2)
    field = torch.cat(
        [
            torch.randn(1, 2, height // 8, width // 8, generator=g) * 6,
            torch.rand(1, 1, height // 8, width // 8, generator=g) * 0.1,
        ],
        1,
    )
    costs = torch.rand(1, 18, height // 8, width // 8, generator=g) * 0.1
    return (
        byte(low),
        byte(chroma),
        byte(255 - chroma),
        byte(low.roll(4, 3)),
        byte(chroma.roll(2, 3)),
        byte(255 - chroma.roll(2, 3)),
        torch.full((1,), t),
        field,
        costs,
    )


def check(path, net, precision):
    """Worst difference in grey levels between ONNX Runtime and PyTorch, and the share of samples
    that are more than SHARE apart.
    """
    run, worst, far, count = session(path), 0, 0, 0
    for k, (h, w) in enumerate(((384, 640), (480, 864))):
        given = inputs(h, w, (0.5, 0.25)[k], k)
        with torch.no_grad():
            want = net.planes(*given)
        got = run.run(list(OUTPUTS), {n: v.numpy() for n, v in zip(INPUTS, given)})
        for a, b in zip(got[:3], want):
            d = np.abs(a.astype(int) - b.numpy().astype(int))
            worst, far, count = max(worst, int(d.max())), far + int((d > SHARE).sum()), count + d.size
    if worst > TOLERANCE[precision][0] or far / count > TOLERANCE[precision][1]:
        raise SystemExit(
            f"{precision}: ONNX Runtime differs from PyTorch by {worst} grey levels; {far / count:.2e} of the samples by more than {SHARE}"
        )
    return worst, far / count


class Half(nn.Module):
    """A network of convolutions in half precision with float32 in and out."""

    def __init__(self, net):
        super().__init__()
        self.net = net.half()

    def forward(self, *x):
        return self.net(*(v.half() for v in x)).float()


def halved(net):
    """A copy whose convolutions are in half precision."""
    out = copy.deepcopy(net)
    head = out.second.head.half()
    out.second.head = nn.Identity()
    out.second = nn.Sequential(Half(out.second), Half(head))
    # The first stage's convolutions; its choice of vectors stays in float32.
    for name in ("look", "join", "tell", "down1", "down2", "mid", "fine"):
        setattr(out.trunk, name, Half(getattr(out.trunk, name)))
    for name in ("up1", "up2"):
        setattr(out.trunk, name, Half(getattr(out.trunk, name)))
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("checkpoint", help="runs/flow-m/checkpoint.pt, or flow-m.pt to export again")
    p.add_argument("--out", default=paths.MODELS, help="folder for the files and manifest.json")
    p.add_argument("--quality", help="JSON of evaluate.py on flow-m.onnx")
    p.add_argument("--trained", required=True, help="a line on how it was trained; steps and minutes are put before it")
    a = p.parse_args()
    torch.set_num_threads(1)
    net, blob = flow_m.load(a.checkpoint)
    parameters, macs = flow_m.count_macs(net)
    step, seconds = blob.get("step", 0), blob.get("seconds", 0.0)
    at = lambda name: os.path.join(a.out, name)
    torch.save(
        dict(config=net.config, weights={k: v.half() for k, v in net.state_dict().items()}, step=step, seconds=seconds),
        at("flow-m.pt"),
    )
    net, _ = flow_m.load(at("flow-m.pt"))  # the exported network is the one that the file holds
    luma, chroma, grid = ({2: "height" + d, 3: "width" + d} for d in ("", "/2", "/8"))
    axes = {
        n: luma if n[0] == "y" else chroma if n[0] in "uv" else grid
        for n in (*INPUTS, *OUTPUTS)
        if n not in ("t", "error")
    }
    quality = {}
    if a.quality:
        with open(a.quality) as f:
            q = json.load(f)
        quality = dict(
            protocol=f"every second frame removed, at most {q['height']} lines, {q['frames']} frames a clip, {len(q['clips'])} clips, luma",
            **q["mean"]["network"],
        )
    legacy = {"dynamo": False} if torch.__version__ >= "2.1" else {}
    for name, precision, module in (("flow-m", "fp32", net), ("flow-m-fp16", "fp16", halved(net))):
        torch.onnx.export(
            flow_m.Planes(module).eval(),
            inputs(64, 96, 0.5, 0),
            at(f"{name}.onnx"),
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_axes=axes,
            opset_version=17,
            **legacy,
        )
        worst, far = check(at(f"{name}.onnx"), net, precision)
        with open(at(f"{name}.onnx"), "rb") as f:
            digest = hashlib.sha256(f.read()).hexdigest()
        write_manifest(
            at("manifest.json"),
            dict(
                id=name,
                kind="i420",
                file=f"{name}.onnx",
                sha256=digest,
                precision=precision,
                multiple=32,
                parameters=parameters,
                macs720p=macs,
                licence="MIT",
                times="any",
                trained=f"{step} steps, {seconds / 60:.0f} minutes on one CPU core (second stage; the first is flow-s): {a.trained}",
                quality=quality,
            ),
        )
        print(
            f"{name}: {os.path.getsize(at(f'{name}.onnx'))} bytes; ONNX Runtime differs from PyTorch (float32) by {worst} grey levels at most, {far:.1e} of the samples by more than {SHARE}"
        )


if __name__ == "__main__":
    main()
