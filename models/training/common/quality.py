"""What evaluations have in common: figures of a frame, the gaps of a clip that count, blending."""

import json

import numpy as np


def ssim(a, b, k=8):
    """Mean SSIM over 8x8 windows of two float64 pictures."""

    def box(x):
        c = np.pad(x.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        return (c[k:, k:] - c[:-k, k:] - c[k:, :-k] + c[:-k, :-k]) / (k * k)

    ma, mb = box(a), box(b)
    va, vb, cab = box(a * a) - ma * ma, box(b * b) - mb * mb, box(a * b) - ma * mb
    above = (2 * ma * mb + 6.5025) * (2 * cab + 58.5225)
    return float((above / ((ma * ma + mb * mb + 6.5025) * (va + vb + 58.5225))).mean())


def psnr(mse):
    """PSNR in dB of a mean squared error in grey levels."""
    return 10 * np.log10(65025 / max(mse, 1e-3))


def figures(made, truth):
    """PSNR, SSIM and interpolation error (root mean square) of 8-bit frames."""
    mse = float(((made.astype(np.float32) - truth) ** 2).mean())
    return [psnr(mse), ssim(made.astype(np.float64), truth.astype(np.float64)), mse**0.5]


def blend(a, b, t):
    """The plain blend of two 8-bit frames."""
    return (a * (1 - t) + b * t + 0.5).astype(np.uint8)


def gaps(count, factor):
    """First frames of the gaps of a clip of so many frames; the first and the last do not count."""
    starts = list(range(0, count - factor, factor))
    return starts[1:-1] if len(starts) > 6 else starts


def mean_of(clips, keys, contender):
    """Means over clips (name → contender → figures) of one contender's figures."""
    return {k: round(float(np.mean([row[contender][k] for row in clips.values()])), 4) for k in keys}


def write_json(path, content):
    """Keep figures for the exporter and the card."""
    with open(path, "w") as f:
        json.dump(content, f, indent=1)
        f.write("\n")
