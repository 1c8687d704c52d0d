/** Small I420 pictures for the set of cut events, and what may be done to them. */

/** Planes without stride; width and height are even. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly luma: Uint8Array;
  readonly u: Uint8Array;
  readonly v: Uint8Array;
}

/** A number for each place of a picture, x and y in 0…1. */
type Field = (x: number, y: number) => number;

const level = (value: number): number => Math.max(0, Math.min(255, Math.round(value)));

/** Luma `gain · (l − 16) + 16 + offset`, chroma `gain · (c − 128) + 128`; each may differ from place to place. */
export function tone(p: Picture, gain: Field, offset: Field = () => 0): Picture {
  const { width, height } = p;
  const luma = p.luma.map((l, i) => {
    const [x, y] = [(i % width) / width, Math.floor(i / width) / height];
    return level(gain(x, y) * (l - 16) + 16 + offset(x, y));
  });
  const chroma = (plane: Uint8Array): Uint8Array =>
    plane.map((c, i) => {
      const [x, y] = [(i % (width / 2)) / (width / 2), Math.floor(i / (width / 2)) / (height / 2)];
      return level(gain(x, y) * (c - 128) + 128);
    });
  return { width, height, luma, u: chroma(p.u), v: chroma(p.v) };
}

/** (1 − t) of `a` and t of `b`; t may differ from place to place. */
export function mixed(a: Picture, b: Picture, t: number): Picture {
  const mix = (p: Uint8Array, q: Uint8Array): Uint8Array => p.map((l, i) => level(l + t * ((q[i] ?? 0) - l)));
  return { ...a, luma: mix(a.luma, b.luma), u: mix(a.u, b.u), v: mix(a.v, b.v) };
}

/** `inside` where `where` is true, `outside` elsewhere. */
export function composed(outside: Picture, inside: Picture, where: (x: number, y: number) => boolean): Picture {
  const { width, height } = outside;
  const plane = (p: Uint8Array, q: Uint8Array, w: number, h: number): Uint8Array =>
    p.map((l, i) => (where((i % w) / w, Math.floor(i / w) / h) ? (q[i] ?? 0) : l));
  return {
    ...outside,
    luma: plane(outside.luma, inside.luma, width, height),
    u: plane(outside.u, inside.u, width / 2, height / 2),
    v: plane(outside.v, inside.v, width / 2, height / 2),
  };
}

/** One level everywhere, without colour. */
export function flat({ width, height }: Picture, luma: number, u = 128, v = 128): Picture {
  const chroma = (width * height) / 4;
  return {
    ...{ width, height, luma: new Uint8Array(width * height).fill(luma) },
    u: new Uint8Array(chroma).fill(u),
    v: new Uint8Array(chroma).fill(v),
  };
}

/** Luma noise of ± `reach` levels. */
export function grainy(p: Picture, reach: number, random: () => number): Picture {
  return { ...p, luma: p.luma.map((l) => level(l + (2 * random() - 1) * reach)) };
}

/** The hue turned by `degrees`, and so many levels of colour of that hue for all. */
export function hue(p: Picture, degrees: number, tint = 0): Picture {
  const [sin, cos] = [Math.sin((degrees * Math.PI) / 180), Math.cos((degrees * Math.PI) / 180)];
  const turn = (of: (u: number, v: number) => number): Uint8Array =>
    p.u.map((u, i) => level(128 + of(u - 128 + tint, (p.v[i] ?? 128) - 128)));
  return { ...p, u: turn((u, v) => cos * u - sin * v), v: turn((u, v) => sin * u + cos * v) };
}

/** The part of a larger picture with its corner at (x, y) samples, nearest even ones. */
export function window(p: Picture, x: number, y: number, width: number, height: number): Picture {
  const [left, top] = [2 * Math.round(x / 2), 2 * Math.round(y / 2)];
  const plane = (from: Uint8Array, stride: number, l: number, t: number, w: number, h: number): Uint8Array => {
    const out = new Uint8Array(w * h);
    for (let row = 0; row < h; row++) {
      const at = (t + row) * stride + l;
      out.set(from.subarray(at, at + w), row * w);
    }
    return out;
  };
  const chroma = (from: Uint8Array): Uint8Array => plane(from, p.width / 2, left / 2, top / 2, width / 2, height / 2);
  return { width, height, luma: plane(p.luma, p.width, left, top, width, height), u: chroma(p.u), v: chroma(p.v) };
}
