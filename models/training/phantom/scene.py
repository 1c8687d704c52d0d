"""
A fluoroscopy-like phantom: transparent moving layers, attenuated by exp(-sum of mu), with the
detector's noise.

    python3 -m training.phantom.scene render --out clip.mp4 --seconds 10 --fps 15 --seed 7
    python3 -m training.phantom.scene still --out still.png --time 4 --seed 7

`scene(seed).frame(t)` gives each layer's attenuation, the clean and the noisy picture;
`scene(seed).flow(name, t0, t1)` the layer's true motion. The same seed moves the same way at any
frame rate, and everything repeats after `seconds`.
"""

import argparse
import subprocess
import sys
from dataclasses import dataclass

import numpy as np

from training.phantom import anatomy, vessels
from training.phantom.raster import blur, resize, smoothstep, write_text

UNIT = anatomy.UNIT


@dataclass
class Detector:
    """The chain from tube to screen. `dose` is quanta per pixel where nothing attenuates."""

    dose: float = 2600.0
    electronic: float = 1.1
    focal_blur: float = 0.85
    scatter: float = 0.22
    lag: float = 0.1
    pulse_rate: float = 15.0
    pulse_seconds: float = 0.006
    # Instants averaged over one pulse; 1 makes the pulse infinitely short and rendering twice as
    # fast.
    pulse_samples: int = 2


@dataclass
class Frame:
    """One instant.

    `layers`: attenuation by name. `clean`: exp(-sum), linear. `truth` and `noisy`: what the screen
    shows (uint8), without and with noise.
    """

    t: float
    layers: dict
    clean: np.ndarray
    truth: np.ndarray
    noisy: np.ndarray


class Scene:
    """Layers, their motions, and a detector, all drawn from one seed."""

    def __init__(self, seed, size=512, seconds=10.0, detector=None):
        self.seed, self.size, self.loop = seed, size, float(seconds)
        self.detector = detector or Detector()
        rng = np.random.default_rng(seed)
        mirror = seed % 2 == 0
        turn = rng.normal(0, 0.09)
        shift = rng.normal(0, 6, 2)
        middle = np.array([300.0, 256.0])

        def place(points):
            p = points - middle
            p = p @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
            p = p + middle + shift
            return np.stack([UNIT - p[:, 0], p[:, 1]], axis=1) if mirror else p

        beats = max(1, round(seconds * rng.uniform(66, 80) / 60))
        breaths = max(1, round(seconds * rng.uniform(13, 17) / 60))
        centre, apex = place(np.array([[308.0, 258.0], [412.0, 376.0]]))
        breathing = anatomy.Breathing(self.loop / breaths, rng.uniform(20, 27), phase=rng.random())
        heart = anatomy.Beating(centre, apex, self.loop / beats, breathing)
        self.heart = heart
        tree = vessels.coronary_tree(rng, place, apex)
        ostium = tree[2].points[0]
        hung = anatomy.Tethered(heart, 0.0, float(ostium[1]))
        spine_x = UNIT - 128.0 if mirror else 128.0
        catheter, wire, lead = vessels.devices(
            place, tree[0], tree[2], lambda t: 0.5 + 0.5 * np.sin(2 * np.pi * (2 * t / self.loop + 0.1))
        )
        texture, tubes = anatomy.TextureLayer, anatomy.TubeLayer
        still = anatomy.Motion()
        size_of_heart = 165.0

        def contrast(tube, t):
            return 0.1 * vessels.bolus(t, self.loop, tube.travel)

        def in_catheter(_tube, t):
            return 0.034 + 0.03 * vessels.bolus(t + 0.15, self.loop, np.zeros(len(_tube.points)))

        def wire_metal(tube, _t):
            return 0.24 + 0.14 * smoothstep(52, 48, tube.travel)

        self.layers = [
            texture("tissue", still, anatomy.tissue(rng)),
            texture("spine", still, anatomy.spine(rng, spine_x, rng.normal(0.03, 0.02))),
            texture(
                "ribs",
                anatomy.Breathing(breathing.period, breathing.reach, 0.16, breathing.phase),
                anatomy.ribs(rng, spine_x),
            ),
            texture(
                "lung",
                anatomy.Breathing(breathing.period, breathing.reach, 0.75, breathing.phase),
                anatomy.lung(rng, vessels.wander),
            ),
            texture("diaphragm", breathing, anatomy.diaphragm(rng)),
            texture("heart", heart, anatomy.heart_shadow(rng, centre, apex, size_of_heart)),
            texture("blush", heart, anatomy.blush(rng, centre, apex, size_of_heart), self._blush_level),
            texture("reflux", heart, anatomy.reflux(rng, ostium), self._reflux_level),
            tubes("lead", heart, lead, lambda tube, _t: np.full(len(tube.points), 0.12)),
            tubes("vessels", heart, lambda _t: tree, contrast),
            tubes("catheter", hung, catheter, in_catheter),
            tubes("wire", hung, wire, wire_metal),
        ]
        self._aperture = collimator(size)
        self._exposures = {}
        # What stands still is drawn once.
        self._still = {}

    def _blush_level(self, t):
        return float(0.1 * vessels.bolus(t, self.loop, np.array([260.0]), 110.0)[0])

    def _reflux_level(self, t):
        concentration = vessels.bolus(t + 0.1, self.loop, np.array([0.0]))[0]
        return float(0.34 * concentration**2 * (0.35 + 0.65 * anatomy.contraction(t / self.heart.period + 0.45)))

    def attenuation(self, t):
        """Attenuation of each layer at `t`: name → (size, size)."""
        return {layer.name: self._attenuation(layer, t) for layer in self.layers}

    def _attenuation(self, layer, t):
        if type(layer.motion) is not anatomy.Motion:
            return layer.attenuation(self.size, t)
        if layer.name not in self._still:
            self._still[layer.name] = layer.attenuation(self.size, t)
        return self._still[layer.name]

    def flow(self, name, t0, t1):
        """
        True motion (size, size, 2) in pixels from `t0` to `t1` of what layer `name` has at each
        pixel at `t0`. The guidewire's sliding along its own line is not in it, only the motion of
        the vessel around it.
        """
        motion = next(layer.motion for layer in self.layers if layer.name == name)
        scale = self.size / UNIT
        axis = (np.arange(self.size) + 0.5) / scale
        x, y = np.meshgrid(axis, axis)
        field = motion.flow(np.stack([x.ravel(), y.ravel()], axis=1), t0, t1)
        return (field * scale).reshape(self.size, self.size, 2).astype(np.float32)

    def exposure(self, t):
        """What one pulse at `t` gives without noise: exp(-sum of mu), scattered and blurred; quanta
        relative to no attenuation.
        """
        key = round((t % self.loop) * 1e6)
        if key not in self._exposures:
            if len(self._exposures) > 4:
                self._exposures.pop(next(iter(self._exposures)))
            d = self.detector
            moments = t + d.pulse_seconds * ((np.arange(d.pulse_samples) + 0.5) / d.pulse_samples - 0.5)
            clean = np.mean([np.exp(-sum(self.attenuation(moment).values())) for moment in moments], axis=0)
            coarse = blur(resize(clean, 32, 32), 3.0)
            primary = blur(clean, d.focal_blur * self.size / UNIT)
            self._exposures[key] = (1 - d.scatter) * primary + d.scatter * resize(coarse, self.size, self.size)
        return self._exposures[key]

    def signal(self, t):
        """The detector's noise-free signal: the pulse at `t` and what lags behind of the pulse
        before.
        """
        d = self.detector
        return (1 - d.lag) * self.exposure(t) + d.lag * self.exposure(t - 1 / d.pulse_rate)

    def noise(self, signal, t):
        """`signal` with quantum and electronic noise: the same for the same seed and time."""
        d = self.detector
        rng = np.random.default_rng([self.seed, round((t % self.loop) * 1e6)])
        quanta = signal * d.dose
        grain = rng.standard_normal(signal.shape).astype(np.float32)
        # Light spreads in the scintillator: quantum noise is slightly correlated.
        grain = blur(grain, 0.55) * 1.75
        counted = quanta + grain * np.sqrt(quanta) + rng.standard_normal(signal.shape).astype(np.float32) * d.electronic
        return np.maximum(counted, 1.0) / d.dose

    def display(self, signal):
        """Grey values on the screen (uint8): logarithmic with an S-shaped window, collimated, with
        the burned-in text.
        """
        depth = -np.log(signal)
        grey = 1 - (depth - 0.45) / (2.2 - 0.45)
        grey = 1 / (1 + np.exp(-4.6 * (grey - 0.5)))
        grey = 14 + 226 * grey * self._aperture
        picture = np.clip(np.round(grey), 0, 255).astype(np.uint8)
        if self.size >= 384:
            self._burn_in(picture)
        return picture

    def _burn_in(self, picture):
        far = self.size - 12
        write_text(picture, 12, 12, "PHANTOM", 200)
        write_text(picture, 12, 30, "NO PATIENT", 150, 1)
        write_text(picture, far - 12 * 7, 12, "RAO  30", 170)
        write_text(picture, far - 12 * 7, 30, "CAU  20", 170)
        write_text(picture, 12, far - 14, "FLUORO", 170)
        write_text(picture, far - 12 * 7, far - 30, "74 KV", 150)
        write_text(picture, far - 12 * 7, far - 14, "15 P/S", 150)

    def frame(self, t):
        """Everything known about the instant `t` (seconds)."""
        layers = self.attenuation(t)
        signal = self.signal(t)
        return Frame(
            t, layers, np.exp(-sum(layers.values())), self.display(signal), self.display(self.noise(signal, t))
        )


def collimator(size):
    """1 in the field, 0 behind the blades: an octagon with soft edges."""
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1
    x, y = np.abs(np.meshgrid(axis, axis))
    gap = np.maximum(np.maximum(x, y) - 0.965, (x + y) / np.sqrt(2) - 1.03)
    return smoothstep(0.006, -0.008, gap)


def scene(seed, size=512, seconds=10.0, detector=None):
    """The phantom of a seed. Odd seeds show the spine on the left, even ones are mirrored."""
    return Scene(seed, size, seconds, detector)


def render(options):
    """Writes a video that loops without a jump: H.264, 4:2:0, no B-frames."""
    phantom = scene(options.seed, options.size, options.seconds)
    count = round(options.seconds * options.fps)
    command = [
        "ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y",
        "-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{options.size}x{options.size}", "-r", str(options.fps), "-i", "-",
        "-c:v", "libx264", "-preset", "slow", "-crf", str(options.crf), "-bf", "0", "-g", str(round(options.fps * 2)),
        "-threads", "2", "-pix_fmt", "yuv420p", "-color_range", "tv",
        "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709",
        "-movflags", "+faststart", "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", options.out,
    ]  # fmt: skip
    child = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        for index in range(count):
            t = index / options.fps
            signal = phantom.signal(t)
            child.stdin.write(phantom.display(signal if options.clean else phantom.noise(signal, t)).tobytes())
            print(f"\r{index + 1}/{count} frames", end="", file=sys.stderr, flush=True)
    finally:
        print(file=sys.stderr)
        child.stdin.close()
        code = child.wait()
    return code


def still(options):
    """Writes one picture."""
    frame = scene(options.seed, options.size, options.seconds).frame(options.time)
    picture = frame.truth if options.clean else frame.noisy
    size = f"{options.size}x{options.size}"
    command = [
        "ffmpeg",
        "-hide_banner",
        "-loglevel",
        "error",
        "-y",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "gray",
        "-s",
        size,
        "-i",
        "-",
        options.out,
    ]
    return subprocess.run(command, input=picture.tobytes(), check=False).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, run, text in (("render", render, "write a looping video"), ("still", still, "write one picture")):
        one = commands.add_parser(name, help=text)
        one.set_defaults(run=run)
        one.add_argument("--out", required=True, help="file to write")
        one.add_argument("--seconds", type=float, default=10.0, help="length of the loop (default 10)")
        one.add_argument("--seed", type=int, default=7, help="which phantom (default 7)")
        one.add_argument("--size", type=int, default=512, help="width and height, a multiple of 16 (default 512)")
        one.add_argument("--clean", action="store_true", help="without noise")
        if name == "render":
            one.add_argument(
                "--fps",
                type=float,
                default=15.0,
                help="frames per second; the motion is the same at any rate (default 15)",
            )
            one.add_argument("--crf", type=int, default=22, help="x264 quality (default 22)")
        else:
            one.add_argument("--time", type=float, default=4.0, help="instant in seconds (default 4)")
    options = parser.parse_args()
    return options.run(options)


if __name__ == "__main__":
    sys.exit(main())
