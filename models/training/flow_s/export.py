"""Export a flow network: checkpoint (EMA weights) → <id>.pt, <id>.onnx (int8), <id>-fp32.onnx and
their manifest entries, checked on ONNX Runtime.

int8: static quantisation of the convolutions and the sums of their feature maps, calibrated on
training samples; the head, the choice of vectors and everything after them stay in float. Fails
when ONNX Runtime and PyTorch disagree on the float file; what int8 costs is measured by
evaluate.py, whose JSON goes into the manifest (--quality, --quality-fp32).
"""

import argparse
import hashlib
import json
import os

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from training.common import paths
from training.common.samples import MARGIN, Samples, augment, join
from training.common.search import OFFSETS
from training.flow_s import network as models

TOLERANCE = 2e-3  # pixels of flow; mask and error agree far more closely


def session(path):
    """ONNX Runtime on the CPU, as the product runs it."""
    return ort.InferenceSession(path, providers=["CPUExecutionProvider"])


def check(path, net, sizes=((1, 256, 448), (1, 480, 864), (3, 64, 96))):
    """Largest difference between ONNX Runtime and PyTorch on random inputs of several sizes:
    (pairs, height, width).
    """
    run, worst = session(path), 0.0
    g = torch.Generator().manual_seed(0)
    for n, h, w in sizes:
        images = torch.rand(n, 4, h // 4, w // 4, generator=g)
        seed = torch.cat(
            [torch.randn(n, 2, h // 8, w // 8, generator=g) * 15, torch.rand(n, 1, h // 8, w // 8, generator=g) * 0.1],
            1,
        )
        costs = torch.rand(n, len(OFFSETS) + 1, h // 8, w // 8, generator=g) * 0.1
        with torch.no_grad():
            want = net(images, seed, costs).numpy()
        got = run.run(["field"], {"images": images.numpy(), "seed": seed.numpy(), "costs": costs.numpy()})[0]
        assert got.shape == (n, 12, h // 8, w // 8), got.shape
        worst = max(worst, float(np.abs(got - want).max()))
    if worst > TOLERANCE:
        raise SystemExit(f"ONNX Runtime differs from PyTorch by {worst}")
    return worst


class Calibration(CalibrationDataReader):
    """Network inputs of random, augmented training samples."""

    def __init__(self, folder, kinds, count):
        rng = np.random.default_rng(0)
        sets = [Samples(folder, kind, 1000) for kind in kinds]
        draws = [s.take(rng.integers(0, len(s), count // len(sets))) for s in sets]
        batch = augment(join(*draws), rng)
        images = models.network_inputs(
            models.quarter(batch["frame0"]), models.quarter(batch["frame1"]), batch["seed"], MARGIN // 4
        )
        self.rows = iter(
            [
                dict(images=i[None].numpy(), seed=s[None].numpy(), costs=c[None].numpy())
                for i, s, c in zip(images, batch["seed"], batch["costs"])
            ]
        )

    def get_next(self):
        return next(self.rows, None)


FEATURES = ("Conv", "Relu", "Resize")  # what a feature map comes from


def quantise(source, target, calibration):
    """Float file → int8 file: QDQ, convolutions and what joins their feature maps (uint8
    activations, int8 weights per channel); the head and all that follows in float.
    """
    prepared = target + ".part"
    quant_pre_process(source, prepared, skip_symbolic_shape=True)
    nodes = onnx.load(prepared).graph.node
    maker = {out: n.op_type for n in nodes for out in n.output}
    head = next(n for n in nodes if n.op_type == "Conv" and "head" in n.name)
    float_nodes = [head.name] + [
        n.name
        for n in nodes
        if head.input[0] in n.output or (n.op_type == "Add" and any(maker.get(i) not in FEATURES for i in n.input))
    ]
    quantize_static(
        prepared,
        target,
        calibration,
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        op_types_to_quantize=["Conv", "Relu", "Resize", "Add"],
        nodes_to_exclude=float_nodes,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )
    os.remove(prepared)


def write_manifest(path, entry):
    """Replace the entry of the same id, keep the others."""
    data = dict(models=[])
    if os.path.exists(path):
        with open(path) as f:
            data = json.load(f)
    data["models"] = [m for m in data["models"] if m["id"] != entry["id"]] + [entry]
    data["models"].sort(key=lambda m: m["id"])
    with open(path, "w") as f:
        json.dump(data, f, indent=2)
        f.write("\n")


def quality_of(path):
    """The manifest's figures from a JSON of evaluate.py."""
    if not path:
        return {}
    with open(path) as f:
        q = json.load(f)
    return dict(
        protocol=f"every second frame removed, at most {q['height']} lines, {q['frames']} frames a clip, {len(q['clips'])} clips, luma",
        **q["mean"]["network"],
    )


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("checkpoint", help="runs/flow-s/checkpoint.pt, or flow-s.pt to export again")
    p.add_argument("--id", default="flow-s", help="name in the manifest and of the files")
    p.add_argument("--out", default=paths.MODELS, help="folder for the files and manifest.json")
    p.add_argument("--samples", default=paths.SAMPLES, help="training samples to calibrate on")
    p.add_argument("--kinds", nargs="+", default=["videos", "scenes"], help="kinds of samples to calibrate on")
    p.add_argument("--calibrate", type=int, default=160, help="samples to calibrate on")
    p.add_argument("--int8-only", action="store_true", help="list and keep no float file")
    p.add_argument("--grain", type=float, help="strength of the grain that its frames get (X-ray: 1)")
    p.add_argument("--quality", help="JSON of evaluate.py on the int8 file")
    p.add_argument("--quality-fp32", help="JSON of evaluate.py on the float file")
    p.add_argument("--trained", required=True, help="a line on how it was trained; steps and minutes are put before it")
    a = p.parse_args()
    torch.set_num_threads(1)
    net, blob = models.load(a.checkpoint)
    parameters, macs = models.count_macs(net)
    step, seconds = blob.get("step", 0), blob.get("seconds", 0.0)
    at = lambda name: os.path.join(a.out, name)
    torch.save(
        dict(config=net.config, weights={k: v.half() for k, v in net.state_dict().items()}, step=step, seconds=seconds),
        at(f"{a.id}.pt"),
    )
    net, _ = models.load(at(f"{a.id}.pt"))  # the exported network is the one that the file holds
    axes = {k: {0: "batch", 2: "height/8", 3: "width/8"} for k in ("seed", "costs", "field")}
    axes["images"] = {0: "batch", 2: "height/4", 3: "width/4"}
    example = (torch.rand(1, 4, 64, 96), torch.rand(1, 3, 32, 48), torch.rand(1, len(OFFSETS) + 1, 32, 48))
    legacy = {"dynamo": False} if torch.__version__ >= "2.1" else {}
    torch.onnx.export(
        net,
        example,
        at(f"{a.id}-fp32.onnx"),
        input_names=["images", "seed", "costs"],
        output_names=["field"],
        dynamic_axes=axes,
        opset_version=17,
        **legacy,
    )
    graph = onnx.load(at(f"{a.id}-fp32.onnx"))
    # the exporter leaves it open
    graph.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 12
    onnx.save(graph, at(f"{a.id}-fp32.onnx"))
    worst = check(at(f"{a.id}-fp32.onnx"), net)
    quantise(at(f"{a.id}-fp32.onnx"), at(f"{a.id}.onnx"), Calibration(a.samples, a.kinds, a.calibrate))
    files = [(a.id, "int8", a.quality), (f"{a.id}-fp32", "fp32", a.quality_fp32)]
    if a.int8_only:
        os.remove(at(f"{files.pop()[0]}.onnx"))
    for name, precision, quality in files:
        with open(at(f"{name}.onnx"), "rb") as f:
            digest = hashlib.sha256(f.read()).hexdigest()
        write_manifest(
            at("manifest.json"),
            dict(
                id=name,
                kind="flow",
                file=f"{name}.onnx",
                sha256=digest,
                precision=precision,
                multiple=32,
                grid=8,
                parameters=parameters,
                macs720p=macs,
                licence="MIT",
                **({} if a.grain is None else {"grain": a.grain}),
                trained=f"{step} steps, {seconds / 60:.0f} minutes on one CPU core: {a.trained}",
                quality=quality_of(quality),
            ),
        )
        print(name, os.path.getsize(at(f"{name}.onnx")), "bytes", digest)
    print(f"ONNX Runtime (float) differs from PyTorch by {worst:.2g} px at most")


if __name__ == "__main__":
    main()
