/** Drawn clips for the set of cut events: no file behind them. */
import type { Clips } from './cut-events.ts';
import { MIN_SHOT } from './cut-events.ts';
import type { Picture } from './cut-pictures.ts';
import { seededRandom } from './random.ts';

/** Luma, and both colours around 0, at a place in 0…1. */
type Paint = (x: number, y: number) => readonly [luma: number, u: number, v: number];

function paint(width: number, height: number, of: Paint): Picture {
  const luma = new Uint8Array(width * height);
  const u = new Uint8Array(luma.length / 4);
  const v = new Uint8Array(luma.length / 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [l, cu, cv] = of(x / width, y / height);
      luma[y * width + x] = Math.max(16, Math.min(235, l));
      if ((x | y) & 1) continue;
      const at = ((y >> 1) * width) / 2 + (x >> 1);
      u[at] = Math.max(16, Math.min(240, 128 + cu));
      v[at] = Math.max(16, Math.min(240, 128 + cv));
    }
  }
  return { width, height, luma, u, v };
}

/** A background of waves, and discs before it that go their own ways; of one hue or another. Moves with `i`. */
function world(seed: number, calm: number): (i: number) => Paint {
  const random = seededRandom(seed);
  const waves = Array.from({ length: 7 }, () => ({
    kx: (random() - 0.5) * 80,
    ky: (random() - 0.5) * 50,
    phase: random() * 6.28,
    size: 6 + random() * 16,
  }));
  const discs = Array.from({ length: 7 }, () => ({
    x: random(),
    y: random(),
    vx: ((random() - 0.5) * calm) / 20,
    vy: ((random() - 0.5) * calm) / 30,
    radius: 0.06 + random() * 0.16,
    luma: 30 + random() * 190,
    u: (random() - 0.5) * 90,
    v: (random() - 0.5) * 90,
  }));
  const [mean, u0, v0] = [70 + random() * 90, (random() - 0.5) * 50, (random() - 0.5) * 50];
  const [panX, panY] = [((random() - 0.5) * calm) / 25, ((random() - 0.5) * calm) / 50];
  return (i) => (x, y) => {
    for (const { x: dx, y: dy, vx, vy, radius, luma, u, v } of discs) {
      const [away, below] = [x - (dx + vx * i), (y - (dy + vy * i)) * 0.6];
      if (away * away + below * below < radius * radius) return [luma + 60 * away, u, v];
    }
    let sum = mean;
    for (const { kx, ky, phase, size } of waves)
      sum += size * Math.sin(kx * (x - panX * i) + ky * (y - panY * i) + phase);
    return [sum, u0 + (sum - mean) / 4, v0 - (sum - mean) / 5];
  };
}

/** A beating shadow and a thin wire in a round field, grey. */
function xray(seed: number, random: () => number): (i: number) => Paint {
  const back = world(seed, 0)(0);
  return (i) => {
    const beat = 0.2 + 0.02 * Math.sin(i / 2.5);
    return (x, y) => {
      const [away, below] = [x - 0.5, (y - 0.5) * 0.6];
      if (away * away + below * below > 0.075) return [16, 0, 0];
      const heart = Math.hypot(x - 0.55, (y - 0.55) * 0.6) < beat ? 0.75 : 1;
      const wire = Math.abs(y - 0.3 - 0.1 * Math.sin(6 * x + i / 3)) < 0.012 ? 0.5 : 1;
      return [(60 + 0.6 * back(x, y)[0]) * heart * wire + (random() - 0.5) * 8, 0, 0];
    };
  };
}

/** Clips of a size: sixteen films of a shot each, from still to fast. */
export function drawnClips(width: number, height: number): Clips {
  const shot = (of: (i: number) => Paint): Picture[] =>
    Array.from({ length: MIN_SHOT }, (_, i) => paint(width, height, of(i)));
  const worlds = Array.from({ length: 16 }, (_, i) => world(100 + i, (i % 4) / 2));
  const films = worlds.map((of) => [shot(of)]);
  const stills = worlds.map((of) => paint(2 * width, 2 * height, of(0)));
  const random = seededRandom(5);
  return { films, stills, xray: [1, 2].map((seed) => shot(xray(seed, random))) };
}
