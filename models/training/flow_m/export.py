"""Export flow-m: checkpoint (moving average of the weights) → flow-m.pt, flow-m.onnx and
flow-m-fp16.onnx (kind `i420`) and their manifest entries.

fp16: the convolutions of both stages alone; flow, coordinates, warps and blending stay in float32.
Fails when ONNX Runtime and PyTorch disagree.
"""

import argparse
import copy
import os

import torch
import torch.nn as nn

from training.common import export
from training.flow_m.network import Planes, load

INPUTS = ("y0", "u0", "v0", "y1", "u1", "v1", "t", "seed", "costs")
OUTPUTS = ("y", "u", "v", "error")
LUMA, CHROMA, GRID = ({2: "height" + d, 3: "width" + d} for d in ("", "/2", "/8"))
AXES = {
    **{n: LUMA for n in ("y0", "y1", "y")},
    **{n: CHROMA for n in ("u0", "v0", "u1", "v1", "u", "v")},
    **{n: GRID for n in ("seed", "costs")},
}
# Grey levels at most, and the share of samples that may differ by more than one.
TOLERANCE = {"fp32": (2, 1e-4), "fp16": (8, 2e-3)}


def random_inputs(height, width, t, seed):
    """A smooth picture that moves, with a seed that is wrong in places."""
    g = torch.Generator().manual_seed(seed)
    grid = height // 8, width // 8
    coarse = torch.rand(1, 1, *grid, generator=g)
    low = nn.functional.interpolate(coarse, scale_factor=8, mode="bilinear") * 255
    byte = lambda x: x.clamp(0, 255).to(torch.uint8)
    chroma = nn.functional.avg_pool2d(low, 2)
    vectors = torch.randn(1, 2, *grid, generator=g) * 6
    field = torch.cat([vectors, torch.rand(1, 1, *grid, generator=g) * 0.1], 1)
    costs = torch.rand(1, 18, *grid, generator=g) * 0.1
    first = byte(low), byte(chroma), byte(255 - chroma)
    second = byte(low.roll(4, 3)), byte(chroma.roll(2, 3)), byte(255 - chroma.roll(2, 3))
    return (*first, *second, torch.full((1,), t), field, costs)


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
    for name in ("look", "join", "tell", "down1", "down2", "mid", "fine", "up1", "up2"):
        setattr(out.trunk, name, Half(getattr(out.trunk, name)))
    return out


def run_once(network, height=736, width=1280):
    """The network on one pair of black frames."""
    frames = (torch.zeros(1, 1, height, width),) * 2
    seed, costs = (torch.zeros(1, n, height // 8, width // 8) for n in (3, 18))
    return network(*frames, seed, costs, torch.full((1, 1, 1, 1), 0.5))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    export.add_arguments(p, "flow-m")
    export.add_trained_argument(p)
    p.add_argument("--quality", help="JSON of flow_s/evaluate.py on flow-m.onnx")
    a = p.parse_args()
    network, blob = export.freeze(load, a.checkpoint, os.path.join(a.out, "flow-m.pt"))
    parameters, macs = export.count_macs(network, lambda: run_once(network))
    quality, where = export.quality_of(a.quality), "on one CPU core (second stage; the first is flow-s)"
    for name, precision, module in (("flow-m", "fp32", network), ("flow-m-fp16", "fp16", halved(network))):
        path = os.path.join(a.out, f"{name}.onnx")
        export.write_onnx(Planes(module), random_inputs(64, 96, 0.5, 0), path, INPUTS, OUTPUTS, AXES)
        cases = (random_inputs(384, 640, 0.5, 0), random_inputs(480, 864, 0.25, 1))
        pairs = export.compare(path, network.planes, cases, INPUTS, OUTPUTS[:3])
        worst, far = export.check_planes(pairs, *TOLERANCE[precision])
        export.list_model(
            a.out,
            name,
            "i420",
            precision,
            32,
            parameters=parameters,
            macs720p=macs,
            licence="MIT",
            times="any",
            trained=export.trained(blob, where, a.trained),
            quality=quality,
        )
        print(
            f"{name}: {os.path.getsize(path)} bytes; ONNX Runtime differs from PyTorch (float32) by {worst} grey "
            f"levels at most, {far:.1e} of the samples by more than one"
        )


if __name__ == "__main__":
    main()
