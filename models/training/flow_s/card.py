"""Write the model card of flow-s, fluoro-s or flow-m (models/<id>.md) from the weights file, the
manifest and the JSON files of the evaluations.

Everything measured is read from --run: quality.json and, for int8 networks, quality-fp32.json
(evaluate.py), phantom.json (evaluate_phantom.py); what is missing is left out of the card. Log,
curves and risk-coverage picture are copied beside this script.
"""

import argparse
import json
import os
import shutil

from training.common import curves, paths
from training.flow_m import network as flow_m
from training.flow_s import network as models

FLOW = """A U-Net of {widths} channels at 1/8, 1/16 and 1/32 resolution, 3×3 convolutions with ReLU, 1×1 convolution and repetition upwards with additive
skips. Inputs: quarter-resolution luma of both frames, both warped to the middle by the search's vectors, the vectors with their match cost, and what 18 candidate
vectors cost at each cell (`training/README.md`, "Conventions"; `training/SEARCH.md`). The head gives, per 8×8 cell and for each of two motions, weights over the vectors of 17 cells (its own, its
8 neighbours, the 8 three cells away) and the zero vector, a residual for each of the two flows and the weight of frame 0; for the first motion the
expected error, for the second its share in the frame."""

MADE = {
    "flow-s": dict(
        title="The CPU default: refines the vectors of a block search into two blended motions of every cell of 8×8, with masks and an expected error.",
        architecture=FLOW,
        data="""Rendered scenes with true flow and occlusion (`training/synthetic.py`: dead leaves, fractal and periodic textures, stills of the clips below; layers with affine
and smooth motion up to about 100 px, thin structures, captions, noise, fades), and crops of {clips}; a fifth of them with JPEG artefacts. No clip of the evaluation was trained on; Big Buck
Bunny occurs in both sets with different passages.""",
        training="""From the weights of a former flow-s (26,000 steps from scratch), which had LeakyReLU, pixel shuffle and one more 3×3 convolution at 1/8: ONNX Runtime took 1.4 times as long for it. 30 % of a batch of 4
from scenes at first, 20 % at the end; AdamW 5e-4 → 1e-5 (cosine), moving average 0.999, bfloat16 convolutions. True flow and occlusion lead for the first third; the picture's error is half absolute, half
squared, relative to the plain seed's. The second motion has a small price: cells that gain little by it do without, and the kernel skips them.""",
        limits="""- Motion beyond about 100 px between the frames at these sizes is rarely found; repeated textures can mislead the search.
- The field has two vectors per 8×8 cell: thin things that move against their background may blur or double.
- Straight motion only; transparency (X-ray layers) gets two motions at most.""",
    ),
    "fluoro-s": dict(
        title="flow-s tuned on X-ray pictures: transparent layers, thin wires, quantum noise.",
        architecture=FLOW,
        data="""The fluoroscopy phantom (`training/phantom.py`: vessel tree with a contrast bolus, catheter, guidewire, ribs, spine and diaphragm as additive attenuation, heart and breath, focal
blur, Poisson and electronic noise, lag, pulse blur, collimator, burned-in text; 7.5, 15 and 30 pulses a second), seeds under 9000, with the data of flow-s mixed in. The evaluation's seeds are 9000 and up.""",
        training="""From the weights of flow-s, most of a batch of 4 from the phantom; AdamW, cosine, moving average 0.999. The network sees noisy frames; its loss is against the noise-free truth, half
from the field applied to noise-free frames (where motion is wrong), half from the noisy ones; errors count in units of the local noise, and thin structures and the guidewire's tip up to seven times.
The second motion costs nothing here: blending two motions averages noise. The targets were 1 dB more than flow-s against clean truth, which is met (1.35 dB), and a tip within 1 px (median), which is met only where the
field comes from noise-free frames. Longer training with more of the phantom and a lasting true-flow loss did not bring the tip nearer. What it would take: the motion of the pair before (acceleration,
`training/FLUORO.md`), worth 0.5 to 0.8 dB of structure, and a search on a band-pass of the noisy frames.""",
        limits="""- Trained and measured on a phantom, not on patients.
- Even motion between two frames is assumed: the heart's acceleration is not (`training/FLUORO.md`: that costs 2 to 3 dB of structure).
- Two motions at most where three or more transparent layers overlap.""",
    ),
    "flow-m": dict(
        title="flow-s with a second stage at half resolution, for a GPU: planes in, planes out.",
        architecture="""The first stage is flow-s as it is. The second is a U-Net of {widths} channels at 1/2, 1/4, 1/8 and 1/16 resolution: it sees both frames warped by both motions and the blend of the first stage, and
gives a correction of the first motion's flow at half resolution and, at full resolution, of the weights of frames and motions and of the picture. The time is an input; the first stage's field is
re-projected to it. The block search's seed and costs come from the kernel (`seed`, `costs`). Chroma: the same flow and weights at half size. In `flow-m-fp16.onnx` the convolutions are in half precision, flow and
coordinates in float32.""",
        data="As flow-s, and windows of clips: any of the 3 or 7 frames between two that are 4 or 8 apart.",
        training="""The second stage alone, the first one fixed: batches of 4, squares of 128 pixels, 55 % triplets, 25 % windows, 20 % scenes; error relative to the first stage's, half absolute, half squared, and a
ternary census loss (0.02); AdamW, cosine, moving average 0.999. Twelve and then 22 minutes of one CPU core (the second time from the first one's weights, on a better flow-s) are far too little: on held-back samples it is 0.06 dB ahead of its first stage on triplets, 0.02 dB
behind on windows and 0.21 dB behind on rendered scenes. A first try without differences among the inputs and with an unbounded correction of the picture learned nothing in ten minutes. The target, 0.8 dB more than
flow-s, wants a GPU and hours (`train_m.py`; batches of 32 squares of 256, some 100,000 steps).""",
        limits="""- Not better than flow-s as it stands (0.04 dB behind on the clips): what is finished is the network, its trainer, its exporter and its way through the engine.
- Meant for a GPU: on a CPU it is far from real time.
- Motion that the block search misses is mostly not found by the second stage either.""",
    ),
}

CLIPS = """56 clips of published test material (Big Buck Bunny © Blender Foundation, CC BY 3.0; DAVIS, BSD; Intel IoT sample videos, CC BY 4.0; MDN
toys and flower, CC0; SA-V clips of SAM 2, CC BY 4.0; Pose2Sim, BSD-3; Udacity, MIT; androidx/media, Apache-2.0; Windows universal samples, MIT). Some came through repositories without a licence
file of their own (the streaming segments of Big Buck Bunny, most DAVIS sequences); the licence given is the work's"""


def natural(quality, name, others):
    """Markdown table of evaluate.py's figures: clips × contenders, PSNR; then means with SSIM and
    IE. `others`: further files of the same network.
    """
    columns = [(n if n != "network" else name, quality["clips"], quality["mean"], n) for n in quality["mean"]]
    columns += [(label, q["clips"], q["mean"], "network") for label, q in others]
    lines = ["| clip | " + " | ".join(c[0] for c in columns) + " |", "|---|" + "---|" * len(columns)]
    for clip in quality["clips"]:
        lines.append(f"| {clip} | " + " | ".join(f"{rows[clip][n]['psnr']:.2f}" for _, rows, _, n in columns) + " |")
    for key, label, digits in (("psnr", "**mean PSNR**", 2), ("ssim", "mean SSIM", 3), ("ie", "mean IE", 2)):
        lines.append(f"| {label} | " + " | ".join(f"{mean[n][key]:.{digits}f}" for _, _, mean, n in columns) + " |")
    return "\n".join(lines)


def phantom(figures):
    """Markdown tables of evaluate_phantom.py's figures, one for each factor."""
    out = []
    for factor in [k for k in figures if k.endswith("x")]:
        out += [
            f"\n{factor}:\n",
            "| | clean truth | noisy truth | structure | tip, median | tip, 90 % | noise power |",
            "|---|---|---|---|---|---|---|",
        ]
        for name, row in figures[factor].items():
            m, cell = (
                row["mean"],
                lambda group, key, digits: (
                    f"{row['mean'][group][key]:.{digits}f}"
                    if group in row["mean"] and key in row["mean"][group]
                    else ""
                ),
            )
            out.append(
                f"| {name.replace('.onnx', '')} | "
                + " | ".join(
                    [
                        cell("clean", "psnr", 2),
                        cell("noisy", "psnr", 2),
                        cell("structure", "psnr", 2),
                        cell("tip", "median", 2),
                        cell("tip", "p90", 2),
                        cell("noise", "all", 2),
                    ]
                )
                + " |"
            )
    return "\n".join(out)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("id", choices=sorted(MADE))
    p.add_argument(
        "--models", default=paths.MODELS, help="folder with the weights and manifest.json; the card goes there"
    )
    p.add_argument("--run", required=True, help="folder of the training run, with the JSON files of the evaluations")
    a = p.parse_args()
    here, made = paths.LOGS, MADE[a.id]

    def read(name):
        path = os.path.join(a.run, name)
        if not os.path.exists(path):
            return None
        with open(path) as f:
            return json.load(f)

    with open(os.path.join(a.models, "manifest.json")) as f:
        entries = {m["id"]: m for m in json.load(f)["models"]}
    entry, files = entries[a.id], [e for k, e in entries.items() if k == a.id or k in (a.id + "-fp32", a.id + "-fp16")]
    net, _ = (flow_m if a.id == "flow-m" else models).load(os.path.join(a.models, f"{a.id}.pt"))
    widths = ", ".join(map(str, net.config["widths"]))
    for source, target in (("log.csv", "log.csv"), ("curves.png", "curves.png")):
        if os.path.exists(os.path.join(a.run, source)):
            shutil.copy(os.path.join(a.run, source), os.path.join(here, f"{a.id}-{target}"))
    quality, fp32, tip = read("quality.json"), read("quality-fp32.json"), read("phantom.json")
    text = [
        f"# {a.id}\n",
        made["title"],
        "Written by `training/card.py`; the figures come from `training/evaluate.py`, `training/evaluate_phantom.py` and the exporter.\n",
        "| | |",
        "|---|---|",
    ]
    text += [
        f"| file | `{e['file']}`, kind `{e['kind']}`, {e['precision']}, opset 17, sizes a multiple of {e['multiple']}; sha256 `{e['sha256']}` |"
        for e in files
    ]
    text += [
        f"| weights | `{a.id}.pt` (PyTorch, moving average of the training weights, fp16) |",
        f"| parameters | {entry['parameters']:,} |",
        f"| multiply-accumulates at 1280×720 (padded to 1280×736) | {entry['macs720p'] / 1e9:.2f} G |",
        f"| licence | {entry['licence']} |",
        f"| trained | {entry['trained']} |\n",
        "## Architecture",
        made["architecture"].format(widths=widths),
        "\n## Data",
        made["data"].format(clips=CLIPS),
        "\n## Training",
        made["training"]
        + f" Log and curves: `training/{a.id}-log.csv`, `training/{a.id}-curves.png` (held-back samples, not the evaluation's).\n",
        "## Quality",
    ]
    if quality:
        text.append(
            f"Every second frame removed, at most {quality['height']} lines, {quality['frames']} frames a clip; luma PSNR in dB of the frames made again "
            f"(`python3 training/evaluate.py VAL --model {a.id}.onnx --json quality.json`).\n"
        )
        text.append(
            natural(
                quality,
                a.id,
                [
                    (label, q)
                    for label, q in ((f"{a.id}-fp32", fp32), ("its first stage, flow-s", read("quality-first.json")))
                    if q
                ],
            )
        )
        if fp32:
            text.append(
                f"\nint8 loses {fp32['mean']['network']['psnr'] - quality['mean']['network']['psnr']:.3f} dB against float."
            )
        if quality.get("risk"):
            curves.draw_risk(os.path.join(a.run, "quality.json"), os.path.join(here, f"{a.id}-risk.png"))
            risk = quality["risk"]
            half = risk["coverage"].index(0.5)
            text.append(
                f"\nThe expected error against the true one, cell by cell: correlation {quality['mean']['network']['error_correlation']} (mean over clips). Risk and coverage "
                f"(`training/{a.id}-risk.png`): the surest half of the cells has a mean absolute error of {risk['error'][half]:.2f} grey levels, all cells {risk['error'][-1]:.2f}; "
                f"with the true errors' order the best half would have {risk['oracle'][half]:.2f}."
            )
    if tip:
        text += [
            "\nThe phantom's held-out runs (`python3 training/evaluate_phantom.py`). *clean*, *noisy*: PSNR in dB of frames made from noisy ones, against the truth without and with noise. *structure*: the field found on",
            "noisy frames, applied to noise-free ones. *tip*: error of the guidewire's tip in pixels; the row `truth` is the detector's own error. *noise power*: of made frames over that of real ones.",
            phantom(tip),
        ]
    grain = read("phantom-grain.json")
    if grain:
        text += [
            "\nWith grain (`--grain 1`, as the product shows them), so that made frames are as noisy as real ones:",
            phantom(grain),
        ]
    text += ["\n## Limits", made["limits"], "- Not for diagnosis."]
    with open(os.path.join(a.models, f"{a.id}.md"), "w") as f:
        f.write("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
