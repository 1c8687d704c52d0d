"""Training samples from the fluoroscopy phantom (scene.py): shards as common/prepare.py makes them,
with more fields.

clean0, clean1 uint8 [N,384,384], clean uint8 [N,256,256]: frame0, frame1 and truth without noise,
so that the network sees noise and its loss does not (the least error of a noisy picture blurs it,
and lies half-way between pixels). weight uint8 [N,256,256]: 0 where nothing thin is, up to 255
where guidewire, catheter, contrast-filled vessels or the lead show, and around the guidewire's tip
(losses.xray). `truth` is the noisy frame half-way. `flow` is the motion of what shows most in a
cell: the layers are transparent, so there is no single true one. `visible` is 1.

Each scene is a short run of pulses at 7.5, 15 or 30 a second (now and then one pulse is missing, as
when a repeated picture was taken out), with its own dose, lag, focal blur, magnification, contrast,
devices, collimator, window and burned-in text. Seeds from 9000 on belong to phantom/evaluate.py and
are never used here.
"""

import argparse
import time

import numpy as np
import torch

from training.common import paths
from training.common.prepare import BESIDE, CROP, FIELDS, MARGIN, Shards, beside, crop_replicated, cut_out
from training.common.search import search
from training.phantom import scene as phantom
from training.phantom.raster import FONT, blur, resize, smoothstep, write_text

HELD_OUT = 9000
PHANTOM_FIELDS = FIELDS + BESIDE + ("clean0", "clean1", "clean", "weight")
THIN = ("wire", "catheter", "vessels", "lead")


def aperture(size, rng):
    """A collimator like phantom.collimator, of random shape: blades, octagon or round, or none."""
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1
    x, y = np.abs(np.meshgrid(axis, axis))
    kind = rng.choice(["none", "blades", "octagon", "round"], p=[0.2, 0.3, 0.3, 0.2])
    if kind == "none":
        return np.ones((size, size), np.float32)
    if kind == "round":
        gap = np.hypot(x, y) - rng.uniform(0.9, 1.2)
    else:
        gap = np.maximum(x - rng.uniform(0.7, 1.0), y - rng.uniform(0.7, 1.0))
        if kind == "octagon":
            gap = np.maximum(gap, (x + y) / np.sqrt(2) - rng.uniform(0.9, 1.1))
    return smoothstep(0.006, -0.008, gap)


class Screen:
    """How a run is shown: window, collimator and text, the same for all its frames."""

    def __init__(self, size, rng):
        self.aperture = aperture(size, rng)
        self.low, self.high = rng.uniform(0.25, 0.65), rng.uniform(1.9, 2.6)
        self.slope = rng.uniform(3.2, 5.2)
        letters = [c for c in FONT if c != " "]
        self.texts = []
        for _ in range(int(rng.integers(0, 7))):
            text = "".join(rng.choice(letters, int(rng.integers(3, 9))))
            y = int(rng.choice([rng.integers(6, size // 8), rng.integers(size - size // 8, size - 16)]))
            x = int(rng.choice([rng.integers(6, size // 6), rng.integers(size - size // 4, size - 110)]))
            self.texts.append((x, y, text, int(rng.integers(110, 255)), int(rng.integers(1, 3))))

    def show(self, signal):
        """Signal (quanta relative to no attenuation) → uint8."""
        grey = 1 - (-np.log(signal) - self.low) / (self.high - self.low)
        grey = 14 + 226 / (1 + np.exp(-self.slope * (grey - 0.5))) * self.aperture
        picture = np.clip(np.round(grey), 0, 255).astype(np.uint8)
        for text in self.texts:
            write_text(picture, *text)
        return picture


class Run:
    """A phantom of random conditions and a run of pulses; `exposures[i]` is i half gaps after the
    start, each (signal without lag, layers).
    """

    def __init__(self, rng, pairs):
        self.size = int(rng.choice([448, 512, 576, 640, 768], p=[0.15, 0.4, 0.15, 0.2, 0.1]))
        self.rate = float(rng.choice([7.5, 15.0, 30.0], p=[0.3, 0.45, 0.25]))
        missed = self.rate > 7.5 and rng.random() < 0.15
        self.detector = phantom.Detector(
            dose=float(np.exp(rng.uniform(np.log(500), np.log(6000)))),
            electronic=rng.uniform(0.5, 3.0),
            focal_blur=rng.uniform(0.5, 1.3),
            scatter=rng.uniform(0.1, 0.4),
            lag=float(rng.choice([0.0, rng.uniform(0.02, 0.25)])),
            pulse_rate=self.rate,
            pulse_seconds=rng.uniform(0.003, 0.009),
            pulse_samples=2 if rng.random() < 0.25 else 1,
        )
        self.seed = int(rng.integers(0, HELD_OUT))
        self.scene = phantom.scene(self.seed, self.size, 10.0, self.detector)
        gone = set()
        if rng.random() < 0.35:
            gone |= {"vessels", "blush", "reflux"}
        if rng.random() < 0.2:
            gone.add("wire")
            if rng.random() < 0.5:
                gone.add("catheter")
        if rng.random() < 0.5:
            gone.add("lead")
        self.scene.layers = [layer for layer in self.scene.layers if layer.name not in gone]
        # Half a gap is what lies between a pulse and the truth; the pulse before counts for the
        # lag.
        self.half = (2 if missed else 1) / self.rate / 2
        self.back = 1 if missed else 2
        self.start = rng.uniform(1.0, 5.5) if "vessels" not in gone else rng.uniform(0, 10)
        self.screen = Screen(self.size, rng)
        self.exposures = [self._expose(self.time(i)) for i in range(-self.back, 2 * pairs + 1)]

    def time(self, i):
        return self.start + i * self.half

    def _expose(self, t):
        d, layers = self.detector, self.scene.attenuation(t)
        clean = np.exp(-sum(layers.values()))
        if d.pulse_samples > 1:
            clean = (clean + np.exp(-sum(self.scene.attenuation(t + d.pulse_seconds * 0.5).values()))) / 2
        wide = resize(blur(resize(clean, 32, 32), 3.0), self.size, self.size)
        return (1 - d.scatter) * blur(clean, d.focal_blur * self.size / phantom.UNIT) + d.scatter * wide, layers

    def frame(self, i, rng):
        """(clean, noisy) pictures at half gap `i`."""
        lag = self.detector.lag
        signal = (1 - lag) * self.exposures[i + self.back][0] + lag * self.exposures[i][0]
        quanta = signal * self.detector.dose
        grain = blur(rng.standard_normal(signal.shape).astype(np.float32), 0.55) * 1.75
        counted = (
            quanta
            + grain * np.sqrt(quanta)
            + rng.standard_normal(signal.shape).astype(np.float32) * self.detector.electronic
        )
        return self.screen.show(signal), self.screen.show(np.maximum(counted, 1.0) / self.detector.dose)

    def layer(self, name):
        return next((layer for layer in self.scene.layers if layer.name == name), None)


def wire_points(wire, size, t):
    """The guidewire in pixels at `t`: (N, 2) from far to tip, and each point's distance from the
    tip in the phantom's units.
    """
    body = wire.tubes(t)[0]
    return wire.motion.forward(body.points, t) * (size / phantom.UNIT) - 0.5, body.travel


def tip(scene, t):
    """Where the guidewire's tip is (x, y) in pixels."""
    return wire_points(next(layer for layer in scene.layers if layer.name == "wire"), scene.size, t)[0][-1]


def cell_mean(x, reach=3):
    """Mean over each 8x8 cell and `reach` // 2 cells around it."""
    h, w = x.shape
    c = np.pad(x.reshape(h // 8, 8, w // 8, 8).mean((1, 3)), reach // 2, mode="edge")
    return sum(c[i : i + h // 8, j : j + w // 8] for i in range(reach) for j in range(reach)) / reach**2


def true_flow(run, i):
    """float32 [4, size/8, size/8]: motion from half gap `i` back to the pulse before and on to the
    next, of what shows most in each cell.
    """
    layers, scene, size = run.exposures[i + run.back][1], run.scene, run.size
    groups = {}
    for layer in scene.layers:
        mu = layers[layer.name]
        if not mu.any():
            continue
        detail = (mu - blur(mu, 8.0)) ** 2
        # What is thin is what one looks at; it moves as itself even in front of strong bone.
        group = groups.setdefault(id(layer.motion) if layer.name not in ("tissue", "spine") else 0, [layer.motion, 0])
        group[1] = group[1] + cell_mean(detail) * (6 if layer.name in THIN else 1)
    energy = np.stack([g[1] for g in groups.values()])
    energy[:, energy.max(0) < 1e-12] = 0
    most = energy.argmax(0)
    centres = (np.stack(np.meshgrid(*[np.arange(size // 8) * 8 + 4.0] * 2), -1).reshape(-1, 2)) * phantom.UNIT / size
    t = [run.time(k) for k in (i - 1, i, i + 1)]
    flows = np.stack(
        [
            np.concatenate([g[0].flow(centres, t[1], s).T for s in (t[0], t[2])]).reshape(4, size // 8, size // 8)
            for g in groups.values()
        ]
    )
    flow = np.take_along_axis(flows, most[None, None], 0)[0] * (size / phantom.UNIT)
    wire = run.layer("wire")
    if wire:
        before, now, after = (wire_points(wire, size, s) for s in t)
        near = now[1] < 56
        at = now[0][near]
        move = np.concatenate(
            [
                np.stack([np.interp(now[1][near], p[1][::-1], p[0][::-1, k]) for k in (0, 1)], -1) - at
                for p in (before, after)
            ],
            1,
        )
        centre = centres * size / phantom.UNIT - 0.5
        distance = np.hypot(*(centre[:, None] - at[None]).transpose(2, 0, 1))
        k = distance.argmin(1)
        close = (distance.min(1) < 10).reshape(size // 8, size // 8)
        flow = np.where(close, move[k].T.reshape(4, size // 8, size // 8), flow)
    covered = cell_mean(run.screen.aperture, 1) < 0.3
    return np.where(covered, 0, flow)


def thin_weight(run, i):
    """uint8 [size, size]: how much of each pixel's darkening is thin, 255 at a third; and the tip
    of the guidewire.
    """
    layers, size = run.exposures[i + run.back][1], run.size
    total = sum(
        np.maximum(layers[n] - blur(layers[n], 8.0), 0) * (2 if n in ("wire", "catheter") else 1)
        for n in THIN
        if n in layers
    )
    weight = np.minimum(blur(np.asarray(total, np.float32) * np.ones((size, size), np.float32), 1.0) * 3, 1)
    if run.layer("wire"):
        x, y = tip(run.scene, run.time(i))
        gx, gy = np.meshgrid(np.arange(size), np.arange(size))
        weight = np.maximum(weight, np.exp(-0.5 * ((gx - x) ** 2 + (gy - y) ** 2) / 6.0**2))
    return np.round(weight * run.screen.aperture * 255).astype(np.uint8)


def corners(run, i, rng, count):
    """Top left corners (multiples of 8) of crops; the first and every second one has the wire's tip
    in it.
    """
    spots, most = [], (run.size - CROP) // 8
    for n in range(count):
        at = rng.integers(0, most + 1, 2) * 8
        if run.layer("wire") and n % 2 == 0:
            at = (
                np.clip(
                    np.round((tip(run.scene, run.time(i))[::-1] - rng.uniform(40, CROP - 40, 2)) / 8), 0, most
                ).astype(int)
                * 8
            )
        spots.append((int(at[0]), int(at[1])))
    return spots


def run_samples(rng, pairs, crops):
    """Yield the samples of one run."""
    run = Run(rng, pairs)
    pictures = {i: run.frame(i, rng) for i in range(2 * pairs + 1)}
    kept = torch.from_numpy(np.stack([pictures[i][1] for i in range(0, 2 * pairs + 1, 2)]))
    seeds = [search(a[None], b[None]) for a, b in zip(kept, kept[1:])]
    for i in range(1, 2 * pairs, 2):
        a, b, (clean, noisy) = pictures[i - 1][1], pictures[i + 1][1], pictures[i]
        planes = [seeds[i // 2], *beside(a, b, seeds, [1] * pairs, i // 2)]
        flow, weight = true_flow(run, i).astype(np.float16), thin_weight(run, i)
        for y, x in corners(run, i, rng, crops):
            wide = [
                crop_replicated(f, y - MARGIN, x - MARGIN, CROP + 2 * MARGIN)
                for f in (a, b, pictures[i - 1][0], pictures[i + 1][0])
            ]
            inner = (slice(y, y + CROP), slice(x, x + CROP))
            cells = (slice(None), slice(y // 8, (y + CROP) // 8), slice(x // 8, (x + CROP) // 8))
            own, *more = (cut_out(p, y, x) for p in planes)
            yield (
                *wide[:2],
                noisy[inner],
                own,
                flow[cells],
                np.ones((2, CROP // 8, CROP // 8), np.float16),
                np.float32(0.5),
                *(m.astype(np.float16) for m in more),
                *wide[2:],
                clean[inner],
                weight[inner],
            )


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", default=paths.SAMPLES, help="folder for the shards")
    p.add_argument("--count", type=int, default=2500, help="samples to make")
    p.add_argument("--pairs", type=int, default=5, help="frame pairs per run")
    p.add_argument("--crops", type=int, default=4, help="crops per frame pair")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    rng = np.random.default_rng(a.seed)
    shards, done, t0 = Shards(a.out, f"phantom-{a.seed}", 100, PHANTOM_FIELDS), 0, time.time()
    while done < a.count:
        for row in run_samples(rng, a.pairs, a.crops):
            shards.add(*row)
            done += 1
        print(f"{done} samples, {time.time() - t0:.0f} s", flush=True)
    shards.flush()


if __name__ == "__main__":
    main()
