"""Grain for made frames, so that they are as noisy as real ones: the reference of the kernel's formula (FLUORO.md, "Noise").

A blend of two warped frames has a third to a half of a real frame's noise, and the stream pumps. The missing power is measured and
added as synthetic grain: it knows nothing of the picture, so it moves no edge and leaves no ghost.
"""
import numpy as np
import torch

from warp import retime, upsample, warp

CELL, BINS, TILE = 8, 16, 256
CALM = 0.3          # pixels of motion under which a cell counts as still
FEWEST = 24         # cells in a bin of grey for it to be measured


def cells(x):
    """Mean of each 8x8 cell."""
    h, w = x.shape
    return x.reshape(h // CELL, CELL, w // CELL, CELL).mean((1, 3))


def spread(x):
    return x.repeat(CELL, 0).repeat(CELL, 1)


def kept(flow, rho):
    """Share of a frame's noise power that bilinear reading at `flow` [2,H,W] leaves; `rho`: correlation of neighbouring pixels' noise."""
    part = flow - np.floor(flow)
    share = 1 - 2 * part * (1 - part) * (1 - rho)
    return share[0] * share[1]


def grain_tile(rho, seed=1):
    """int8-valued [256,256], periodic, mean 0, deviation 32, correlation `rho` between neighbours: white noise under (a, 1, a) along x and y."""
    a = 0.0 if rho < 0.02 else min((1 - np.sqrt(max(1 - 2 * rho * rho, 0))) / (2 * rho), 0.45)
    x = np.random.default_rng(seed).standard_normal((TILE, TILE))
    for axis in (0, 1):
        x = a * np.roll(x, 1, axis) + x + a * np.roll(x, -1, axis)
    return np.clip(np.round(32 * x / x.std()), -127, 127).astype(np.int32)


class Grain:
    """Measures the noise of a stream's frame pairs and adds what made frames lack."""

    def __init__(self, strength=1.0):
        self.strength, self.rho, self.variance, self.tile, self.count = strength, 0.3, None, None, 0

    def taps(self, field, t, h, w):
        """[(weight [H,W], flow [2,H,W], 0 or 1)] of everything that is blended into the frame."""
        f = upsample(field if t == 0.5 else retime(field, t), h, w, CELL)[0].numpy()
        share = f[11] if len(f) == 12 else np.zeros_like(f[4])
        out = []
        for k, part in ((0, 1 - share), (6, share))[: 2 if len(f) == 12 else 1]:
            out += [(part * f[k + 4], f[k: k + 2], 0), (part * (1 - f[k + 4]), f[k + 2: k + 4], 1)]
        return out

    def observe(self, a, b, taps):
        """Updates correlation and variance by grey value from one frame pair (uint8 [H,W], multiples of 8)."""
        x, y = a.astype(np.float32), b.astype(np.float32)
        still = (np.abs(np.stack([cells(np.abs(v)) for _, f, _ in taps[:2] for v in f])).max(0) < CALM) & (cells(x) > 20)
        if still.mean() > 1 / 16:
            d = x - y - spread(cells(x - y))
            h, w = d.shape
            c = d.reshape(h // 8, 8, w // 8, 8).transpose(0, 2, 1, 3)[still]
            near = ((c[:, :, 1:] * c[:, :, :-1]).sum() + (c[:, 1:] * c[:, :-1]).sum()) / 112
            self.rho = float(np.clip(near / max((c * c).sum() / 64, 1e-3) + 0.02, 0, 0.7))
            self.tile = None
        at = [torch.from_numpy(f)[None] for _, f, _ in taps[:2]]
        w0, w1 = (warp(torch.from_numpy(p)[None, None], f)[0, 0].numpy() for p, f in zip((x, y), at))
        d = w0 - w1
        d -= spread(cells(d))
        energy = cells(d * d) * (64 / 63) / cells(sum(kept(f, self.rho) for _, f, _ in taps[:2]))
        grey = np.clip(cells((w0 + w1) / 2) // 16, 0, BINS - 1).astype(int)
        # The median does not see the cells whose motion is wrong.
        found = np.array([np.median(energy[grey == k]) if (grey == k).sum() >= FEWEST else np.nan for k in range(BINS)])
        known = ~np.isnan(found)
        if known.any():
            found = np.interp(np.arange(BINS), np.arange(BINS)[known], found[known])
            self.variance = found if self.variance is None else self.variance + (found - self.variance) / 8

    def __call__(self, a, b, made, field, t):
        """`made` (uint8) with its missing noise."""
        h, w = made.shape
        taps = self.taps(field, t, h, w)
        self.observe(a, b, taps)
        if self.variance is None:
            return made
        if self.tile is None:
            self.tile = grain_tile(self.rho)
        self.count += 1
        left = cells(sum(m * m * kept(f, self.rho) for m, f, _ in taps))
        level = np.clip(np.round(16 * np.sqrt(self.variance)), 0, 255).astype(np.int32)                     # S[16], u8
        share = spread(np.round(255 * np.sqrt(np.clip(self.strength - left, 0, 1)))).astype(np.int32)        # C per cell, u8
        y, x = np.random.default_rng(self.count).integers(0, TILE, 2)
        grain = np.roll(np.tile(self.tile, (h // TILE + 1, w // TILE + 1)), (y, x), (0, 1))[:h, :w]
        amount = (level[made >> 4] * share + 128) >> 8
        return np.clip(made + ((amount * grain + 256) >> 9), 0, 255).astype(np.uint8)
