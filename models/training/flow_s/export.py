"""Export flow-s or fluoro-s: checkpoint (moving average of the weights) → <id>.pt, <id>.onnx
(int8), <id>-fp32.onnx and their manifest entries.

int8: calibrated on training samples; the head stays in float, as what the kernel does with its
output (choice.py) is. Fails when ONNX Runtime and PyTorch disagree on the float file; what int8
costs is measured by flow_s/evaluate.py, whose JSON goes into the manifest (--quality, --quality-
fp32).
"""

import argparse
import os

import numpy as np
import onnx
import torch

from training.common import export, paths
from training.common.acceleration import CHANNELS
from training.common.quantise import quantise
from training.common.samples import MARGIN, Samples, augment, informed, join
from training.flow_s.choice import CANDIDATES, OUTPUTS
from training.flow_s.network import Choice, load, network_inputs, quarter

INPUTS, GIVEN = ("images", "seed", "costs", "fine", "motion"), ("choice", "trust")
CELLS = {0: "batch", 2: "height/8", 3: "width/8"}
AXES = dict(dict.fromkeys((*INPUTS, "choice"), CELLS), images={0: "batch", 2: "height/4", 3: "width/4"})
TOLERANCE = 2e-3  # of logits, and of a quarter of a pixel


def zeros(height, width):
    """Inputs of one pair of frames."""
    grid = height // 8, width // 8
    channels = (3, CANDIDATES, 3, CHANNELS)
    return torch.zeros(1, 4, height // 4, width // 4), *(torch.zeros(1, c, *grid) for c in channels)


def random_cases(sizes=((1, 256, 448), (1, 480, 864), (3, 64, 96))):
    """Random inputs of several sizes: (pairs, height, width)."""
    g = torch.Generator().manual_seed(0)
    for n, h, w in sizes:
        images = torch.rand(n, 4, h // 4, w // 4, generator=g)
        vectors = lambda c, size, g=g, n=n, h=h, w=w: torch.randn(n, c, h // 8, w // 8, generator=g) * size
        costs = lambda c, g=g, n=n, h=h, w=w: torch.rand(n, c, h // 8, w // 8, generator=g) * 0.1
        seed, fine = (torch.cat([vectors(2, 15), costs(1)], 1) for _ in range(2))
        known = torch.randint(0, 3, (n, 1, 1, 1), generator=g).expand(-1, 1, h // 8, w // 8) / 2
        motion = torch.cat([vectors(2, 15), vectors(4, 1), costs(1), known], 1)
        yield images, seed, costs(CANDIDATES), fine, motion


def calibration(folder, kinds, count):
    """Network inputs of random, augmented training samples."""
    rng = np.random.default_rng(0)
    sets = [Samples(folder, kind, 1000) for kind in kinds]
    draws = [s.take(rng.integers(0, len(s), count // len(sets))) for s in sets]
    batch = informed(augment(join(*draws), rng), rng)
    images = network_inputs(quarter(batch["frame0"]), quarter(batch["frame1"]), batch["seed"], MARGIN // 4)
    for row in zip(images, *(batch[k] for k in INPUTS[1:])):
        yield {k: v[None].numpy() for k, v in zip(INPUTS, row)}


def write_graph(network, path):
    """The float graph of what the product runs."""
    export.write_onnx(Choice(network), zeros(256, 384), path, INPUTS, GIVEN, AXES)
    graph = onnx.load(path)
    # the exporter leaves it open
    graph.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 2 * OUTPUTS
    onnx.save(graph, path)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    export.add_arguments(p, "flow-s")
    export.add_trained_argument(p)
    p.add_argument("--id", default="flow-s", help="name in the manifest and of the files")
    p.add_argument("--samples", default=paths.SAMPLES, help="training samples to calibrate on")
    p.add_argument("--kinds", nargs="+", default=["videos", "scenes"], help="kinds of samples to calibrate on")
    p.add_argument("--calibrate", type=int, default=160, help="samples to calibrate on")
    p.add_argument("--int8-only", action="store_true", help="list and keep no float file")
    p.add_argument("--grain", type=float, help="strength of the grain that its frames get (X-ray: 1)")
    p.add_argument("--quality", help="JSON of flow_s/evaluate.py on the int8 file")
    p.add_argument("--quality-fp32", help="JSON of flow_s/evaluate.py on the float file")
    a = p.parse_args()
    at = lambda name: os.path.join(a.out, name)
    int8, fp32 = a.id, f"{a.id}-fp32"
    network, blob = export.freeze(load, a.checkpoint, at(f"{a.id}.pt"))
    write_graph(network, at(f"{fp32}.onnx"))
    pairs = export.compare(at(f"{fp32}.onnx"), Choice(network), random_cases(), INPUTS, GIVEN)
    worst = export.check_floats(pairs, TOLERANCE)
    quantise(at(f"{fp32}.onnx"), at(f"{int8}.onnx"), calibration(a.samples, a.kinds, a.calibrate))
    parameters, macs = export.count_macs(network, lambda: network(*zeros(736, 1280)))
    files = [(int8, "int8", a.quality), (fp32, "fp32", a.quality_fp32)]
    if a.int8_only:
        os.remove(at(f"{files.pop()[0]}.onnx"))
    for name, precision, quality in files:
        entry = export.list_model(
            a.out,
            name,
            "flow",
            precision,
            32,
            grid=8,
            parameters=parameters,
            macs720p=macs,
            licence="MIT",
            **({} if a.grain is None else {"grain": a.grain}),
            trained=export.trained(blob, "on one CPU core", a.trained),
            quality=export.quality_of(quality),
        )
        print(name, os.path.getsize(at(f"{name}.onnx")), "bytes", entry["sha256"])
    print(f"ONNX Runtime (float) differs from PyTorch by {worst:.2g} px at most")


if __name__ == "__main__":
    main()
