"""Write the model card of flow-s or fluoro-s (models/<id>.md) from the weights file, the manifest
and the JSON files of the evaluations.

Everything measured is read from --run: quality.json and, for int8 networks, quality-fp32.json
(flow_s/evaluate.py), quality-files.json (the same with --lookahead on), phantom.json and
phantom-grain.json (phantom/evaluate.py); what is missing is left out of the card. Log, curves
and risk-coverage picture are copied to training/logs.
"""

import argparse
import os

from training.common import card, curves, paths
from training.flow_s.network import load

ARCHITECTURE = """
A U-Net of {widths} channels at 1/8, 1/16 and 1/32 resolution, 3×3 convolutions with ReLU, 1×1 convolution and
repetition upwards with additive skips. Inputs: quarter-resolution luma of both frames, both warped to the middle by
the search's vectors, the vectors with their match cost, those of a second search with a small window, what the pairs
beside tell of the acceleration, and what 28 candidate vectors cost at each cell (`training/README.md`, "Conventions";
`training/SEARCH.md`). The head gives, per 8×8 cell and for each of two motions, weights over the vectors of 17 cells
(its own, its 8 neighbours, the 8 three cells away), the zero vector, the second search's vectors of 9 cells and the
vector of the pair before, a residual for each of the two flows, gates on the acceleration (of 5×5 cells: 0 to 1.2, or
2.2 with both neighbours; of 9×9 of those means: −½ to ½) and the weight of frame 0; for the first motion the expected
error, for the second its share in the frame."""

CLIPS = """56 clips of published test material (Big Buck Bunny © Blender Foundation, CC BY 3.0; DAVIS, BSD; Intel IoT
sample videos, CC BY 4.0; MDN toys and flower, CC0; SA-V clips of SAM 2, CC BY 4.0; Pose2Sim, BSD-3; Udacity, MIT;
androidx/media, Apache-2.0; Windows universal samples, MIT). Some came through repositories without a licence file of
their own (the streaming segments of Big Buck Bunny, most DAVIS sequences); the licence given is the work's"""

FLOW_S = dict(
    title="""
The CPU default: refines the vectors of a block search into two blended motions of every cell of 8×8, with masks and an
expected error.""",
    architecture=ARCHITECTURE,
    data=f"""
Rendered scenes with true flow and occlusion (`training/common/synthetic.py`: dead leaves, fractal and periodic
textures, stills of the clips below; layers with affine and smooth, accelerated motion up to about 100 px, thin
structures, small fast things, captions, noise, fades), and crops of short runs of {CLIPS}; a fifth of them with JPEG
artefacts, some with uneven intervals or a picture that stands still. No clip of the evaluation was trained on; Big
Buck Bunny occurs in both sets with different passages.""",
    training="""
From the weights of the former flow-s, which saw two frames (56,000 steps): its new inputs begin at nothing, so that
the first step gives the former field with half of the acceleration. The head's new outputs learn four times
(candidates) and eight times (gates) as fast: as slow as the others, the gates stayed where they were for 2,000 steps.
After 9,740 steps, and at 13,391, the gates were opened by 0.4 (in logits; from about 0.4 to 0.5 of box5x5(q)): −0.002
dB on training clips, +0.04 dB on the clips below, which had a say in this choice. Then one long run more (16,900
steps at the same rate again); shipped is the mean of the weights before it, after 11,000 steps of it and at its end,
which kept a nearly still clip that the end alone lost 0.3 dB on: chosen from four by the clips below. On six clips
that nobody trained or tuned on it is as good as before (36.18 dB, 36.19), with the pair after 0.03 dB better. A tenth
of the samples see no pair beside, a fifth both, the others one. 20 % of a batch of 4 from scenes at first, 15 % at
the end; AdamW 4e-4 → 1e-5 (cosine), moving average 0.999, bfloat16 convolutions. True flow and occlusion lead for the
first third; the picture's error is half absolute, half squared, relative to the plain seed's, and counts samples of
41 dB as much as those of 25 dB. The second motion has a small price: cells that gain little by it do without, and the
kernel skips them.""",
    limits="""
- Motion beyond about 100 px between the frames at these sizes is rarely found; repeated textures can mislead the
  search.
- The field has two vectors per 8×8 cell: thin things that move against their background may blur or double.
- Acceleration is known where the pair before was interpolated too, at best: not after a cut, a gap or a duplicate.
- Transparency (X-ray layers) gets two motions at most.""",
)

FLUORO_S = dict(
    title="flow-s tuned on X-ray pictures: transparent layers, thin wires, quantum noise.",
    architecture=ARCHITECTURE,
    data="""
The fluoroscopy phantom (`training/phantom/scene.py`: vessel tree with a contrast bolus, catheter, guidewire, ribs,
spine and diaphragm as additive attenuation, heart and breath, focal blur, Poisson and electronic noise, lag, pulse
blur, collimator, burned-in text; 7.5, 15 and 30 pulses a second), seeds under 9000, with the data of flow-s mixed in.
The evaluation's seeds are 9000 and up.""",
    training="""
From the weights of flow-s, most of a batch of 4 from the phantom, with the pairs beside; AdamW, cosine, moving
average 0.999. The network sees noisy frames; its loss is against the noise-free truth, of the field applied to
noise-free frames (where motion is wrong) for 85 %, of what the noisy ones make for the rest; errors count in units of
the local noise, and thin structures and the guidewire's tip up to seven times. The second motion costs nothing here:
two motions explain transparent layers. Half and half, as the former fluoro-s was trained, asks for averaging as much
as for motion: the structure was then worse than the plain search's with acceleration (52.0 against 53.1 dB), now it is
better; its frames average less noise instead, and grain gives real frames' noise to either.""",
    limits="""
- Trained and measured on a phantom, not on patients.
- Acceleration is known from the pair before, at best (`training/FLUORO.md`).
- Two motions at most where three or more transparent layers overlap.""",
)

NETWORKS = {"flow-s": FLOW_S, "fluoro-s": FLUORO_S}


def clips_table(quality, name, others):
    """Figures of flow_s/evaluate.py: clips × contenders, PSNR; then means with SSIM and IE.

    `others`: (label, figures) of further files of the same network.
    """
    label = lambda contender: name if contender == "network" else contender
    columns = [(label(n), quality, n) for n in quality["mean"]]
    columns += [(text, q, "network") for text, q in others]
    rows = [[clip, *(f"{q['clips'][clip][n]['psnr']:.2f}" for _, q, n in columns)] for clip in quality["clips"]]
    for key, text, digits in (("psnr", "**mean PSNR**", 2), ("ssim", "mean SSIM", 3), ("ie", "mean IE", 2)):
        rows.append([text, *(f"{q['mean'][n][key]:.{digits}f}" for _, q, n in columns)])
    return card.table(["clip", *(c[0] for c in columns)], rows)


def phantom_tables(figures):
    """Figures of phantom/evaluate.py: a table for each factor."""
    head = ("", "clean truth", "noisy truth", "structure", "tip, median", "tip, 90 %", "noise power")
    columns = [(k, "psnr") for k in ("clean", "noisy", "structure")]
    columns += [("tip", "median"), ("tip", "p90"), ("noise", "all")]
    blocks = []
    for factor in (k for k in figures if k.endswith("x")):
        rows = []
        for name, row in figures[factor].items():
            found = [row["mean"].get(group, {}).get(key) for group, key in columns]
            rows.append([name.replace(".onnx", ""), *("" if v is None else f"{v:.2f}" for v in found)])
        blocks += [f"{factor}:", card.table(head, rows)]
    return blocks


def clips_quality(name, quality, fp32, files, risk_picture):
    """Blocks on the evaluation on clips. `fp32`: figures of the float file; `files`: with the pair
    after; or None.
    """
    labels = (f"{name}-fp32", f"{name} with the pair after")
    others = [(label, q) for label, q in zip(labels, (fp32, files)) if q]
    blocks = [
        f"Every second frame removed, at most {quality['height']} lines, {quality['frames']} frames a clip; luma PSNR "
        f"in dB of the frames made again (`python3 -m training.flow_s.evaluate VAL --model {name}.onnx "
        "--json quality.json`).",
        clips_table(quality, name, others),
    ]
    mean = quality["mean"]["network"]
    if fp32:
        blocks.append(f"int8 loses {fp32['mean']['network']['psnr'] - mean['psnr']:.3f} dB against float.")
    if quality.get("risk"):
        risk = quality["risk"]
        half = risk["coverage"].index(0.5)
        blocks.append(
            "The expected error against the true one, cell by cell: correlation "
            f"{mean['error_correlation']} (mean over clips). Risk and coverage (`{risk_picture}`): the surest half of "
            f"the cells has a mean absolute error of {risk['error'][half]:.2f} grey levels, all cells "
            f"{risk['error'][-1]:.2f}; with the true errors' order the best half would have "
            f"{risk['oracle'][half]:.2f}."
        )
    return blocks


PHANTOM = """
The phantom's held-out runs (`python3 -m training.phantom.evaluate`). *clean*, *noisy*: PSNR in dB of frames made from
noisy ones, against the truth without and with noise. *structure*: the field found on noisy frames, applied to
noise-free ones. *tip*: error of the guidewire's tip in pixels; the row `truth` is the detector's own error. *noise
power*: of made frames over that of real ones."""

GRAIN = "With grain (`--grain 1`, as the product shows them), so that made frames are as noisy as real ones:"


def write(name, texts, network, writer, options):
    """The card of a flow network. `writer`: the script, for the card's second line."""
    run = lambda file: os.path.join(options.run, file)
    found = lambda file: paths.read_json(run(file)) if os.path.exists(run(file)) else None
    listed = {m["id"]: m for m in paths.read_json(os.path.join(options.models, "manifest.json"))["models"]}
    entries = [listed[k] for k in (name, f"{name}-fp16", f"{name}-fp32") if k in listed]
    logs, measured = card.keep_logs(options.run, name), []
    quality, phantom, grain = found("quality.json"), found("phantom.json"), found("phantom-grain.json")
    if quality:
        risk = f"{name}-risk.png"
        if quality.get("risk"):
            curves.draw_risk(run("quality.json"), os.path.join(paths.LOGS, risk))
        others = (found(f"quality-{k}.json") for k in ("fp32", "files"))
        measured += clips_quality(name, quality, *others, f"training/logs/{risk}")
    if phantom:
        measured += [PHANTOM, *phantom_tables(phantom)]
    if grain:
        measured += [GRAIN, *phantom_tables(grain)]
    sections = {
        "Architecture": texts["architecture"].format(widths=", ".join(map(str, network.config["widths"]))),
        "Data": texts["data"],
        "Training": f"{texts['training']} {logs} (held-back samples, not the evaluation's).",
        "Quality": "\n\n".join(measured),
        "Limits": f"{texts['limits']}\n{card.NOT_FOR_DIAGNOSIS}",
    }
    intro = f"""{texts["title"]}

Written by `training/{writer}`; the figures come from `training/flow_s/evaluate.py`, `training/phantom/evaluate.py` and
the exporter."""
    card.write(options.models, name, intro, card.facts(entries, "1280×736)", 2), sections)


def add_arguments(parser):
    """The options of a card writer."""
    p = parser.add_argument
    p("--models", default=paths.MODELS, help="folder with the weights and manifest.json; the card goes there")
    p("--run", required=True, help="folder of the training run, with the JSON files of the evaluations")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("id", choices=sorted(NETWORKS))
    add_arguments(p)
    a = p.parse_args()
    network, _ = load(os.path.join(a.models, f"{a.id}.pt"))
    write(a.id, NETWORKS[a.id], network, "flow_s/card.py", a)


if __name__ == "__main__":
    main()
