"""Model cards of the zoo: what a network is, how it was trained, what it measured.

Called by export.py.
"""

from training.zoo import nets

PUBLISHED = dict(
    nested="X-ray Video Frame Interpolation Using Nested Architecture",
    fmsmi="Video frame interpolation by fusion of multi-scale motion information (FMSMI)",
    ifrnet="Kong, Jiang, Luo, Chu, Huang, Tai, Wang, Yang: IFRNet: Intermediate Feature Refine Network for Efficient Frame Interpolation, CVPR 2022",
    cfu="Convolutional fusion upsampling (CFU) for frame-rate up-conversion",
    dvf="Liu, Yeh, Tang, Liu, Agarwala: Video Frame Synthesis using Deep Voxel Flow, ICCV 2017",
    sepconv="Niklaus, Mai, Liu: Video Frame Interpolation via Adaptive Separable Convolution, ICCV 2017",
)
_FLOW = "rendered scenes with true flow, triplets and 5- or 9-frame windows of video clips"
DATA = dict(
    nested="the fluoroscopy phantom and rendered scenes with true flow, triplets and windows of video clips",
    fmsmi="triplets of video clips and rendered scenes",
    ifrnet=_FLOW,
    cfu="triplets of video clips and rendered scenes",
    dvf=_FLOW,
    sepconv="triplets of video clips and rendered scenes",
)
TIMES = dict(
    any="Any time between the frames: `t` is an input of the network.",
    half="Only the middle frame (`times`: `half`): `t` is not read. For 1/4, 3/4 and so on the network is to be used again on its own frames.",
)
LIMITS = dict(
    nested="- One flow for every pixel: transparent layers of an X-ray picture that move differently get one motion between them.\n"
    "- Much of its PSNR on the phantom is less noise (two fractional warps averaged): made frames are smoother than real ones. On noise-free frames its PSNR\n"
    "  is behind blending's; its SSIM and, at 2x, the place of the guidewire's tip are better: that is what its motion is worth.\n",
    fmsmi="- Motion beyond the reach of the coarsest scale's kernels (±40 pixels) cannot be followed, and what only coarse scales can follow comes out blurred.\n",
    ifrnet="- A picture residual is made at half resolution: it removes errors of brightness, not of detail.\n",
    cfu="- No motion model: everything that moves is blurred. It is here for comparison.\n",
    dvf="- One vector serves both frames: motion is straight, and occluded places ghost.\n",
    sepconv="- Motion of more than 24 pixels between the frames is out of the kernels' reach and is blended.\n",
)


def table(found):
    """One Markdown table per protocol: clips × blend, network; means."""
    out = []
    for q in found.values():
        noisy = q["set"] == "phantom"
        out.append(f"\n{q['protocol'][0].upper()}{q['protocol'][1:]}; PSNR in dB.\n")
        out.append(
            "| | blend | " + q["id"] + " |" + (" blend, noisy truth | " + q["id"] + ", noisy truth |" if noisy else "")
        )
        out.append("|---|---|---|" + ("---|---|" if noisy else ""))
        for name, row in q["clips"].items():
            cells = [row[c]["psnr"] for c in ("blend", "network")] + (
                [row[c]["noisy_psnr"] for c in ("blend", "network")] if noisy else []
            )
            out.append(f"| {name} | " + " | ".join(f"{v:.2f}" for v in cells) + " |")
        m = q["mean"]
        cells = [m[c]["psnr"] for c in ("blend", "network")] + (
            [m[c]["noisy_psnr"] for c in ("blend", "network")] if noisy else []
        )
        out.append("| **mean PSNR** | " + " | ".join(f"**{v:.2f}**" for v in cells) + " |")
        if not noisy:
            out += [
                f"| mean {k.upper()} | {m['blend'][k]:.{n}f} | {m['network'][k]:.{n}f} |"
                for k, n in (("ssim", 3), ("ie", 2))
            ]
    return "\n".join(out)


def verdict(found):
    """Whether the network is ahead of blending, by protocol."""
    lines = []
    for q in found.values():
        gain = q["mean"]["network"]["psnr"] - q["mean"]["blend"]["psnr"]
        where = "on the fluoroscopy phantom" if q["set"] == "phantom" else "on natural video"
        lines.append(f"- {q['factor']}x {where}: {abs(gain):.2f} dB {'ahead of' if gain > 0 else 'behind'} blending.")
    return "\n".join(lines) or "Not measured."


def parts_table(name, parts):
    """What ../evaluate_phantom.py says of blending and the network: how much of the gain is motion,
    how much is less noise.
    """
    if not parts:
        return ""
    lines = [
        "\nThe phantom taken apart (`training/evaluate_phantom.py`). Noise: power of the made frame's noise over a real frame's. Noise-free frames: the motion alone.\n",
        "| | clean truth PSNR | noisy truth PSNR | noise-free frames PSNR / SSIM | guidewire tip, median px, noisy / noise-free | noise |",
        "|---|---|---|---|---|---|",
    ]
    for factor in (k for k in ("2x", "4x") if k in parts):
        for label, key in (("blend", "blend"), (name, name + ".onnx")):
            m = parts[factor][key]["mean"]
            lines.append(
                f"| {factor} {label} | {m['clean']['psnr']:.2f} | {m['noisy']['psnr']:.2f} | {m['pure']['psnr']:.2f} / {m['pure']['ssim']:.3f} | {m['tip']['median']:.2f} / {m['tip_pure']['median']:.2f} | {m['noise']['all']:.2f} |"
            )
    return "\n".join(lines) + "\n"


def write(path, entry, net, found, worst, far, parts=None):
    """The card of one network. `parts`: figures of ../evaluate_phantom.py."""
    name, doc = entry["id"], nets.module(entry["id"]).__doc__.strip()
    title, rest = doc.split("\n", 1)
    chroma = " ".join(net.chroma.__doc__.split())
    text = f"""# {name}

{title}
{rest}

Written by `training/zoo/export.py`; figures by `training/zoo/evaluate.py`. It is a small network trained for minutes on a CPU: its figures say
nothing about the published one.

| | |
|---|---|
| published | {entry["published"]} |
| file | `{name}.onnx`, kind `i420`, {entry["precision"]}, opset 17, sizes a multiple of {entry["multiple"]}; sha256 `{entry["sha256"]}` |
| weights | `{name}.pt` (PyTorch, moving average of the training weights, fp16) |
| parameters | {entry["parameters"]:,} |
| multiply-accumulates at 1280×720 (padded to 1280×768), luma and chroma | {entry["macs720p"] / 1e9:.1f} G |
| licence | {entry["licence"]} |
| trained | {entry["trained"]} |
| widths | {", ".join(f"{k} {v}" for k, v in net.config.items())} |

## Inputs and outputs
`y0`, `u0`, `v0`, `y1`, `u1`, `v1` (uint8 planes of both frames), `t` (float32); `y`, `u`, `v` (uint8 planes of the frame at t). {TIMES[entry["times"]]}
Luma carries the network; chroma: {chroma[0].lower() + chroma[1:]}
The network does not judge itself: no `error` output. ONNX Runtime agrees with PyTorch to {worst} grey level{"s" if worst != 1 else ""} ({far:.1e} of the samples differ by more than one).

## Training
Samples by `training/prepare.py` (clips as in `flow-s.md`; none of the evaluation's), losses and shares in `training/zoo/`: {" ".join(nets.module(name).objective.__doc__.split())}
{"Before that, a warm-up on the true flow of rendered scenes alone." if hasattr(net, "reduced") else ""}
Log and curves: `training/zoo/{name}-log.csv`, `training/zoo/{name}-curves.png` (held-back samples; grey is blending).

## Quality
{verdict(found)}
{table(found)}
{parts_table(name, parts)}
## Limits
{LIMITS[name]}- Trained for minutes: large motion is mostly not found.
- Not for diagnosis.
"""
    with open(path, "w") as f:
        f.write(text)
