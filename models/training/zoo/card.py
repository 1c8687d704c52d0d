"""Model cards of the zoo: what a network is, how it was trained, what it measured.

Called by zoo/export.py.
"""

from training.common import card
from training.zoo import nets

PUBLISHED = dict(
    nested="X-ray Video Frame Interpolation Using Nested Architecture",
    fmsmi="Video frame interpolation by fusion of multi-scale motion information (FMSMI)",
    ifrnet="Kong, Jiang, Luo, Chu, Huang, Tai, Wang, Yang: IFRNet: Intermediate Feature Refine Network for "
    "Efficient Frame Interpolation, CVPR 2022",
    cfu="Convolutional fusion upsampling (CFU) for frame-rate up-conversion",
    dvf="Liu, Yeh, Tang, Liu, Agarwala: Video Frame Synthesis using Deep Voxel Flow, ICCV 2017",
    sepconv="Niklaus, Mai, Liu: Video Frame Interpolation via Adaptive Separable Convolution, ICCV 2017",
    memc="Bao, Lai, Zhang, Gao, Yang: MEMC-Net: Motion Estimation and Motion Compensation Driven Neural Network for "
    "Video Interpolation and Enhancement, TPAMI 2019",
    dain="Bao, Lai, Ma, Zhang, Gao, Yang: Depth-Aware Video Frame Interpolation, CVPR 2019",
    mind="Long, Kneip, Alvarez, Li, Zhang, Yu: Learning Image Matching by Simply Watching Video, ECCV 2016",
)
_FLOW = "rendered scenes with true flow, triplets and 5- or 9-frame windows of video clips"
_HALF = "triplets of video clips and rendered scenes"
DATA = dict(
    nested="the fluoroscopy phantom and rendered scenes with true flow, triplets and windows of video clips",
    fmsmi=_HALF,
    ifrnet="begun from a first part of 1,570 steps (11 minutes, a warm-up and pairs near and far); three fifths of it "
    "windows of 5 or 9 frames of video clips, the rest triplets and rendered scenes with true flow",
    cfu=_HALF,
    dvf=_FLOW,
    sepconv=_HALF,
    memc="motion begun from dvf's weights; " + _FLOW,
    dain="begun from memc's weights and a first part of 758 steps, of which all but depth was kept; rendered scenes "
    "with true flow and order of depth, triplets and 5- or 9-frame windows of video clips",
    mind=_HALF,
)
# What the warm-up is on, where it is not the true flow.
FIRST = dict(dain="the order of depth in rendered scenes")
TIMES = dict(
    any="Any time between the frames: `t` is an input of the network.",
    half="Only the middle frame (`times`: `half`): `t` is not read. For 1/4, 3/4 and so on the network is to be used "
    "again on its own frames.",
)
LIMITS = dict(
    nested="""
- One flow for every pixel: transparent layers of an X-ray picture that move differently get one motion between them.
- Much of its PSNR on the phantom is less noise (two fractional warps averaged): made frames are smoother than real
  ones. On noise-free frames its PSNR is behind blending's; its SSIM and, at 2x, the place of the guidewire's tip are
  better: that is what its motion is worth.""",
    fmsmi="""
- Motion beyond the reach of the coarsest scale's kernels (±40 pixels) cannot be followed, and what only coarse scales
  can follow comes out blurred.""",
    ifrnet="- A picture residual is made at half resolution: it removes errors of brightness, not of detail.",
    cfu="- No motion model: everything that moves is blurred. It is here for comparison.",
    dvf="- One vector serves both frames: motion is straight, and occluded places ghost.",
    sepconv="- Motion of more than 24 pixels between the frames is out of the kernels' reach and is blended.",
    memc="""
- Where motions meet, their vectors are averaged: the boundary of what moves in front is soft by a cell or two (4
  pixels each).""",
    dain="""
- Depth is learned from the order of drawn layers, in 152 scenes: of held-back scenes' pairs of places it has 0.64 in
  the right order (chance: 0.50). It knows outlines and texture, not things.
- Without a mask, what is hidden in one frame is blended, and left to the synthesis network.""",
    mind="""
- No motion model: what moves far is blended, and its double image only made softer.
- Correspondences by back-propagation (`training/zoo/match.py`) are of no use yet: for points of held-back scenes that
  move by 2 to 12 pixels their median error is 5.1 pixels, that of "nothing moves" 4.4. They play no part in making
  frames.""",
)
SHORT = "- Motion was trained for minutes: large motion is mostly not found."
BOTH = ("blend", "network")


def set_table(q):
    """Table of one evaluation: clips × blend, network; means."""
    noisy, name = q["set"] == "phantom", q["id"]
    head = ["", "blend", name, *(["blend, noisy truth", f"{name}, noisy truth"] if noisy else [])]
    keys = ("psnr", "noisy_psnr") if noisy else ("psnr",)
    cells = lambda row: [f"{row[c][k]:.2f}" for k in keys for c in BOTH]
    rows = [[clip, *cells(row)] for clip, row in q["clips"].items()]
    rows.append(["**mean PSNR**", *(f"**{v}**" for v in cells(q["mean"]))])
    if not noisy:
        for key, digits in (("ssim", 3), ("ie", 2)):
            rows.append([f"mean {key.upper()}", *(f"{q['mean'][c][key]:.{digits}f}" for c in BOTH)])
    return card.table(head, rows)


def verdict(found):
    """Whether the network is ahead of blending, by evaluation."""
    lines = []
    for q in found.values():
        gain = q["mean"]["network"]["psnr"] - q["mean"]["blend"]["psnr"]
        where = "on the fluoroscopy phantom" if q["set"] == "phantom" else "on natural video"
        lines.append(f"- {q['factor']}x {where}: {abs(gain):.2f} dB {'ahead of' if gain > 0 else 'behind'} blending.")
    return "\n".join(lines) or "Not measured."


def parts_blocks(name, parts):
    """What phantom/evaluate.py says of blending and the network: how much of the gain is motion,
    how much is less noise.
    """
    intro = """
The phantom taken apart (`training/phantom/evaluate.py`). Noise: power of the made frame's noise over a real frame's.
Noise-free frames: the motion alone."""
    head = (
        "",
        "clean truth PSNR",
        "noisy truth PSNR",
        "noise-free PSNR / SSIM",
        "guidewire tip, px, noisy / noise-free",
        "noise",
    )
    rows = []
    for factor in (k for k in ("2x", "4x") if k in parts):
        for label, key in (("blend", "blend"), (name, name + ".onnx")):
            m = parts[factor][key]["mean"]
            psnr = [f"{m[k]['psnr']:.2f}" for k in ("clean", "noisy")]
            pure = f"{m['pure']['psnr']:.2f} / {m['pure']['ssim']:.3f}"
            tip = f"{m['tip']['median']:.2f} / {m['tip_pure']['median']:.2f}"
            rows.append([f"{factor} {label}", *psnr, pure, tip, f"{m['noise']['all']:.2f}"])
    return [intro, card.table(head, rows)] if parts else []


def write(folder, run, entry, net, found, worst, far, parts):
    """The card of one network, in `folder`.

    `run`: the training's folder. `found`: figures of zoo/evaluate.py by set. `worst`, `far`: how
    ONNX Runtime differs from PyTorch. `parts`: figures of phantom/evaluate.py, or {}.
    """
    name, module = entry["id"], nets.module(entry["id"])
    sentence = lambda doc: " ".join(doc.split())
    chroma, objective = sentence(net.chroma.__doc__), sentence(module.objective.__doc__)
    first = FIRST.get(name, "the true flow of rendered scenes")
    warm_up = f"Before that, a warm-up on {first} alone." if hasattr(net, "reduced") else ""
    training = f"""
Samples by `training/common/prepare.py` (clips as in `flow-s.md`; none of the evaluation's), losses and shares in
`training/zoo/`: {objective} {warm_up} {card.keep_logs(run, name)} (held-back samples; grey is blending)."""
    small = "It is a small network trained for minutes on a CPU: its figures say nothing about the published one."
    intro = f"""{module.__doc__.strip()}

Written by `training/zoo/export.py`; figures by `training/zoo/evaluate.py`. {small}"""
    levels = "grey level" if worst == 1 else "grey levels"
    measured = [verdict(found)]
    for q in found.values():
        measured += [f"{q['protocol'][0].upper()}{q['protocol'][1:]}; PSNR in dB.", set_table(q)]
    sections = {
        "Inputs and outputs": f"""
`y0`, `u0`, `v0`, `y1`, `u1`, `v1` (uint8 planes of both frames), `t` (float32); `y`, `u`, `v` (uint8 planes of the
frame at t). {TIMES[entry["times"]]} Luma carries the network; chroma: {chroma[0].lower() + chroma[1:]} The network does
not judge itself: no `error` output. ONNX Runtime agrees with PyTorch to {worst} {levels} ({far:.1e} of the samples
differ by more than one).""",
        "Training": training,
        "Quality": "\n\n".join([*measured, *parts_blocks(name, parts)]),
        "Limits": "\n".join([LIMITS[name], SHORT, card.NOT_FOR_DIAGNOSIS]),
    }
    more = [("widths", ", ".join(f"{k} {v}" for k, v in net.config.items()))]
    head = card.facts([entry], "1280×768), luma and chroma", 1, entry["published"], more)
    card.write(folder, name, intro, head, sections)
