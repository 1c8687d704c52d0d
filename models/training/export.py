"""Export flow-s: checkpoint (EMA weights) → flow-s.pt, flow-s.onnx and its entry in manifest.json, checked on ONNX Runtime.

Quality figures come from the JSON of evaluate.py (--quality). Fails when ONNX Runtime and PyTorch disagree.
"""
import argparse
import hashlib
import json
import os

import numpy as np
import onnxruntime as ort
import torch

import model as models

TOLERANCE = 2e-3    # pixels of flow; mask and error agree far more closely


def check(path, net, sizes=((256, 448), (480, 864))):
    """Largest difference between ONNX Runtime and PyTorch on random inputs of several sizes."""
    session, worst = ort.InferenceSession(path, providers=["CPUExecutionProvider"]), 0.0
    g = torch.Generator().manual_seed(0)
    for h, w in sizes:
        images = torch.rand(1, 4, h // 4, w // 4, generator=g)
        seed = torch.cat([torch.randn(1, 2, h // 8, w // 8, generator=g) * 15, torch.rand(1, 1, h // 8, w // 8, generator=g) * 0.1], 1)
        with torch.no_grad():
            want = net(images, seed).numpy()
        got = session.run(["field"], {"images": images.numpy(), "seed": seed.numpy()})[0]
        assert got.shape == (1, 6, h // 8, w // 8), got.shape
        worst = max(worst, float(np.abs(got - want).max()))
    if worst > TOLERANCE:
        raise SystemExit(f"ONNX Runtime differs from PyTorch by {worst}")
    return worst


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


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("checkpoint", help="runs/flow-s/checkpoint.pt, or flow-s.pt to export again")
    p.add_argument("--out", default="..", help="folder for flow-s.onnx, flow-s.pt, manifest.json")
    p.add_argument("--quality", help="JSON of evaluate.py on this model")
    p.add_argument("--trained", help="a line on how it was trained; default: made from the checkpoint")
    a = p.parse_args()
    net, blob = models.load(a.checkpoint)
    parameters, macs = models.count_macs(net)
    step, seconds = blob.get("step", 0), blob.get("seconds", 0.0)
    torch.save(dict(config=net.config, weights={k: v.half() for k, v in net.state_dict().items()}, step=step, seconds=seconds), os.path.join(a.out, "flow-s.pt"))
    net, _ = models.load(os.path.join(a.out, "flow-s.pt"))     # the exported network is the one that the file holds
    onnx_path = os.path.join(a.out, "flow-s.onnx")
    axes = dict(images={2: "height/4", 3: "width/4"}, seed={2: "height/8", 3: "width/8"}, field={2: "height/8", 3: "width/8"})
    torch.onnx.export(net, (torch.rand(1, 4, 64, 96), torch.rand(1, 3, 32, 48)), onnx_path, input_names=["images", "seed"], output_names=["field"], dynamic_axes=axes, opset_version=17)
    worst = check(onnx_path, net)
    with open(onnx_path, "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    quality = {}
    if a.quality:
        with open(a.quality) as f:
            q = json.load(f)
        quality = dict(protocol=f"every second frame removed, at most {q['height']} lines, {q['frames']} frames a clip, {len(q['clips'])} clips, luma", **q["mean"]["network"], blend_psnr=q["mean"]["blend"]["psnr"])
    trained = a.trained or f"{step} steps, {seconds / 60:.0f} minutes on 2 CPU cores: rendered scenes with true flow, and video clips (flow-s.md)"
    entry = dict(id="flow-s", kind="flow", file="flow-s.onnx", sha256=digest, precision="fp32", multiple=32, grid=8, parameters=parameters, macs720p=macs, licence="MIT", trained=trained, quality=quality)
    write_manifest(os.path.join(a.out, "manifest.json"), entry)
    print(json.dumps(dict(entry, difference=worst, bytes=os.path.getsize(onnx_path)), indent=1))


if __name__ == "__main__":
    main()
