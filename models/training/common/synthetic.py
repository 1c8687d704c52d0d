"""Layered moving scenes with true flow and true occlusion, rendered in torch on any device.

A scene is a background and several layers. Each layer has a texture, a soft shape, and a way:
where its point at p (t = 1/2) is at other times, relative to p. Within the pair that is τ·d(p) +
τ²/2·a(p), τ = t - 1/2, with d affine plus a smooth non-rigid part; a frame before and one after the
pair lie about as far off as the acceleration a says, or as if the layer had just started or
stopped. Flow, occlusion and all five frames follow exactly.
"""

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw

from training.common.textures import SIZE
from training.common.warp import warp

SIDE = 384  # rendered frame; training uses the middle 256
TIMES = (-1.0, 0.0, 0.5, 1.0, 2.0)  # of the frames: before the pair, the pair with its middle, after it


def shape(rng):
    """A layer's outline [SIZE,SIZE] uint8 about the canvas centre: blob, polygon, thin strokes, or
    a grid of letters-like boxes.
    """
    k = 2
    im = Image.new("L", (SIZE * k, SIZE * k), 0)
    draw = ImageDraw.Draw(im)
    cx, cy = rng.uniform(0.2, 0.8, 2) * SIZE * k
    kind = rng.random()
    if kind < 0.55:  # smooth or angular blob
        n = int(rng.integers(3, 14))
        r = np.exp(rng.uniform(np.log(15), np.log(150))) * k
        a = np.sort(rng.random(n)) * 2 * np.pi
        q = r * rng.uniform(0.5, 1.3, n)
        if rng.random() < 0.6:
            b = np.linspace(0, 2 * np.pi, 60)
            m = 1 + sum(rng.normal(0, 0.25 / j) * np.sin(j * b + rng.random() * 6.3) for j in (1, 2, 3, 4))
            a, q = b, r * m.clip(0.2, 2)
        s = rng.uniform(0.4, 1)
        draw.polygon([(cx + u * np.cos(t), cy + s * u * np.sin(t)) for u, t in zip(q, a)], fill=255)
    elif kind < 0.85:  # thin structures: wires, branches, poles
        for _ in range(int(rng.integers(1, 7))):
            p = rng.uniform(0, SIZE * k, (3, 2))
            t = np.linspace(0, 1, 24)[:, None]
            line = (1 - t) ** 2 * p[0] + 2 * t * (1 - t) * p[1] + t * t * p[2]
            draw.line([tuple(x) for x in line], fill=255, width=int(rng.integers(2, 16) * k / 2), joint="curve")
    else:  # text-like boxes
        w, h = rng.uniform(4, 14, 2) * k
        for row in range(int(rng.integers(1, 4))):
            for col in range(int(rng.integers(3, 16))):
                if rng.random() < 0.8:
                    x, y = cx + (col - 6) * w * 1.4, cy + row * h * 1.7
                    draw.rectangle((x, y, x + w * rng.uniform(0.3, 1), y + h), fill=255)
    return np.asarray(im.resize((SIZE, SIZE), Image.BOX))


def ball(rng):
    """The outline of something small, about where the frame will be cut out."""
    k, r = 2, np.exp(rng.uniform(np.log(4), np.log(16)))
    im = Image.new("L", (SIZE * k, SIZE * k), 0)
    x, y = (SIZE / 2 + rng.uniform(-120, 120, 2)) * k
    s = rng.uniform(0.5, 1)
    ImageDraw.Draw(im).ellipse((x - r * k, y - s * r * k, x + r * k, y + s * r * k), fill=255)
    return np.asarray(im.resize((SIZE, SIZE), Image.BOX))


def speed(rng):
    """Displacement between the frames in pixels: most below 10, a tail to about 100."""
    return 0.0 if rng.random() < 0.08 else float(min(4 * np.exp(abs(rng.normal(0, 1.35))) - 3.2, 110))


def motion(rng, base):
    """Displacement field [2,SIDE,SIDE] of a layer about `base` (x, y): affine and smooth parts."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, SIDE), torch.linspace(-1, 1, SIDE), indexing="ij")
    m = rng.normal(0, 1, (2, 2)) * (
        0 if rng.random() < 0.4 else min(3 + 0.3 * float(np.hypot(*base)), 20) * rng.random()
    )
    d = torch.stack([base[0] + m[0, 0] * x + m[0, 1] * y, base[1] + m[1, 0] * x + m[1, 1] * y])
    if rng.random() < 0.4:
        n = int(rng.integers(3, 7))
        wave = torch.from_numpy(rng.normal(0, rng.uniform(0.3, 3), (1, 2, n, n)).astype(np.float32))
        d = d + F.interpolate(wave, size=(SIDE, SIDE), mode="bicubic", align_corners=True)[0]
    return d.float()


def acceleration(rng, d, base):
    """Change of a displacement field per interval [2,SIDE,SIDE]: none, uniform, or along it."""
    if rng.random() < 0.3:
        return torch.zeros_like(d)
    size = 0.4 * np.hypot(*base) * abs(rng.normal(0, 1)) + abs(rng.normal(0, 0.8))
    turn = rng.normal(0, 1, 2)
    turn *= min(size, 40) / (np.hypot(*turn) + 1e-6)
    a = torch.from_numpy(turn.astype(np.float32)).view(2, 1, 1).expand_as(d)
    return a if rng.random() < 0.6 else 0.5 * a + d * float(rng.normal(0, 0.2))


def way(rng, d, a):
    """Displacements of a layer from t = 1/2 at TIMES: by d and a, outside the pair about so."""
    at = lambda tau, a: tau * d + (tau * tau / 2) * a
    inner = [at(t - 0.5, a) for t in TIMES[1:4]]
    outer = [at(t - 0.5, a * float(rng.normal(1, 0.35))) for t in (TIMES[0], TIMES[-1])]
    if rng.random() < 0.06:  # it has just started
        outer[0] = inner[0]
    if rng.random() < 0.06:  # it is about to stop
        outer[1] = inner[2]
    return [outer[0], *inner, outer[1]]


def plan(rng, bank):
    """One scene: lists of textures, alphas, ways, back to front."""
    n = int(rng.integers(2, 8))
    camera = rng.normal(0, 1, 2)
    camera *= speed(rng) / (np.hypot(*camera) + 1e-6)
    shaken = acceleration(rng, torch.zeros(2, SIDE, SIDE), camera)
    still = rng.random() < 0.06
    layers = []
    for i in range(n):
        texture = bank[int(rng.integers(len(bank)))].float() / 255
        if i and rng.random() < 0.4:
            texture = texture * rng.uniform(0.2, 0.9) + rng.uniform(0, 0.3)
        alpha = torch.ones(1, SIZE, SIZE) if i == 0 else torch.from_numpy(shape(rng).astype(np.float32) / 255)[None]
        d = rng.normal(0, 1, 2)
        held = rng.random() < 0.15  # does not move with the camera
        own = (0 if i == 0 or rng.random() < 0.2 else 1) * d / (np.hypot(*d) + 1e-6) * speed(rng) * 0.7
        base = camera * (0 if held else 1) + own
        overlay = i == n - 1 and n > 2 and rng.random() < 0.3  # a static caption over everything
        if overlay or still:
            moved = [torch.zeros(2, SIDE, SIDE)] * len(TIMES)
        else:
            d = motion(rng, base)
            changed = acceleration(rng, d, own) if np.any(own) else torch.zeros_like(d)
            moved = way(rng, d, changed + (0 if held else 1) * shaken)
        layers.append((torch.cat([texture, alpha]), moved))
    for _ in range(int(rng.integers(0, 5)) if rng.random() < 0.4 else 0):  # small fast things
        texture = bank[int(rng.integers(len(bank)))].float() / 255 * rng.uniform(0.1, 0.5) + rng.uniform(0, 0.5)
        turn = rng.normal(0, 1, 2)
        base = camera + turn / (np.hypot(*turn) + 1e-6) * rng.uniform(8, 60)
        d = torch.from_numpy(base.astype(np.float32)).view(2, 1, 1).expand(2, SIDE, SIDE).clone()
        moved = way(rng, d, acceleration(rng, d, base) + shaken)
        alpha = torch.from_numpy(ball(rng).astype(np.float32) / 255)[None]
        layers.insert(len(layers) - int(rng.integers(0, 2)), (torch.cat([texture, alpha]), moved))
    return layers


def _sample(layer, position):
    """Canvas [C,SIZE,SIZE] at frame positions [2,SIDE,SIDE] (the frame lies in the canvas' middle),
    reflected outside.
    """
    g = (position + (SIZE - SIDE) / 2 + 0.5) * (2 / SIZE) - 1
    return F.grid_sample(
        layer[None], g.permute(1, 2, 0)[None], mode="bilinear", padding_mode="reflection", align_corners=False
    )[0]


def _place(way, grid):
    """Where the layer's point at each frame position lies at t = 1/2: inverts p + way(p) = x."""
    p = grid
    for _ in range(4):
        p = grid - warp(way[None], (p - grid)[None])[0]
    return p


def render_scene(layers, rng):
    """→ luma [5,SIDE,SIDE] (at TIMES; 0…1), flow [4,SIDE,SIDE] from the middle (to frame 0, to
    frame 1), visible [2,SIDE,SIDE] (in frame 0, 1).
    """
    device = layers[0][0].device
    y, x = torch.meshgrid(
        torch.arange(SIDE, device=device, dtype=torch.float32),
        torch.arange(SIDE, device=device, dtype=torch.float32),
        indexing="ij",
    )
    grid = torch.stack([x, y])
    luma, owner = (
        [torch.zeros(SIDE, SIDE, device=device) for _ in TIMES],
        [torch.zeros(SIDE, SIDE, device=device) for _ in TIMES],
    )
    f = torch.zeros(4, SIDE, SIDE, device=device)
    for i, (layer, way_) in enumerate(layers):
        for k, moved in enumerate(way_):
            s = _sample(layer, grid if k == 2 else _place(moved, grid))
            a = s[1]
            luma[k] = luma[k] * (1 - a) + s[0] * a
            owner[k] = torch.where(a > 0.5, torch.full_like(a, float(i)), owner[k])
            if k == 2:
                f = torch.where(a > 0.5, torch.cat([way_[1], way_[3]]), f)
    visible = []
    for k, g in ((1, f[:2]), (3, f[2:])):
        q = grid + g
        inside = (q[0] >= 0) & (q[0] <= SIDE - 1) & (q[1] >= 0) & (q[1] <= SIDE - 1)
        xi, yi = q[0].round().clamp(0, SIDE - 1).long(), q[1].round().clamp(0, SIDE - 1).long()
        visible.append(((owner[k][yi, xi] == owner[2]) & inside).float())
    luma = torch.stack(luma)
    if rng.random() < 0.08:  # a fade
        tau = torch.tensor(TIMES, device=device) - 0.5
        luma = luma * (1 + tau * rng.uniform(-0.3, 0.3)).view(-1, 1, 1)
    return luma, f, torch.stack(visible)


def spoil(luma, rng):
    """Sensor noise on all but the truth, slight blur: [5,S,S] at TIMES → uint8."""
    if rng.random() < 0.4:
        b = rng.uniform(0, 0.5)
        luma = (1 - b) * luma + b * F.avg_pool2d(luma[None], 3, 1, 1, count_include_pad=False)[0]
    if rng.random() < 0.35:
        sigma = rng.uniform(0.002, 0.03)
        luma = luma + torch.randn(luma.shape).to(luma) * sigma * torch.tensor([1.0, 1.0, 0.0, 1.0, 1.0]).view(
            5, 1, 1
        ).to(luma)
    return (luma * 255).round().clamp(0, 255).to(torch.uint8)
