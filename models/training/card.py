"""Write the model card of flow-s (models/flow-s.md) from the weights file, the manifest entry and the JSON of evaluate.py."""
import argparse
import json
import os

import model as models

TEXT = """# flow-s

The CPU default: refines the vectors of a block search into an intermediate flow, a blend mask and an expected error, all at 1/8 resolution.
Written by `training/card.py`; figures come from `training/evaluate.py` and `training/export.py`.

| | |
|---|---|
| file | `flow-s.onnx`, {precision}, opset 17, sizes a multiple of {multiple}; sha256 `{sha256}` |
| weights | `flow-s.pt` (PyTorch, moving average of the training weights, fp16) |
| parameters | {parameters:,} |
| multiply-accumulates at 1280×720 (padded to 1280×736) | {gmacs:.2f} G |
| licence | {licence} |
| trained | {trained} |

## Architecture
Inputs: quarter-resolution luma of both frames, both warped to the middle by the search's vectors, and the vectors with their match cost
(`training/README.md`, "Conventions"; `training/SEARCH.md`). A U-Net of {widths} channels at 1/8, 1/16 and 1/32 resolution, 3×3 convolutions with
LeakyReLU, 1×1 convolution and pixel shuffle upwards with additive skips. The head gives, per 8×8 cell, a softmax over the vectors of 17 cells
(its own, its 8 neighbours, the 8 three cells away) and the zero vector, a residual for each of the two flows, the weight of frame 0 and the expected error.

## Data
Rendered scenes with true flow and occlusion (`training/synthetic.py`: dead leaves, fractal and periodic textures, stills of the clips below; layers with affine
and smooth motion up to about 100 px, thin structures, captions, noise, fades), and crops of {clips}. No clip of the
evaluation was trained on; Big Buck Bunny occurs in both sets with different passages.

## Training
Half of a batch from scenes at first, a quarter at the end; AdamW 5e-4 → 1e-5 (cosine), moving average 0.999. True flow and occlusion lead for the first third.
The first 200 steps had batch 8; up to step 4,500 the photometric loss was plain Charbonnier, afterwards half absolute, half squared, relative to the seed's error
(PSNR had begun to fall); at step 8,000 another 2,200 crops of clips joined the first 4,000. Log and curves: `training/flow-s-log.csv`, `training/flow-s-curves.png`
(held-back samples, not the evaluation clips).

## Quality
Every second frame removed, at most {height} lines, {frames} frames a clip; luma PSNR in dB of the frames made again
(`python3 training/evaluate.py VAL --model flow-s.onnx --json quality.json`). minterpolate: ffmpeg's `mi_mode=mci`, measured apart with the same protocol.

{table}

Correlation of the expected with the true error of a cell, mean over clips: {correlation}. ONNX Runtime agrees with PyTorch to {difference} px.

## Limits
- Motion beyond about 100 px between the frames at these sizes is rarely found; repeated textures can mislead the search.
- The field has one vector per 8×8 cell: thin things that move against their background blur or double.
- Straight motion only; transparency (X-ray layers) gets one flow for all layers.
- Not for diagnosis.
"""

CLIPS = """56 clips of published test material (Big Buck Bunny © Blender Foundation, CC BY 3.0; DAVIS, BSD; Intel IoT sample videos, CC BY 4.0; MDN
toys and flower, CC0; SA-V clips of SAM 2, CC BY 4.0; Pose2Sim, BSD-3; Udacity, MIT; androidx/media, Apache-2.0; Windows universal samples, MIT). Some came through repositories without a licence
file of their own (the streaming segments of Big Buck Bunny, most DAVIS sequences); the licence given is the work's"""


def table(quality, minterpolate):
    """Markdown table: clips × contenders, PSNR; then means with SSIM and IE."""
    names = list(quality["mean"])
    head = [n if n != "network" else "flow-s" for n in names] + (["minterpolate"] if minterpolate else [])
    lines = ["| clip | " + " | ".join(head) + " |", "|---|" + "---|" * len(head)]
    for clip, row in quality["clips"].items():
        extra = [f"{minterpolate['clips'][clip]['psnr']:.2f}"] if minterpolate else []
        lines.append("| " + " | ".join([clip] + [f"{row[n]['psnr']:.2f}" for n in names] + extra) + " |")
    means = [quality["mean"][n] for n in names] + ([minterpolate["mean"]] if minterpolate else [])
    lines.append("| **mean PSNR** | " + " | ".join(f"**{m['psnr']:.2f}**" for m in means) + " |")
    lines.append("| mean SSIM | " + " | ".join(f"{m['ssim']:.3f}" for m in means) + " |")
    lines.append("| mean IE | " + " | ".join(f"{m['ie']:.2f}" for m in means) + " |")
    return "\n".join(lines)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--models", default="..", help="folder with flow-s.pt and manifest.json; the card goes there")
    p.add_argument("--quality", required=True, help="JSON of evaluate.py")
    p.add_argument("--minterpolate", help='JSON {"clips": {file: {psnr}}, "mean": {psnr, ssim, ie}} of ffmpeg minterpolate')
    p.add_argument("--difference", default="0.002", help="as printed by export.py")
    a = p.parse_args()
    with open(a.quality) as f:
        quality = json.load(f)
    other = None
    if a.minterpolate:
        with open(a.minterpolate) as f:
            other = json.load(f)
    with open(os.path.join(a.models, "manifest.json")) as f:
        entry = next(m for m in json.load(f)["models"] if m["id"] == "flow-s")
    net, _ = models.load(os.path.join(a.models, "flow-s.pt"))
    text = TEXT.format(**entry, gmacs=entry["macs720p"] / 1e9, widths=", ".join(map(str, net.config["widths"])), clips=CLIPS, height=quality["height"],
                       frames=quality["frames"], table=table(quality, other), correlation=quality["mean"]["network"]["error_correlation"], difference=a.difference)
    with open(os.path.join(a.models, "flow-s.md"), "w") as f:
        f.write(text)


if __name__ == "__main__":
    main()
