"""A bank of 8-bit textures for synthetic scenes: dead leaves, fractal noise, stripes and checks,
and stills of training clips.
"""

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw

SIZE = 512


def dead_leaves(rng):
    """Overlapping discs, boxes and strokes of random grey, sizes by a power law."""
    im = Image.new("L", (SIZE, SIZE), int(rng.integers(0, 256)))
    draw = ImageDraw.Draw(im)
    for _ in range(int(rng.integers(100, 900))):
        r = min(6 / (rng.random() + 1e-3) ** 0.6, 150)
        x, y, g = *rng.integers(-20, SIZE + 20, 2), int(rng.integers(0, 256))
        kind = rng.random()
        if kind < 0.5:
            q = r * rng.uniform(0.4, 1.6)
            draw.ellipse((x - r, y - q, x + r, y + q), fill=g)
        elif kind < 0.8:
            a = rng.random() * np.pi + np.arange(4) * np.pi / 2 + rng.normal(0, 0.2, 4)
            draw.polygon([(x + r * np.cos(b), y + r * np.sin(b)) for b in a], fill=g)
        else:
            b = rng.random() * 6.3
            draw.line((x, y, x + 4 * r * np.cos(b), y + 4 * r * np.sin(b)), fill=g, width=int(rng.integers(1, 5)))
    return np.asarray(im)


def fractal(rng):
    """Noise with a 1/f^k spectrum, k random, random contrast."""
    f = np.hypot(np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE)[None]) + 1 / SIZE
    x = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(SIZE, SIZE))) / f ** rng.uniform(0.7, 1.8))
    x = (x - x.mean()) / x.std() * rng.uniform(15, 60) + rng.uniform(60, 200)
    return x.clip(0, 255).astype(np.uint8)


def periodic(rng):
    """Stripes, checks or a fence: the textures that fool block matching."""
    y, x = np.mgrid[:SIZE, :SIZE]
    a, p = rng.random() * np.pi, rng.uniform(8, 60)
    u, v = (x * np.cos(a) + y * np.sin(a)) / p, (y * np.cos(a) - x * np.sin(a)) / (p * rng.uniform(0.5, 2))
    s = np.sin(2 * np.pi * u) * (np.sin(2 * np.pi * v) if rng.random() < 0.5 else 1)
    if rng.random() < 0.6:
        s = np.tanh(s * 6)
    return (
        (rng.uniform(60, 190) + s * rng.uniform(10, 60) + fractal(rng).astype(float) * 0.2 - 25)
        .clip(0, 255)
        .astype(np.uint8)
    )


def build_bank(rng, stills, count=360):
    """[count,1,SIZE,SIZE] uint8.

    `stills`: list of 2-D uint8 frames (may be empty) of which random parts are taken.
    """
    out = []
    for _ in range(count):
        kind = rng.random()
        if stills and kind < 0.5:
            s = stills[int(rng.integers(len(stills)))]
            scale = rng.uniform(0.7, 1.6) * SIZE / min(s.shape)
            t = F.interpolate(
                torch.from_numpy(s.astype(np.float32))[None, None],
                scale_factor=max(scale, SIZE / min(s.shape) * 1.001),
                mode="bilinear",
                align_corners=False,
            )[0, 0]
            y, x = int(rng.integers(0, t.shape[0] - SIZE + 1)), int(rng.integers(0, t.shape[1] - SIZE + 1))
            out.append(t[y : y + SIZE, x : x + SIZE].round().clamp(0, 255).byte().numpy())
        else:
            out.append((dead_leaves if kind < 0.75 else fractal if kind < 0.88 else periodic)(rng))
    return torch.from_numpy(np.stack(out))[:, None]
