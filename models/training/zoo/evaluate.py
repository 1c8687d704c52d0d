"""Quality of networks of the zoo: frames of real clips (or of the rendered fluoroscopy phantom)
removed and made again; luma PSNR, SSIM, IE.

The protocol of flow_s/evaluate.py: clips at --height lines at most, sizes multiples of 16, --frames
frames each, the first and the last gap do not count. --factor 2 removes every second frame, 8 keeps
one of eight. --phantom takes the runs of phantom/evaluate.py (rendered there and kept) and
measures against the noise-free truth and the noisy one.
"""

import argparse
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

from training.common import video
from training.common.quality import blend, figures, gaps, mean_of, write_json
from training.phantom import evaluate as phantom
from training.zoo import nets


@torch.no_grad()
def make(net, a, b, t):
    """uint8 lumas [H,W] → uint8 luma at t; a network for t = 1/2 only is used again on its own
    frames for 1/4, 1/8 and so on.
    """
    if net.times == "half" and t != 0.5:
        middle = make(net, a, b, 0.5)
        return make(net, a, middle, 2 * t) if t < 0.5 else make(net, middle, b, 2 * t - 1)
    h, w = a.shape
    edges = (0, -w % net.multiple, 0, -h % net.multiple)
    pad = lambda f: F.pad(torch.from_numpy(f.copy())[None, None].float() / 255, edges, mode="replicate")
    frame = net(pad(a), pad(b), torch.full((1, 1, 1, 1), t))["frame"][0, 0, :h, :w]
    return (frame * 255).round().clamp(0, 255).byte().numpy()


def score(frames, truth, contenders, factor, limit):
    """Mean figures of each contender over the removed frames of one clip; `truth`: what they are
    measured against.
    """
    rows = {c: [] for c in contenders}
    for g in gaps(len(frames), factor)[:limit]:
        for k in range(1, factor):
            for c, f in contenders.items():
                rows[c].append(figures(f(frames[g], frames[g + factor], k / factor), truth[g + k]))
    return {c: {n: round(float(v), 4) for n, v in zip(("psnr", "ssim", "ie"), np.mean(r, 0))} for c, r in rows.items()}


def score_phantom(folder, frames, factor, contenders, limit):
    """Figures by run, against the noise-free truth and (noisy_psnr) the noisy one."""
    result = {}
    for name in phantom.runs_for(factor):
        run = phantom.load_run(folder, name, frames)
        row, seen = (score(run["noisy"], run[truth], contenders, factor, limit) for truth in ("clean", "noisy"))
        result[name] = {c: dict(row[c], noisy_psnr=seen[c]["psnr"]) for c in row}
        told = "  ".join(f"{c} {r['psnr']:.2f} (noisy {r['noisy_psnr']:.2f})" for c, r in result[name].items())
        print(f"{name:32s} {told}", flush=True)
    return result


def score_clips(folder, height, frames, factor, contenders, limit):
    """Figures by clip."""
    result, started = {}, time.time()
    for path in video.videos(folder):
        w, h = video.eval_size(path, height)
        clip, name = video.read_luma(path, w, h, frames), os.path.basename(path)
        result[name] = score(clip, clip, contenders, factor, limit)
        told = "  ".join(f"{c} {r['psnr']:.2f}" for c, r in result[name].items())
        print(f"{name:32s} {told}   {time.time() - started:.0f} s", flush=True)
    return result


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model", help="ID.pt or a checkpoint")
    p.add_argument("--clips", help="folder of clips (never trained on)")
    p.add_argument("--phantom", metavar="DIR", help="folder of rendered phantom runs; missing ones are rendered")
    p.add_argument("--frames", type=int, default=21)
    p.add_argument("--gaps", type=int, default=99, help="gaps per clip at most")
    p.add_argument("--factor", type=int, default=2)
    p.add_argument("--height", type=int, default=480)
    p.add_argument("--json", help="write the figures here")
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    net, blob = nets.load(a.model)
    contenders = dict(blend=blend, network=lambda x, y, t: make(net, x, y, t))
    removed = "every second frame" if a.factor == 2 else f"{a.factor - 1} of {a.factor} frames"
    if a.phantom:
        result = score_phantom(a.phantom, a.frames, a.factor, contenders, a.gaps)
        protocol = f"fluoroscopy phantom, {removed} removed, against the noise-free truth, "
        protocol += f"{len(result)} runs of {a.frames} frames, luma"
    else:
        result = score_clips(a.clips, a.height, a.frames, a.factor, contenders, a.gaps)
        most = "" if a.gaps == 99 else f", {a.gaps} gaps at most"
        protocol = f"{removed} removed, at most {a.height} lines, {a.frames} frames a clip{most}, "
        protocol += f"{len(result)} clips, luma"
    mean = {c: mean_of(result, next(iter(result.values()))[c], c) for c in contenders}
    for c, m in mean.items():
        print(f"{c:10s}", m)
    if a.json:
        about = dict(id=blob["id"], set="phantom" if a.phantom else "clips", factor=a.factor, frames=a.frames)
        write_json(a.json, dict(about, protocol=protocol, clips=result, mean=mean))


if __name__ == "__main__":
    main()
