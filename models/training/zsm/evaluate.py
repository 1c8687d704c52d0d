"""Quality of Zooming Slow-Mo: real clips at half the size, every second frame removed; luma PSNR,
SSIM, IE of what is made at the whole size.

Clips at --height lines at most, sizes multiples of 16, --frames frames each; the first and the last
gap do not count. The network, and enlarging (bicubic) and blending, see both outer frames halved
(bicubic without aliasing). `middle`: the frame between; `ends`: the frames that were given.
"""

import argparse
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

from training.common import video
from training.common.quality import figures, gaps, mean_of, write_json
from training.zsm.network import load
from training.zsm.train import halve, reference

KEYS = ("psnr", "ssim", "ie", "ends_psnr")


@torch.no_grad()
def make(net, given):
    """Planes (y0, c0, y1, c1) of any size → lumas [3,2H,2W] of the network."""
    h, w = given[0].shape[-2:]
    pad = lambda x, m: F.pad(x, (0, -x.shape[-1] % m, 0, -x.shape[-2] % m), mode="replicate")
    padded = [pad(x, net.multiple // (1 if i % 2 == 0 else 2)) for i, x in enumerate(given)]
    return net(*padded)["y"][0, :, : 2 * h, : 2 * w]


def score(net, lumas, chromas, limit):
    """Mean figures of both contenders over the gaps of one clip."""
    rows = {"network": [], "bicubic + blend": []}
    for g in gaps(len(lumas), 2)[:limit]:
        planes = lambda x, i: torch.from_numpy(x[i].copy())[None].float() / 255
        given = [halve(planes(*p)) for i in (g, g + 2) for p in ((lumas[:, None], i), (chromas, i))]
        contenders = {"network": make(net, given), "bicubic + blend": reference(*given)[0][0]}
        for name, y in contenders.items():
            made = (y.clamp(0, 1) * 255).round().byte().numpy()
            ends = [figures(made[i], lumas[g + i])[0] for i in (0, 2)]
            rows[name].append([*figures(made[1], lumas[g + 1]), np.mean(ends)])
    return {c: {k: round(float(v), 4) for k, v in zip(KEYS, np.mean(r, 0))} for c, r in rows.items()}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model", help="zsm.pt or a checkpoint")
    p.add_argument("--clips", required=True, help="folder of clips (never trained on)")
    p.add_argument("--frames", type=int, default=21)
    p.add_argument("--gaps", type=int, default=99, help="gaps per clip at most")
    p.add_argument("--height", type=int, default=480)
    p.add_argument("--json", help="write the figures here")
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    net, _ = load(a.model)
    result, begun = {}, time.time()
    for path in video.videos(a.clips):
        name = os.path.basename(path)
        clip = video.read_planes(path, *video.eval_size(path, a.height), a.frames)
        result[name] = score(net, *clip, a.gaps)
        told = "  ".join(f"{c} {r['psnr']:.2f} (ends {r['ends_psnr']:.2f})" for c, r in result[name].items())
        print(f"{name:32s} {told}   {time.time() - begun:.0f} s", flush=True)
    mean = {c: mean_of(result, KEYS, c) for c in next(iter(result.values()))}
    print(mean)
    if a.json:
        most = "" if a.gaps == 99 else f", {a.gaps} gaps at most"
        protocol = f"every second frame removed, the others halved, measured at {a.height} lines at most, "
        protocol += f"{a.frames} frames a clip{most}, {len(result)} clips, luma"
        write_json(a.json, dict(id="zsm", set="clips", frames=a.frames, protocol=protocol, clips=result, mean=mean))


if __name__ == "__main__":
    main()
