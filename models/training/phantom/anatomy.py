"""
What is inside the phantom: motions (maps of the plane that depend on time) and layers (attenuation
that moves by one of them). Lengths are in units of 1/512 of the picture, x to the right, y down.
Everything repeats after `loop` seconds.
"""

from dataclasses import dataclass, field

import numpy as np

from training.phantom.raster import SUPER, blur, fractal, sample, shrink, smoothstep, tube

UNIT = 512
# Textures reach this far beyond the picture, for motion to draw from.
MARGIN = 64
CANVAS = UNIT + 2 * MARGIN


def wave(t, period, phase=0.0):
    """Breathing: 0 at the end of expiration (where it rests longest), 1 at full inspiration."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * (t / period + phase))) ** 1.6


def contraction(phase):
    """How far the heart is contracted at `phase` of the beat: 0 at rest, 1 at the end of systole, a
    small atrial kick.
    """
    p = phase % 1.0
    squeeze = smoothstep(0.02, 0.34, p) * (1 - smoothstep(0.38, 0.66, p))
    return float(squeeze - 0.1 * smoothstep(0.8, 0.9, p) * (1 - smoothstep(0.9, 1.0, p)))


class Motion:
    """A smooth map of the plane at time t. The base class stands still."""

    def displace(self, points, t):
        """How far `points` (N, 2) of the resting anatomy have moved at time `t`."""
        return np.zeros_like(points)

    def forward(self, points, t):
        """Where resting `points` are at `t`."""
        return points + self.displace(points, t)

    def inverse(self, points, t):
        """The resting points that are at `points` at `t`, by fixed-point iteration (the maps
        contract: they are gentle).
        """
        rest = points
        for _ in range(6):
            rest = points - self.displace(rest, t)
        return rest

    def flow(self, points, t0, t1):
        """True motion from `t0` to `t1` of whatever is at `points` at `t0`."""
        return self.forward(self.inverse(points, t0), t1) - points


@dataclass
class Breathing(Motion):
    """Moves down with inspiration by `reach`, less towards the chest's top; `share` scales it."""

    period: float
    reach: float
    share: float = 1.0
    phase: float = 0.0

    def displace(self, points, t):
        amount = self.share * self.reach * wave(t, self.period, self.phase)
        depth = 0.35 + 0.65 * smoothstep(0.0, UNIT, points[:, 1])
        return np.stack([0.06 * amount * np.sin(points[:, 1] / 160), amount * depth], axis=1)


@dataclass
class Beating(Motion):
    """Heart wall: shrinks towards its centre, twists, its base drops towards the apex; carried by
    the breathing.
    """

    centre: np.ndarray
    apex: np.ndarray
    period: float
    breathing: Breathing
    squeeze: float = 0.13
    twist: float = 0.13
    drop: float = 13.0
    size: float = 165.0

    def displace(self, points, t):
        s = contraction(t / self.period)
        lag = contraction(t / self.period - 0.06)
        axis = (self.apex - self.centre) / np.hypot(*(self.apex - self.centre))
        away = points - self.centre
        reach = np.exp(-0.5 * (np.hypot(away[:, 0], away[:, 1]) / self.size) ** 4)[:, None]
        along = (away @ axis)[:, None] / self.size
        base = smoothstep(1.0, -0.9, along)
        turn = self.twist * lag * (0.4 + along)
        spin = np.stack([-away[:, 1], away[:, 0]], axis=1) * turn
        beat = (-self.squeeze * s * away + spin + axis * self.drop * s * base) * reach
        return beat + self.breathing.displace(points, t) * 0.7


@dataclass
class Tethered(Motion):
    """A device that hangs from the aorta: still at `top`, moving fully with `inner` from `bottom`
    on.
    """

    inner: Motion
    top: float
    bottom: float

    def displace(self, points, t):
        return self.inner.displace(points, t) * smoothstep(self.top, self.bottom, points[:, 1])[:, None]


@dataclass
class TextureLayer:
    """A painted layer: attenuation on a canvas with margins, carried by a motion, scaled by
    `level(t)`.
    """

    name: str
    motion: Motion
    texture: np.ndarray
    level: object = field(default=lambda t: 1.0)

    def attenuation(self, size, t):
        """Attenuation (size, size) at `t`."""
        level = self.level(t)
        if level <= 1e-5:
            return np.zeros((size, size), np.float32)
        # The maps are smooth: invert on a coarse grid, then interpolate.
        coarse = 33
        edge = np.linspace(-MARGIN, UNIT + MARGIN, coarse)
        gx, gy = np.meshgrid(edge, edge)
        rest = self.motion.inverse(np.stack([gx.ravel(), gy.ravel()], axis=1), t).reshape(coarse, coarse, 2)
        axis = ((np.arange(size) + 0.5) * UNIT / size + MARGIN).astype(np.float32)
        at = axis * (coarse - 1) / CANVAS
        cx, cy = np.meshgrid(at, at)
        x = sample(rest[..., 0].astype(np.float32), cx, cy) + MARGIN - 0.5
        y = sample(rest[..., 1].astype(np.float32), cx, cy) + MARGIN - 0.5
        return sample(self.texture, x, y) * np.float32(level)


@dataclass
class Tube:
    """One vessel or wire at rest: centre line (N, 2), radius per point, `travel` = distance of
    blood from the ostium.
    """

    points: np.ndarray
    radii: np.ndarray
    travel: np.ndarray


@dataclass
class TubeLayer:
    """Vessels or wires: drawn anew at each instant, so that thin things stay sharp.

    `amount(tube, t)` is attenuation per length.
    """

    name: str
    motion: Motion
    tubes: object  # t -> list of Tube
    amount: object

    def attenuation(self, size, t):
        """Attenuation (size, size) at `t`."""
        canvas = np.zeros((size * SUPER, size * SUPER), np.float32)
        scale = size / UNIT
        for one in self.tubes(t):
            amount = self.amount(one, t)
            if np.max(amount) <= 1e-4:
                continue
            moved = self.motion.forward(one.points, t) * scale - 0.5
            tube(canvas, moved, one.radii * scale, amount / scale)
        return shrink(canvas)


def canvas_grid():
    """x and y of every sample of a texture canvas."""
    axis = np.arange(CANVAS, dtype=np.float32) + 0.5 - MARGIN
    return np.meshgrid(axis, axis)


def tissue(rng):
    """Chest wall: broad and smooth, denser to the edges, with a little mottle."""
    x, y = canvas_grid()
    broad = 0.42 + 0.3 * ((x - 290) / 300) ** 2 + 0.12 * ((y - 230) / 280) ** 2
    return (broad + 0.025 * fractal(rng, CANVAS, 2.2, 24) + 0.006 * fractal(rng, CANVAS, 1.2, 5)).astype(np.float32)


def spine(rng, x0, lean):
    """Vertebral bodies with end plates, discs, pedicles and spinous processes, in a column of soft
    tissue and aorta.
    """
    x, y = canvas_grid()
    sway = 5 * np.sin(y / 170 + rng.uniform(0, 6))
    across = x - (x0 + lean * (y - 256) + sway)
    pitch = 68.0
    # End plates sag a little, and the bodies are seen slightly from below.
    along = (y + 26 - 0.13 * across - 3.0 * (across / 40) ** 2 + 2 * np.sin(y / 90)) % pitch
    half = 42 - 5.5 * np.sin(np.pi * np.clip(along / 56, 0, 1)) + 0.012 * (y - 256)
    inside = smoothstep(half + 4, half - 4, np.abs(across))
    within = smoothstep(-1, 7, along) * smoothstep(59, 51, along)
    plates = (np.exp(-0.5 * ((along - 4) / 2.2) ** 2) + np.exp(-0.5 * ((along - 53) / 2.2) ** 2)) * inside
    cortex = np.exp(-0.5 * ((np.abs(across) - half + 3.5) / 2.6) ** 2) * within
    rings = sum(np.exp(-((np.hypot((across - side) / 8, (along - 19) / 12) - 1) ** 2) / 0.05) for side in (-21, 24))
    process = np.exp(-0.5 * ((across - 2) / 4.5) ** 2) * smoothstep(22, 34, along) * smoothstep(66, 52, along)
    facet = np.exp(-0.5 * ((np.abs(across) - 19) / 7) ** 2) * np.exp(-0.5 * ((along - 61) / 9) ** 2)
    column = 0.4 * smoothstep(95, 20, np.abs(across)) + 0.1 * smoothstep(52, 26, np.abs(across))
    grain = 1 + 0.22 * fractal(rng, CANVAS, 1.15, 3)
    bone = 0.17 * within * inside * grain + 0.06 * plates + 0.05 * cortex + 0.055 * rings + 0.09 * process + 0.1 * facet
    return blur((column + bone).astype(np.float32), 1.1)


def ribs(rng, x0):
    """Posterior ribs that fall away from the spine on both sides, and fainter anterior ones that
    cross them.
    """
    x, y = canvas_grid()
    total = np.zeros((CANVAS, CANVAS), np.float32)
    away = np.abs(x - x0)
    for bow, slope, gain, start, pitch, near in (
        (0.0009, 0.1, 1.0, -96.0, 84, 26),
        (-0.0011, -0.25, 0.4, 190.0, 96, 170),
    ):
        for k in range(8):
            tilt = slope + 0.025 * k + rng.normal(0, 0.015)
            line = start + pitch * k + tilt * away + bow * away**2 + rng.normal(0, 5)
            gap = (y - line) / np.sqrt(1 + (tilt + 2 * bow * away) ** 2)
            half = 11.5 + rng.normal(0, 0.9) + 2.5 * smoothstep(60, 320, away)
            body = smoothstep(half + 2, half - 2, np.abs(gap))
            # The lower edge of a rib is thin, the upper one is a crisp cortex.
            rim = np.exp(-0.5 * ((gap + half - 1.8) / 1.9) ** 2) + 0.55 * np.exp(-0.5 * ((gap - half + 1.8) / 1.6) ** 2)
            total += gain * smoothstep(near, near + 36, away) * (0.075 * body + 0.075 * rim)
    return blur((total * (1 + 0.1 * fractal(rng, CANVAS, 1.0, 4))).astype(np.float32), 0.9)


def lung(rng, wander):
    """Air with vascular markings: bright ground is what the others leave; only the markings
    attenuate.
    """
    canvas = np.zeros((CANVAS * SUPER, CANVAS * SUPER), np.float32)
    for side in (-1, 1):
        hilum = np.array([255 + 70 * side, 225.0])
        for _ in range(34):
            angle = rng.uniform(-1.35, 1.35) + (0 if side > 0 else np.pi)
            line, radii = wander(rng, hilum + rng.normal(0, 14, 2), angle, rng.uniform(60, 210), 0.012)
            tube(canvas, line + MARGIN, radii * rng.uniform(1.0, 2.6), np.full(len(line), 0.011))
    marks = shrink(canvas)
    return blur(marks, 1.1) + np.float32(0.03) * np.maximum(fractal(rng, CANVAS, 1.5, 8), -1) + np.float32(0.03)


def diaphragm(rng):
    """Liver and stomach under a dome: a crisp edge, denser with depth, gas on the right."""
    x, y = canvas_grid()
    left = 402 + 0.0011 * (x - 150) ** 2
    right = 432 + 0.0014 * (x - 400) ** 2
    edge = -18 * np.logaddexp(-left / 18, -right / 18)
    depth = y - edge
    dense = smoothstep(-1.5, 5, depth) * (0.3 + 0.5 * (1 - np.exp(-np.maximum(depth, 0) / 55)))
    gas = 0.24 * np.exp(-((((x - 440) / 46) ** 2 + ((y - 505) / 26) ** 2) ** 2))
    return (dense - gas * smoothstep(0, 20, depth) + 0.008 * fractal(rng, CANVAS, 1.6, 8) * (depth > 0)).astype(
        np.float32
    )


def heart_shadow(rng, centre, apex, size):
    """The filled heart: the chord through a rounded body, a little longer towards the apex, with
    the great vessels above.
    """
    x, y = canvas_grid()
    axis = (apex - centre) / np.hypot(*(apex - centre))
    u = ((x - centre[0]) * axis[0] + (y - centre[1]) * axis[1]) / (size * 1.04)
    v = ((y - centre[1]) * axis[0] - (x - centre[0]) * axis[1]) / (size * (0.84 - 0.14 * u))
    round_body = np.sqrt(np.maximum(1 - u * u - v * v, 0))
    stem = smoothstep(58, 36, np.abs(x - centre[0] + 42)) * smoothstep(centre[1] - 10, centre[1] - 60, y)
    shadow = 0.55 * blur(round_body.astype(np.float32), 3.0) + 0.16 * blur(stem.astype(np.float32), 5)
    return (shadow + 0.012 * fractal(rng, CANVAS, 1.6, 10) * (round_body > 0)).astype(np.float32)


def blush(rng, centre, apex, size):
    """Contrast in the heart muscle: a mottled shell, stronger at the rim."""
    x, y = canvas_grid()
    rho = np.hypot(x - centre[0], y - centre[1]) / (size * 0.95)
    shell = smoothstep(1.0, 0.75, rho) * (0.45 + 0.55 * smoothstep(0.2, 0.85, rho))
    return (shell * np.clip(1 + 0.35 * fractal(rng, CANVAS, 1.4, 7), 0, 2.5)).astype(np.float32)


def reflux(rng, ostium):
    """Contrast that spills back from the ostium into the aorta: a soft, uneven cloud."""
    x, y = canvas_grid()
    dx, dy = x - ostium[0] + 9, y - ostium[1] - 4
    cloud = np.exp(-0.5 * ((dx / 17) ** 2 + (dy / 13) ** 2))
    return (cloud * np.clip(0.9 + 0.5 * fractal(rng, CANVAS, 1.5, 8), 0, 2)).astype(np.float32)
