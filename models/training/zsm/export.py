"""Export Zooming Slow-Mo: checkpoint (moving average of the weights) → zsm.pt, zsm.onnx, its
manifest entry and model card.

Quality figures come from the JSON of zsm/evaluate.py (--quality). Fails when ONNX Runtime and
PyTorch disagree.
"""

import argparse
import json
import os

import torch
import torch.nn as nn

from training.common import card, export, paths
from training.zoo.planes import random_planes, to_bytes
from training.zsm import network as zsm

INPUTS, OUTPUTS = ("y0", "u0", "v0", "y1", "u1", "v1"), ("y", "u", "v")
AXES = {
    **{n: {2: "height", 3: "width"} for n in ("y0", "y1")},
    **{n: {2: "height/2", 3: "width/2"} for n in ("u0", "v0", "u1", "v1")},
    "y": {2: "2*height", 3: "2*width"},
    **{n: {2: "height", 3: "width"} for n in ("u", "v")},
}
SIZES = ((64, 96), (96, 80), (192, 320))
TOLERANCE, SHARE = 3, 1e-3  # grey levels, and the share of samples that may differ by more than one
PUBLISHED = (
    "Xiang, Tian, Zhang, Fu, Allebach, Xu: Zooming Slow-Mo: Fast and Accurate One-Stage Space-Time Video "
    "Super-Resolution, CVPR 2020"
)
DATA = "triplets of video clips in colour, halved"


class Planes(nn.Module):
    """uint8 planes of two frames [1,1,H,W], [1,1,H/2,W/2] → y [1,3,2H,2W], u, v [1,3,H,W]: the
    first, the middle and the second frame.
    """

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, y0, u0, v0, y1, u1, v1):
        whole = lambda *planes: torch.cat(planes, 1).float() / 255
        m = self.net(whole(y0), whole(u0, v0), whole(y1), whole(u1, v1))
        return to_bytes(m["y"]), to_bytes(m["c"][:, :, 0]), to_bytes(m["c"][:, :, 1])


def count_macs(net):
    """(parameters, multiply-accumulates of the convolutions) for a pair of 1280x720: a twelfth of
    its pixels is run, which is what it is proportional to.
    """
    parameters, macs = export.count_macs(net, lambda: Planes(net)(*random_planes(240, 320)[:6]))
    return parameters, 12 * macs


def write_graph(net, path):
    """The ONNX file of a network; sizes are free."""
    export.write_onnx(Planes(net), random_planes(64, 96)[:6], path, INPUTS, OUTPUTS, AXES)


def check(net, path, sizes=SIZES):
    """How ONNX Runtime differs from PyTorch: worst grey levels, share of samples more than one
    apart.
    """
    cases = (random_planes(h, w, k)[:6] for k, (h, w) in enumerate(sizes))
    return export.check_planes(export.compare(path, Planes(net), cases, INPUTS, OUTPUTS), TOLERANCE, SHARE)


def quality_of(q):
    """The manifest's figures."""
    mean = q["mean"]["network"]
    return dict(
        protocol=q["protocol"],
        **{k: mean[k] for k in ("psnr", "ssim", "ie")},
        blend_psnr=q["mean"]["bicubic + blend"]["psnr"],
    )


def quality_text(q):
    """The card's section."""
    both = ("bicubic + blend", "network")
    gain = q["mean"]["network"]["psnr"] - q["mean"]["bicubic + blend"]["psnr"]
    rows = [[clip, *(f"{r[c][k]:.2f}" for k in ("psnr", "ends_psnr") for c in both)] for clip, r in q["clips"].items()]
    means = (f"**{q['mean'][c][k]:.2f}**" for k in ("psnr", "ends_psnr") for c in both)
    rows.append(["**mean PSNR**", *means])
    head = ["", "bicubic + blend", "zsm", "given frames: bicubic", "given frames: zsm"]
    where = "ahead of" if gain > 0 else "behind"
    intro = f"{abs(gain):.2f} dB {where} enlarging (bicubic) and blending, between the frames."
    return "\n\n".join([intro, f"{q['protocol'][0].upper()}{q['protocol'][1:]}; PSNR in dB.", card.table(head, rows)])


def write_card(folder, run, entry, net, quality, worst, far):
    """models/zsm.md."""
    intro = f"""{zsm.__doc__.strip()}

Written by `training/zsm/export.py`; figures by `training/zsm/evaluate.py`. It is a small network trained for minutes
on a CPU: its figures say nothing about the published one."""
    levels = "grey level" if worst == 1 else "grey levels"
    sections = {
        "Inputs and outputs": f"""
`y0`, `u0`, `v0`, `y1`, `u1`, `v1` (uint8 planes of both frames); `y` (uint8 [1,3,2H,2W]), `u`, `v` ([1,3,H,W]): the
first frame, the middle one, and the second, twice as large each way. Only the middle: twice the rate. Source frames are
made anew, too: none of the output is a source frame bit by bit. The network does not judge itself. For files alone
(`framelift convert --scale 2`). ONNX Runtime agrees with PyTorch to {worst} {levels} ({far:.1e} of the samples differ
by more than one).""",
        "Training": f"""
Samples by `training/zsm/prepare.py` (clips as in `flow-s.md`; none of the evaluation's). The alignment's mean offsets
learn from the block search's vectors first, with the start of the middle frame; then everything, by the error of all
three frames relative to that of enlarging and blending (half absolute, half squared; the middle one counts twice) and
of chroma. {card.keep_logs(run, "zsm")} (held-back samples; grey is bicubic and blend; until the step at which it
learned the alignment alone, frames of the network are not to be looked at).""",
        "Quality": quality_text(quality) if quality else "Not measured.",
        "Limits": f"""
- Trained for minutes: large motion is mostly not found. What comes behind the alignment, the ConvLSTM and the
  reconstruction, has hardly learned yet: on one pair of each of these clips it adds 0.01 dB to the middle frame
  and 0.08 dB to the given ones, which are little sharper than bicubic.
- DeformConv is in ONNX from opset 19 on, and in ONNX Runtime's CPU provider of late only: the graph gathers samples
  (GridSample) instead, which any provider runs, and slowly.
{card.NOT_FOR_DIAGNOSIS}""",
    }
    more = [("widths", ", ".join(f"{k} {v}" for k, v in net.config.items()))]
    head = card.facts(
        [entry], "1280×720), a pair of frames of that size to three of 2560×1440", 1, entry["published"], more
    )
    card.write(folder, "zsm", intro, head, sections)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    export.add_arguments(p, "zsm")
    p.add_argument("--quality", help="JSON of zsm/evaluate.py on this network")
    a = p.parse_args()
    net, blob = export.freeze(zsm.load, a.checkpoint, os.path.join(a.out, "zsm.pt"), id="zsm")
    path = os.path.join(a.out, "zsm.onnx")
    write_graph(net, path)
    worst, far = check(net, path)
    parameters, macs = count_macs(net)
    quality = paths.read_json(a.quality) if a.quality else None
    entry = export.list_model(
        a.out,
        "zsm",
        "i420",
        "fp32",
        net.multiple,
        times="half",
        scale=net.scale,
        parameters=parameters,
        macs720p=macs,
        licence="MIT",
        published=PUBLISHED,
        trained=export.trained(blob, "of one shared CPU thread", f"{DATA} (zsm.md)"),
        quality=quality_of(quality) if quality else {},
    )
    write_card(a.out, os.path.dirname(a.checkpoint), entry, net, quality, worst, far)
    print(json.dumps(dict(entry, difference=worst, bytes=os.path.getsize(path)), indent=1))


if __name__ == "__main__":
    main()
