"""Ways to make a made frame as noisy as a real one, compared on the phantom (FLUORO.md, "Noise"):
half-way frames of the search's vectors.

noise: power over that of real frames, in all and by band. clean, noisy: PSNR of the frame against
the truth without and with noise. structure, thin: the same operation on the noise-free frames'
warps, against the noise-free truth, over the picture and over thin things: what it does to the
picture itself.
"""

import numpy as np
import torch
import torch.nn.functional as F

from training.common import paths
from training.common.quality import figures
from training.common.warp import seed_field
from training.phantom.evaluate import RUNS, apply_field, find_tip, load_run, noise_bands
from training.phantom.grain import Grain
from training.phantom.oracle import truth, vectors


def mean(x, k):
    """k x k box mean."""
    return F.avg_pool2d(torch.from_numpy(x)[None, None], k, 1, k // 2, count_include_pad=False)[0, 0].numpy()


def candidates(w0, w1, m=0.5):
    """Name → frame, from the two warps (float32); equal weights, so the blend keeps half of the
    noise.
    """
    h, w = w0.shape
    y, x = np.mgrid[:h, :w]
    cell = ((x // 8 + y // 8) % 2 * 2 - 1).astype(np.float32)
    blend, half = m * w0 + (1 - m) * w1, (w0 - w1) / 2
    low = mean(blend, 9)
    return {
        "blend": blend,
        "(a) s = +-1 by 8x8 cell": blend + cell * half,
        "(a) smooth s": blend + mean(cell, 9) * half,
        "(b) frame 0 alone": w0,
        "(d) variance-preserving, mu 5x5": mean(blend, 5) + (blend - mean(blend, 5)) * 2**0.5,
        "(d) variance-preserving, mu 9x9": low + (blend - low) * 2**0.5,
        "(e) high-passed difference added": blend + half - mean(half, 9),
    }


def main():
    torch.set_num_threads(1)
    rows = {}
    for name in RUNS:
        run, grain = load_run(paths.run_folder("phantom"), name, 25), Grain()
        for i in (3, 9, 15, 21):
            a, noisy, b = run["noisy"][i - 1 : i + 2]
            ca, clean, cb = run["clean"][i - 1 : i + 2]
            thin = truth(name, i)[3]
            v = vectors(a, b)[:, :2] / 2
            one, two = (torch.cat([-v, v, torch.full_like(v[:, :1], k)], 1) for k in (1.0, 0.0))
            made, still = (
                candidates(apply_field(p, q, one, 0.5), apply_field(p, q, two, 0.5)) for p, q in ((a, b), (ca, cb))
            )
            field = seed_field(torch.cat([v * 2, v[:, :1]], 1))
            blend = np.clip(np.round(made["blend"]), 0, 255).astype(np.uint8)
            made["(c) grain"] = grain(a, b, blend, field, 0.5).astype(np.float32)
            still["(c) grain"] = still["blend"]
            real = noise_bands(noisy.astype(np.float64) - clean)
            for key, x in made.items():
                x, d = np.clip(np.round(x), 0, 255), (still[key] - clean) ** 2
                rows.setdefault(key, []).append(
                    [
                        *noise_bands(x - still[key].astype(np.float64)) / real,
                        figures(x, clean)[0],
                        figures(x, noisy)[0],
                        10 * np.log10(65025 / d.mean()),
                        10 * np.log10(65025 * thin.sum() / (d * thin).sum()),
                        find_tip(x, run["tips"][i], run["wires"][i]),
                    ]
                )
    print(f"{'':34s} noise: all  low  mid high    clean  noisy structure  thin    tip")
    for key, row in rows.items():
        r = np.mean(row, 0)
        noise, tip = " ".join(f"{v:.2f}" for v in r[:4]), np.median([q[8] for q in row])
        print(f"{key:34s}       {noise}   {r[4]:6.2f} {r[5]:6.2f} {r[6]:8.2f} {r[7]:6.2f} {tip:6.2f}")


if __name__ == "__main__":
    main()
