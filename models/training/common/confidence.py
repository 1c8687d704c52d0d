"""How sure an interpolated frame is of each of its cells: the kernel's arithmetic
(kernel/assembly/confidence) in numpy.

A cell of 8x8 is *broken* where the 16x16 block around it is more than 35 grey levels (root mean
square) from the truth. Its chance of that is a logistic function of what is known without the
truth:

    z = bias + w0 sqrt(box(drift)) + w1 sqrt(box(standing)) + w2 sqrt(error) + w3 sqrt(contrast)

drift: difference of the means of both parents' windows, moved to the cell (noise hardly shows in a
mean of 64 samples, a wrong motion does); standing: mean absolute difference of both parents where
the cell stands, less the noise; error: what the network (or the match of the search) tells;
contrast: deviation of the samples, less the noise. box: mean over 5x5 cells. noise: the mean
absolute difference of moved windows that a quarter of the cells stays under. All in grey levels.

The confidence in a cell is 1 - 1/(1 + exp(-z)); that in a picture is the mean of its worst 2 % of
cells. A cell gives way to a parent where it is below the gate and the parents differ less where
they stand than moved.
"""

from dataclasses import dataclass

import numpy as np

BROKEN = 35.0
WORST = 0.02
NOISE_SHARE, MOST_NOISE = 0.25, 16.0
LOST = 255.0


@dataclass(frozen=True)
class Weights:
    """Of drift, standing, error and contrast, and what is added."""

    values: tuple
    bias: float


def box5(x):
    """Mean over 5x5 cells, edges replicated."""
    p = np.pad(x, 2, mode="edge")
    h, w = x.shape
    return sum(p[i : i + h, j : j + w] for i in range(5) for j in range(5)) / 25


def _windows(frame, x, y):
    """Every second row of the 8x8 windows at x, y (sixteenths), in sixteenths of a grey level."""
    f = frame.astype(np.int32)
    rows, columns = np.arange(0, 8, 2)[:, None], np.arange(8)[None]
    iy, ix = (y >> 4)[..., None, None] + rows, (x >> 4)[..., None, None] + columns
    fx, fy = (x & 15)[..., None, None], (y & 15)[..., None, None]
    across = lambda dy: f[iy + dy, ix] * (16 - fx) + f[iy + dy, ix + 1] * fx
    return (across(0) * (16 - fy) + across(1) * fy + 8) >> 4


def measure(a, b, field):
    """uint8 [H,W] frames and the field [>=4,h,w] at t = 1/2 → float [4,ceil(H/8),ceil(W/8)] in grey
    levels: drift, disagreement, standing, contrast.
    """
    height, width = a.shape
    rows, columns = -(-height // 8), -(-width // 8)
    far = np.array([width - 9, height - 9])
    if (far < 0).any():
        return np.zeros((4, rows, columns))
    j, i = np.mgrid[0:rows, 0:columns]
    x, y = np.minimum(i * 8, far[0]), np.minimum(j * 8, far[1])
    f = np.asarray(field[:4, :rows, :columns], np.float32)
    known = (np.abs(f) < 16384).all(0)
    q = np.floor(np.where(known, f, 0) * 16 + 0.5).astype(np.int32)
    at = [x * 16 + q[0], y * 16 + q[1], x * 16 + q[2], y * 16 + q[3]]
    inner = [np.clip(v, 0, 16 * far[k & 1]) for k, v in enumerate(at)]
    w0, w1 = _windows(a, inner[0], inner[1]), _windows(b, inner[2], inner[3])
    mean = lambda v: v.mean((-1, -2))
    apart = w0 - w1
    lost = lambda v: np.where(known, v, LOST)
    standing = np.abs(_windows(a, x * 16, y * 16) - _windows(b, x * 16, y * 16)) / 16
    contrast = np.where(known, (w0 + w1).std((-1, -2)) / 32, 0)
    drift = lost(np.abs(mean(apart)) / 16)
    return np.stack([drift, lost(mean(np.abs(apart)) / 16), mean(standing), contrast])


def noise_of(disagreement):
    """What a quarter of the cells stays under, to 1/4."""
    bins = np.bincount(np.minimum(disagreement.ravel() * 4, 4 * MOST_NOISE - 1).astype(int), minlength=64).cumsum()
    return np.searchsorted(bins, NOISE_SHARE * disagreement.size) / 4


def features(measured, error):
    """[4,h,w] and the error (grey levels) → what the weights count, [h,w,4]; and by how much the
    parents agree better where they stand than moved, as a share of what they disagree by moved.
    """
    drift, disagreement, standing, contrast = measured
    noise = noise_of(disagreement)
    less = lambda x: box5(np.maximum(x - noise, 0))
    stands, moves = less(standing), less(disagreement)
    seen = np.sqrt(np.maximum(contrast**2 - noise**2, 0))
    rows = [box5(drift), stands, np.maximum(error, 0), seen]
    return np.sqrt(np.stack(rows, -1)), (moves - stands) / np.maximum(moves, 1e-6)


def odds(values, weights):
    """z of every cell."""
    return values @ np.array(weights.values) + weights.bias


def picture(z):
    """The confidence in a picture."""
    worst = np.sort(z.ravel())[::-1][: max(1, round(WORST * z.size))]
    return float(1 - (1 / (1 + np.exp(-worst))).mean())
