/** A generated moving clip: the same picture for every contender, with no file behind it. */

/** Repeatable pseudo-random numbers in 0…1 (mulberry32). */
function random(seed: number): () => number {
  let s = seed;
  return () => {
    s = (s + 0x6d2b79f5) | 0;
    let z = Math.imul(s ^ (s >>> 15), 1 | s);
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z;
    return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
  };
}

/** Side of the square texture, a power of two: it wraps. */
const SIDE = 1024;

/** Wrapping value noise in four octaves, 0…255. */
function texture(seed: number): Uint8Array {
  const next = random(seed);
  const sum = new Float32Array(SIDE * SIDE);
  for (const cell of [64, 16, 8, 4]) {
    const n = SIDE / cell;
    const knots = Float32Array.from({ length: n * n }, () => next() - 0.5);
    const knot = (i: number, j: number): number => knots[(j % n) * n + (i % n)] ?? 0;
    for (let y = 0; y < SIDE; y++) {
      const [j, v] = [Math.floor(y / cell), (y % cell) / cell];
      for (let x = 0; x < SIDE; x++) {
        const [i, u] = [Math.floor(x / cell), (x % cell) / cell];
        const top = knot(i, j) + (knot(i + 1, j) - knot(i, j)) * u;
        const low = knot(i, j + 1) + (knot(i + 1, j + 1) - knot(i, j + 1)) * u;
        sum[y * SIDE + x] = (sum[y * SIDE + x] ?? 0) + (top + (low - top) * v) * (40 + cell * 2);
      }
    }
  }
  return Uint8Array.from(sum, (v) => Math.min(Math.max(128 + v, 0), 255));
}

/** Layers from back to front: radius as a share of the height (the first fills the frame), place, velocity in shares of the height per frame. */
const LAYERS = [
  { radius: Number.POSITIVE_INFINITY, x: 0, y: 0, vx: 0.008, vy: 0.003 },
  { radius: 0.22, x: 0.5, y: 0.4, vx: 0.02, vy: 0.006 },
  { radius: 0.15, x: 1.1, y: 0.6, vx: -0.03, vy: -0.004 },
  { radius: 0.1, x: 0.9, y: 0.3, vx: 0.004, vy: 0.03 },
];

/** Tight I420 frames of a panning texture with three textured disks that cross it at other speeds. */
export function movingClip(width: number, height: number, frames: number): Uint8Array[] {
  const textures = LAYERS.map((_, i) => texture(i + 1));
  const [chromaWidth, chromaHeight] = [(width + 1) >> 1, (height + 1) >> 1];
  return Array.from({ length: frames }, (_, n) => {
    const out = new Uint8Array(width * height + 2 * chromaWidth * chromaHeight);
    const sample = (x: number, y: number): number => {
      let value = 0;
      LAYERS.forEach((layer, i) => {
        const dx = x - (layer.x + layer.vx * n) * height;
        const dy = y - (layer.y + layer.vy * n) * height;
        if (dx * dx + dy * dy > (layer.radius * height) ** 2) return;
        const row = Math.floor(dy) & (SIDE - 1);
        value = textures[i]?.[row * SIDE + (Math.floor(dx) & (SIDE - 1))] ?? 0;
      });
      return value;
    };
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) out[y * width + x] = sample(x, y);
    const u = width * height;
    const v = u + chromaWidth * chromaHeight;
    for (let y = 0; y < chromaHeight; y++) {
      for (let x = 0; x < chromaWidth; x++) {
        const luma = out[2 * y * width + 2 * x] ?? 0;
        out[u + y * chromaWidth + x] = 96 + (luma >> 2);
        out[v + y * chromaWidth + x] = 160 - (luma >> 2);
      }
    }
    return out;
  });
}
