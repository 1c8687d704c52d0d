"""Quality of networks of the zoo: frames of real clips (or of the rendered fluoroscopy phantom)
removed and made again; luma PSNR, SSIM, IE.

The protocol of ../evaluate.py: clips at --height lines at most, sizes multiples of 16, --frames
frames each, the first and the last gap do not count. --factor 2 removes every second frame, 8 keeps
one of eight. --phantom takes the runs of ../evaluate_phantom.py (rendered there and kept) and
measures against the noise-free truth and the noisy one.
"""

import argparse
import json
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

from training.common import video
from training.flow_s import evaluate
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
    pad = lambda f: F.pad(
        torch.from_numpy(f.copy())[None, None].float() / 255,
        (0, -w % net.multiple, 0, -h % net.multiple),
        mode="replicate",
    )
    frame = net(pad(a), pad(b), torch.full((1, 1, 1, 1), t))["frame"][0, 0, :h, :w]
    return (frame * 255).round().clamp(0, 255).byte().numpy()


def blend(a, b, t):
    return (a * (1 - t) + b * t + 0.5).astype(np.uint8)


def figures(made, truth):
    """PSNR, SSIM, root mean square error."""
    mse = float(((made.astype(np.float32) - truth) ** 2).mean())
    return (
        10 * np.log10(65025 / max(mse, 1e-3)),
        evaluate.ssim(made.astype(np.float64), truth.astype(np.float64)),
        mse**0.5,
    )


def score(frames, truth, contenders, factor, limit):
    """Mean figures of each contender over the removed frames of one clip; `truth`: what they are
    measured against.
    """
    gaps = list(range(0, len(frames) - factor, factor))
    gaps = gaps[1:-1] if len(gaps) > 6 else gaps
    rows = {c: [] for c in contenders}
    for g in gaps[:limit]:
        for k in range(1, factor):
            for c, f in contenders.items():
                rows[c].append(figures(f(frames[g], frames[g + factor], k / factor), truth[g + k]))
    return {c: {n: round(float(v), 4) for n, v in zip(("psnr", "ssim", "ie"), np.mean(r, 0))} for c, r in rows.items()}


def phantom_runs(folder, frames, factor):
    """(name, noisy, clean) of the runs of ../evaluate_phantom.py; a quarter of 7.5 pulses a second
    is no use, there as here.
    """
    from training.phantom import evaluate as evaluate_phantom

    for name in (n for n, r in evaluate_phantom.RUNS.items() if factor == 2 or r[2] > 7.5):
        run = evaluate_phantom.load_run(folder, name, frames)
        yield name, run["noisy"], run["clean"]


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
    result, started = {}, time.time()
    if a.phantom:
        for name, noisy, clean in phantom_runs(a.phantom, a.frames, a.factor):
            row, seen = (score(noisy, truth, contenders, a.factor, a.gaps) for truth in (clean, noisy))
            result[name] = {c: dict(row[c], noisy_psnr=seen[c]["psnr"]) for c in row}
            print(
                f"{name:32s}",
                "  ".join(f"{c} {r['psnr']:.2f} (noisy {r['noisy_psnr']:.2f})" for c, r in result[name].items()),
                flush=True,
            )
        protocol = f"fluoroscopy phantom, {'every second frame' if a.factor == 2 else f'{a.factor - 1} of {a.factor} frames'} removed, against the noise-free truth, {len(result)} runs of {a.frames} frames, luma"
    else:
        for path in video.videos(a.clips):
            w, h = video.eval_size(path, a.height)
            frames = video.read_luma(path, w, h, a.frames)
            row = result[os.path.basename(path)] = score(frames, frames, contenders, a.factor, a.gaps)
            print(
                f"{os.path.basename(path):32s}",
                "  ".join(f"{c} {r['psnr']:.2f}" for c, r in row.items()),
                f"  {time.time() - started:.0f} s",
                flush=True,
            )
        removed = "every second frame" if a.factor == 2 else f"{a.factor - 1} of {a.factor} frames"
        protocol = f"{removed} removed, at most {a.height} lines, {a.frames} frames a clip{'' if a.gaps == 99 else f', {a.gaps} gaps at most'}, {len(result)} clips, luma"
    mean = {
        c: {k: round(float(np.mean([r[c][k] for r in result.values()])), 4) for k in next(iter(result.values()))[c]}
        for c in contenders
    }
    for c, m in mean.items():
        print(f"{c:10s}", m)
    if a.json:
        with open(a.json, "w") as f:
            json.dump(
                dict(
                    id=blob["id"],
                    set="phantom" if a.phantom else "clips",
                    factor=a.factor,
                    frames=a.frames,
                    protocol=protocol,
                    clips=result,
                    mean=mean,
                ),
                f,
                indent=1,
            )
            f.write("\n")


if __name__ == "__main__":
    main()
