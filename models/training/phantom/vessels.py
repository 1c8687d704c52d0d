"""The coronary tree, the contrast bolus that runs through it, and the devices: catheter, guidewire,
pacing lead.
"""

import numpy as np

from training.phantom.anatomy import Tube
from training.phantom.raster import arc_length, resample, smoothstep, spline

STEP = 3.0


def wander(rng, start, angle, length, bend, home=None):
    """A vessel that leaves `start` at `angle` and meanders for `length`; `home` bends it gently
    that way. Returns (line, taper 1…0.35).
    """
    count = max(4, int(length / STEP))
    turns = np.convolve(rng.standard_normal(count + 10), np.hanning(11) / np.hanning(11).sum() ** 0.5, mode="valid")
    points = [np.asarray(start, float)]
    drift = rng.normal(0, bend * 0.35)
    for k in range(count - 1):
        if home is not None:
            want = np.arctan2(*(home - points[-1])[::-1])
            angle += 0.035 * np.sin(want - angle)
        angle += (drift + bend * turns[min(k, len(turns) - 1)]) * STEP
        points.append(points[-1] + STEP * np.array([np.cos(angle), np.sin(angle)]))
    return np.array(points), np.linspace(1.0, 0.35, len(points))


def grow(rng, line, radii, travel, home, level, tubes):
    """Adds the side branches of a vessel, and theirs, to `tubes`."""
    length = arc_length(line)[-1]
    spacing = {0: 24.0, 1: 20.0, 2: 22.0}[level]
    s = arc_length(line)
    side = rng.choice([-1, 1])
    at = spacing * rng.uniform(0.5, 1.0)
    while at < length - 12:
        k = int(np.searchsorted(s, at))
        heading = np.arctan2(*(line[min(k + 1, len(line) - 1)] - line[k - 1])[::-1])
        child_length = min((0.3 + 0.35 * rng.random()) * (length - at) + {0: 46, 1: 22, 2: 10}[level], 150)
        angle = heading + side * rng.uniform(0.5, 1.05)
        branch, taper = wander(rng, line[k], angle, child_length, {0: 0.011, 1: 0.018, 2: 0.026}[level], home)
        width = radii[k] * rng.uniform(0.46, 0.72) * taper
        if width[0] > 0.34:
            branch_travel = travel[k] + arc_length(branch) * (1.0 + 0.25 * level)
            tubes.append(Tube(branch, np.maximum(width, 0.28), branch_travel))
            if level < 2:
                grow(rng, branch, width, branch_travel, home, level + 1, tubes)
        side = -side
        at += spacing * rng.uniform(0.6, 1.5)


def coronary_tree(rng, place, apex):
    """The left coronary artery from the ostium: a list of tubes, the LAD's and the circumflex'
    first. `place` maps points of the plan to the picture.
    """

    def vessel(points, first, last, travel0, jitter=5.0):
        plan = np.asarray(points, float)
        plan[1:] += rng.normal(0, jitter, plan[1:].shape) * np.linspace(0.2, 1, len(plan) - 1)[:, None]
        line = spline(place(plan), STEP)
        s = arc_length(line) / arc_length(line)[-1]
        width = first + (last - first) * s**0.8
        width *= 1 + 0.06 * np.sin(2 * np.pi * (3 * s + rng.random()))
        return Tube(line, width, travel0 + arc_length(line))

    stem = vessel([(232, 160), (246, 168), (262, 172)], 4.7, 4.6, 0, 1)
    reach = stem.travel[-1]
    fork = (262, 172)
    lad = vessel([fork, (296, 160), (338, 178), (378, 222), (408, 282), (420, 338), (404, 384)], 4.3, 1.3, reach)
    circumflex = vessel([fork, (258, 196), (244, 236), (238, 284), (250, 328), (270, 362)], 4.0, 1.2, reach)
    marginal = vessel([(253, 206), (284, 236), (306, 284), (326, 336), (352, 380)], 3.1, 0.9, reach + 40)
    diagonal = vessel([(310, 164), (346, 214), (366, 270), (380, 322), (384, 350)], 2.7, 0.8, reach + 52)
    # A narrowing, so that there is something to look for.
    s = arc_length(lad.points) / arc_length(lad.points)[-1]
    lad.radii *= 1 - 0.5 * np.exp(-0.5 * ((s - 0.34) / 0.018) ** 2)
    tubes = [lad, circumflex, stem, marginal, diagonal]
    for main in (lad, circumflex, marginal, diagonal):
        grow(rng, main.points, main.radii, main.travel, apex, 0, tubes)
    return tubes


def bolus(t, loop, travel, speed=150.0):
    """Contrast concentration 0…1 at `travel` from the ostium: injected early in the loop, washed
    out before it ends.
    """
    start, hold = 0.07 * loop, 0.3 * loop
    age = (t % loop) - start - travel / speed
    rise = smoothstep(0.0, 0.3 + 0.0012 * travel, age)
    fall = np.exp(-np.maximum(age - hold, 0) / (0.075 * loop + 0.0012 * travel))
    return rise * fall * smoothstep(loop - start, 0.88 * loop - start, age + travel / speed)


def devices(place, lad, stem, slide):
    """
    Catheter, guidewire and pacing lead as functions of time that give tubes at rest. `slide(t)` in
    0…1 says how far the wire is advanced along the LAD: it slides along its own line, every other
    motion is that of the wall around it.
    """
    way = spline(
        place(np.array([(196, -70), (190, -10), (176, 60), (168, 112), (180, 146), (206, 158), (234, 161)], float)),
        STEP,
    )
    inner = np.vstack([way, stem.points[1:], lad.points[1:]])
    s = arc_length(inner)
    ostium = arc_length(way)[-1]
    reach = s[-1] - ostium

    def catheter(_t):
        return [Tube(way, np.full(len(way), 2.9), np.zeros(len(way)))]

    def wire(t):
        tip = ostium + reach * (0.5 + 0.38 * slide(t))
        body = resample(np.stack([np.interp(np.linspace(0, tip, 160), s, inner[:, i]) for i in (0, 1)], axis=1), STEP)
        along = arc_length(body)[-1] - arc_length(body)
        # The last 8 units turn aside: a shaped tip.
        normal = np.gradient(body, axis=0)[:, ::-1] * [-1, 1]
        normal /= np.maximum(np.hypot(normal[:, 0], normal[:, 1]), 1e-6)[:, None]
        body = body + normal * (2.6 * np.clip(1 - along / 9, 0, 1) ** 2)[:, None]
        return [Tube(body, 0.62 + 0.42 * smoothstep(52, 48, along), along)]

    lead_way = spline(
        place(np.array([(118, 600), (132, 520), (170, 440), (226, 392), (292, 378), (338, 384), (362, 378)], float)),
        STEP,
    )

    def lead(_t):
        along = arc_length(lead_way)[-1] - arc_length(lead_way)
        rings = smoothstep(5, 4, along) + smoothstep(15, 16, along) * smoothstep(21, 20, along)
        return [Tube(lead_way, 1.15 + 0.75 * rings, along)]

    return catheter, wire, lead
