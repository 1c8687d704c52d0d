"""Grain for made frames, so that they are as noisy as real ones: the kernel's formula (FLUORO.md,
"Noise"), sample for sample.

A blend of two warped frames has a third to a half of a real frame's noise, and the stream pumps.
The missing power is measured and added as synthetic grain: it knows nothing of the picture, so it
moves no edge and leaves no ghost.
"""

import numpy as np

from training.common.warp import retime

CELL, BINS, TILE = 8, 16, 256
CALM = 4  # sixteenths of a pixel from a whole one up to which a cell tells how noise hangs together
DARK = 20  # mean grey over which it does
USUAL = 0.3  # correlation without enough such cells
FEWEST = 24  # cells in a bin of grey for it to be measured
MANY = 8192  # from so many cells on, every second one is measured


def white_noise():
    """int16 [256,256], deviation 2048: sums of the eight bytes of two steps of xorshift."""
    s, out = 1, np.empty(TILE * TILE, np.int32)
    for i in range(TILE * TILE):
        total = 0
        for _ in range(2):
            s ^= s << 13 & 0xFFFFFFFF
            s ^= s >> 17
            s ^= s << 5 & 0xFFFFFFFF
            total += sum(s.to_bytes(4, "little"))
        out[i] = (total - 1020) * 627 >> 6
    return out.reshape(TILE, TILE)


def grain_tile(white, rho):
    """int8-valued [256,256], periodic, deviation 32, correlation `rho` between neighbours: white
    noise under (a, 1, a) along y and x.
    """
    a = 0.0 if rho < 0.02 else min((1 - np.sqrt(1 - 2 * rho * rho)) / (2 * rho), 0.45)
    norm = 32768 / np.sqrt(1 + 2 * a * a)
    centre, side = min(int(norm + 0.5), 32767), int(a * norm + 0.5)
    cut = lambda v: np.clip(v, -32768, 32767)
    x = white
    for axis in (0, 1):
        sides = cut(np.roll(x, 1, axis) + np.roll(x, -1, axis))
        x = cut((x * centre + 0x4000 >> 15) + (sides * side + 0x4000 >> 15))
    return np.clip(cut(x + 32) >> 6, -127, 127)


def place(flow, chosen, width, height, more):
    """Corners [4,n] (x0 y0 x1 y1) and fractions in 1/16 of the chosen cells' windows, moved by
    their flow [4,h,w] and `more` sixteenths; and which of them lie inside with the nine rows and
    columns that are read.
    """
    j, i = chosen
    f = flow[:, j, i]
    with np.errstate(invalid="ignore"):
        sound = (np.abs(f) < 16384).all(0)
    q = np.floor(np.where(sound, f, 0).astype(np.float32) * np.float32(16) + np.float32(0.5)).astype(np.int64) + more
    at = np.stack([i, j, i, j]) * CELL + (q >> 4)
    far = np.array([width, height, width, height])[:, None] - 9
    return at, q & 15, sound & (at >= 0).all(0) & (at <= far).all(0)


def windows(picture, x, y, size):
    """[n,size,size] of the picture at the corners."""
    k = np.arange(size)
    return picture[y[:, None, None] + k[:, None], x[:, None, None] + k].astype(np.int64)


def lower_median(values):
    return int(np.sort(values)[(len(values) - 1) // 2])


def between(picture, x, y, px, py):
    """Cells read at fractions of 1/16, bilinear, in 1/16."""
    w = windows(picture, x, y, CELL + 1)
    px, py = px[:, None, None], py[:, None, None]
    w = w[:, :, :-1] * (16 - px) + w[:, :, 1:] * px
    return w[:, :-1] * (16 - py) + w[:, 1:] * py + 8 >> 4


def measure(a, b, flow):
    """Correlation of neighbouring noise and S [16] from a pair (uint8 [H,W]) and its first motion
    (float32 [4,h,w]) at t = 1/2.
    """
    height, width = a.shape
    j, i = np.mgrid[: height // CELL, : width // CELL]
    chosen = ((i + j) % 2 == 0) if i.size > MANY else np.ones(i.shape, bool)
    cells = j[chosen], i[chosen]
    at, part, good = place(flow, cells, width, height, CALM)
    at = at[:, good & (part.max(0) <= 2 * CALM)]
    one = windows(a, at[0], at[1], CELL)
    bright = one.sum((1, 2)) > DARK * 64
    raw = one[bright] - windows(b, at[2], at[3], CELL)[bright]
    d = 4 * raw - (raw.sum((1, 2), keepdims=True) + 8 >> 4)
    power, near = (d * d).sum((1, 2)), (d[:, :, 1:] * d[:, :, :-1]).sum((1, 2)) + (d[:, 1:] * d[:, :-1]).sum((1, 2))
    buckets = np.clip(np.floor(near[power > 0] * 64 / (power[power > 0] * 112) * 64 + 64), 0, 127)
    rho = np.float32(USUAL)
    if len(buckets) > len(cells[0]) >> 4:
        rho = np.float32(np.clip((lower_median(buckets) + 0.5) / 64 - 1 + 0.02, 0, 0.7))
    at, part, good = place(flow, cells, width, height, 0)
    at, part = at[:, good], part[:, good]
    w0, w1 = between(a, at[0], at[1], part[0], part[1]), between(b, at[2], at[3], part[2], part[3])
    d = w0 - w1
    left = 1 - part * (16 - part) * ((1 - float(rho)) / 128)
    energy = 64 * (d * d).sum((1, 2)) - d.sum((1, 2)) ** 2
    variance = energy / ((left[0] * left[1] + left[2] * left[3]) * (16 * 16 * 64 * 63)) - 1 / 6
    level = np.minimum(np.floor(np.sqrt(np.maximum(variance, 0)) * 16 + 0.5), 255)
    grey = (w0 + w1).sum((1, 2)) >> 15
    # The median does not see the cells whose motion is wrong.
    known = {k: lower_median(level[grey == k]) for k in range(BINS) if (grey == k).sum() >= FEWEST}
    return rho, np.floor(np.interp(np.arange(BINS), list(known), list(known.values())) + 0.5).astype(
        int
    ) if known else np.zeros(BINS, int)


def shares(field, width, height, strength, rho):
    """C [h,w] of a field (float32 [>=5 or 12,h,w]) of the frame's own time."""
    f32 = np.float32
    unlike, twice = f32(1) - rho, (f32(1) - rho) * f32(2)
    j, i = (x.astype(np.float32) for x in np.mgrid[: field.shape[1], : field.shape[2]])
    x, y = i * 8 + f32(3.5), j * 8 + f32(3.5)
    unit = lambda v: np.where(v > 0, np.minimum(v, f32(1)), f32(0))
    inside = lambda u, v: (x + u >= -0.5) & (x + u <= f32(width - 0.5)) & (y + v >= -0.5) & (y + v <= f32(height - 0.5))

    def left(v):
        part = v - np.floor(v)
        return f32(1) - part * (f32(1) - part) * twice

    def motion(f):
        in0, in1 = inside(f[0], f[1]), inside(f[2], f[3])
        # A position inside the frame beats one outside.
        m = np.where(in0 == in1, unit(f[4]), in0.astype(np.float32))
        return m, f32(1) - m, left(f[0]) * left(f[1]), left(f[2]) * left(f[3])

    m, n, b0, b1 = motion(field)
    kept = m * m * b0 + n * n * b1
    if len(field) == 12:
        p, q, c0, c1 = motion(field[6:])
        alike = lambda k: np.maximum(f32(0), f32(1) - np.abs(field[k] - field[k + 6]) * unlike)
        # Where both motions read the same pixels of a frame, their noise is the same and adds up.
        both = m * p * (alike(0) * alike(1) * (b0 + c0)) + n * q * (alike(2) * alike(3) * (b1 + c1))
        w = unit(field[11])
        r = f32(1) - w
        kept = r * r * kept + w * w * (p * p * c0 + q * q * c1) + r * w * both
    return (np.sqrt(unit(f32(strength) - kept)) * f32(255) + f32(0.5)).astype(np.int64)


def origin(seed):
    """Column and row of the tile at the frame's corner: the end of MurmurHash3 of 32 bits."""
    h = seed
    h = (h ^ h >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    h = (h ^ h >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    h ^= h >> 16
    return h & 255, h >> 8 & 255


class Grain:
    """Adds to made frames the noise they lack."""

    def __init__(self, strength=1.0):
        self.strength, self.white, self.count = strength, white_noise(), 0

    def __call__(self, a, b, made, field, t):
        """`made` (uint8 [H,W]) from a, b and their field (torch [1,C,h,w]) for t = 1/2, with its
        missing noise.
        """
        rho, level = measure(a, b, field[0, :4].numpy())
        self.count += 1
        return self.add(made, (field if t == 0.5 else retime(field, t))[0].numpy(), rho, level, self.count)

    def add(self, made, field, rho, level, seed):
        """`made` with grain; `field` [C,h,w] of its own time."""
        h, w = made.shape
        share = shares(field, w, h, self.strength, rho).repeat(CELL, 0).repeat(CELL, 1)[:h, :w]
        x, y = origin(seed)
        tile = grain_tile(self.white, float(rho))
        grain = tile[(np.arange(h) + y & 255)[:, None], np.arange(w) + x & 255]
        amount = level[made >> 4] * share + 128 >> 8
        return np.clip(made + (amount * grain + 256 >> 9), 0, 255).astype(np.uint8)
