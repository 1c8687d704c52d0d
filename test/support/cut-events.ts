/**
 * The set that the cut detector is judged by: short sequences with one event each, made of clips.
 * Deterministic for a seed.
 */

import { composed, flat, grainy, hue, mixed, type Picture, tone, window } from './cut-pictures.ts';
import { seededRandom } from './random.ts';

/** What events are made of. All pictures of a set are of one size, stills of twice that. */
export interface Clips {
  /** For each film its shots: pictures in a row without a cut, at least {@link MIN_SHOT}. */
  readonly films: readonly (readonly (readonly Picture[])[])[];
  readonly stills: readonly Picture[];
  /** Pulses of X-ray, a run each. */
  readonly xray: readonly (readonly Picture[])[];
}

/** A sequence, and the numbers of the pictures that begin a new scene. */
export interface CutEvent {
  readonly kind: string;
  readonly pictures: readonly Picture[];
  readonly cuts: readonly number[];
}

/** Pictures that a shot needs, at least. */
export const MIN_SHOT = 24;
/** The picture at which something happens. */
const AT = 12;

/** Draws from the clips. */
class Draw {
  readonly #clips: Clips;
  readonly random: () => number;

  constructor(clips: Clips, seed: number) {
    this.#clips = clips;
    this.random = seededRandom(seed);
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.random();
  }

  pick<T>(from: readonly T[]): T {
    const one = from[Math.floor(this.random() * from.length)];
    if (one === undefined) throw new Error('nothing to draw from');
    return one;
  }

  /** Pictures in a row of one shot. */
  run(from = this.pick(this.#clips.films)): readonly Picture[] {
    const [n, shot] = [MIN_SHOT, this.pick(from)];
    const start = Math.floor(this.random() * (shot.length - n + 1));
    return shot.slice(start, start + n);
  }

  /** Of two different shots. */
  two(): readonly [readonly Picture[], readonly Picture[]] {
    const a = this.pick(this.pick(this.#clips.films));
    const others = this.#clips.films
      .map((film) => film.filter((shot) => shot !== a))
      .filter(({ length }) => length > 0);
    return [this.run([a]), this.run(this.pick(others))];
  }

  still(): Picture {
    return this.pick(this.#clips.stills);
  }

  xray(): readonly Picture[] {
    return this.run(this.#clips.xray);
  }
}

type Kind = (draw: Draw) => Omit<CutEvent, 'kind'>;

/** A cut, with something done to all pictures. */
const cut =
  (change: (p: Picture, i: number, draw: Draw) => Picture = (p) => p): Kind =>
  (draw) => {
    const [a, b] = draw.two();
    return { pictures: [...a.slice(0, AT), ...b.slice(0, AT)].map((p, i) => change(p, i, draw)), cuts: [AT] };
  };

/** One shot, in which something happens that is no new scene. */
const noCut =
  (change: (p: Picture, i: number, all: readonly Picture[]) => Picture, xray = false): Kind =>
  (draw) => {
    const all = xray ? draw.xray() : draw.run();
    return { pictures: all.map((p, i) => change(p, i, all)), cuts: [] };
  };

/** A kind whose parameters are drawn once for each event. */
const drawn =
  (make: (draw: Draw) => Kind): Kind =>
  (draw) =>
    make(draw)(draw);

const boxed = (p: Picture, x: number, y: number, black = 16): Picture =>
  composed(flat(p, black), p, (px, py) => Math.abs(px - 0.5) < x / 2 && Math.abs(py - 0.5) < y / 2);

const clamp01 = (t: number): number => Math.max(0, Math.min(1, t));

/** How far a change over `steps` pictures has come that begins at picture 6. */
const ramp = (i: number, steps: number): number => clamp01((i - 5) / steps);

const fade = (level: number, steps: number, out: boolean): Kind =>
  noCut((p, i) => mixed(flat(p, level), p, out ? 1 - ramp(i, steps) : ramp(i, steps)));

const pan =
  (speed: number, angle: number): Kind =>
  (draw) => {
    const still = draw.still();
    const [width, height] = [still.width / 2, still.height / 2];
    const [dx, dy] = [Math.cos(angle) * speed * width, Math.sin(angle) * speed * width];
    const bounce = (at: number, room: number): number => {
      const m = ((at % (2 * room)) + 2 * room) % (2 * room);
      return m < room ? m : 2 * room - m;
    };
    const [x0, y0] = [draw.between(0.2, 0.8) * width, draw.between(0.2, 0.8) * height];
    const pictures = Array.from({ length: MIN_SHOT }, (_, i) => {
      const n = Math.max(0, i - 6);
      return window(still, bounce(x0 + dx * n, width), bounce(y0 + dy * n, height), width, height);
    });
    return { pictures, cuts: [] };
  };

/** Every kind of event: its maker and how often it is drawn. Names that begin with "cut" hold a cut. */
const KINDS: readonly (readonly [kind: string, times: number, make: Kind])[] = [
  ['cut', 24, cut()],
  [
    'cut pillarbox',
    14,
    drawn((d) => {
      const w = d.between(0.3, 0.78);
      return cut((p) => boxed(p, w, 1));
    }),
  ],
  [
    'cut letterbox',
    14,
    drawn((d) => {
      const h = d.between(0.4, 0.86);
      return cut((p) => boxed(p, 1, h));
    }),
  ],
  [
    'cut windowbox',
    8,
    drawn((d) => {
      const s = d.between(0.45, 0.7);
      return cut((p) => boxed(p, s, s, 30));
    }),
  ],
  ['cut luma × 0.12', 14, cut((p) => tone(p, () => 0.12))],
  ['cut luma × 0.08', 14, cut((p) => tone(p, () => 0.08))],
  [
    'cut low contrast',
    10,
    cut((p) =>
      tone(
        p,
        () => 0.15,
        () => 90,
      ),
    ),
  ],
  ['cut noise', 12, cut((p, _, d) => grainy(p, 14, d.random))],
  [
    'cut dark and noise',
    8,
    cut((p, _, d) =>
      grainy(
        tone(p, () => 0.3),
        6,
        d.random,
      ),
    ),
  ],
  [
    'cut beside stillness',
    12,
    (draw) => {
      const [a, b] = draw.two();
      const still = draw.run()[0] ?? flat(a[0] ?? draw.still(), 90);
      const share = draw.between(0.25, 0.6);
      const pictures = [...a.slice(0, AT), ...b.slice(0, AT)].map((p) => composed(p, still, (x) => x < share));
      return { pictures, cuts: [AT] };
    },
  ],
  [
    'cut of hue alone',
    10,
    drawn((d) => {
      const [from, by, tint] = [d.between(0, 360), d.between(90, 270), d.between(20, 40)];
      return (draw) => {
        const all = draw.run();
        return { pictures: all.map((p, i) => hue(p, i < AT ? from : from + by, tint)), cuts: [AT] };
      };
    }),
  ],
  [
    'cut to still picture',
    8,
    (draw) => {
      const [a, b] = draw.two();
      const held = b[0] ?? draw.still();
      return { pictures: [...a.slice(0, AT), ...Array.from({ length: AT }, () => held)], cuts: [AT] };
    },
  ],
  [
    'cut from black',
    6,
    (draw) => {
      const a = draw.run();
      return { pictures: a.map((p, i) => (i < AT ? flat(p, 16) : p)), cuts: [AT] };
    },
  ],
  [
    'cut twice in half a second',
    8,
    (draw) => {
      const [a, b] = draw.two();
      return { pictures: [...a.slice(0, 8), ...b.slice(0, 8), ...a.slice(8, 16)], cuts: [8, 16] };
    },
  ],
  ['motion', 40, noCut((p) => p)],
  [
    'motion in bars',
    10,
    drawn((d) => {
      const w = d.between(0.3, 0.8);
      return noCut((p) => boxed(p, w, 1));
    }),
  ],
  [
    'motion in the dark',
    10,
    drawn(
      (d) => (draw) =>
        noCut((p) =>
          grainy(
            tone(p, () => 0.1),
            3,
            d.random,
          ),
        )(draw),
    ),
  ],
  ['motion in noise', 8, drawn((d) => noCut((p) => grainy(p, 20, d.random)))],
  ['fade in, 6', 10, fade(16, 6, false)],
  ['fade in, 12', 12, fade(16, 12, false)],
  ['fade out, 6', 10, fade(16, 6, true)],
  ['fade out, 12', 12, fade(16, 12, true)],
  ['fade from white', 8, fade(235, 12, false)],
  ['fade to white', 8, fade(235, 12, true)],
  [
    'fade in bars',
    8,
    drawn((d) => {
      const h = d.between(0.4, 0.86);
      return noCut((p, i) => boxed(mixed(flat(p, 16), p, ramp(i, 12)), 1, h));
    }),
  ],
  ...[8, 12, 18].map(
    (steps) =>
      [
        `dissolve, ${steps}`,
        10,
        ((draw) => {
          const [a, b] = draw.two();
          return { pictures: a.map((p, i) => mixed(p, b[i] ?? p, ramp(i, steps))), cuts: [] };
        }) as Kind,
      ] as const,
  ),
  [
    'flash, clipped',
    10,
    drawn((d) => {
      const by = d.between(60, 200);
      return noCut((p, i) =>
        i === AT
          ? tone(
              p,
              () => 1,
              () => by,
            )
          : p,
      );
    }),
  ],
  [
    'flash, gain',
    10,
    drawn((d) => {
      const by = d.between(1.6, 3.5);
      return noCut((p, i) => (i === AT ? tone(p, () => by) : p));
    }),
  ],
  ['flash, white', 6, noCut((p, i) => (i === AT ? flat(p, 235) : p))],
  [
    'flash, local',
    8,
    drawn((d) => {
      const [x0, y0, r] = [d.random(), d.random(), d.between(0.2, 0.5)];
      const glow = (x: number, y: number): number => 250 * Math.max(0, 1 - Math.hypot(x - x0, y - y0) / r);
      return noCut((p, i) => (i === AT || i === AT + 1 ? tone(p, () => 1, glow) : p));
    }),
  ],
  ['pan', 16, drawn((d) => pan(d.between(0.005, 0.05), d.between(0, 6.28)))],
  [
    'light over 6',
    14,
    drawn((d) => {
      const [to, by] = [d.between(1.3, 2.5), d.between(0, 40)];
      const up = d.random() < 0.5;
      const part = (i: number): number => (up ? ramp(i, 6) : 1 - ramp(i, 6));
      return noCut((p, i) =>
        tone(
          tone(p, () => 0.5),
          () => 1 + (to - 1) * part(i),
          () => by * part(i),
        ),
      );
    }),
  ],
  [
    'light at once',
    12,
    drawn((d) => {
      const [to, by] = [d.between(1.3, 2.2), d.between(0, 25)];
      const up = d.random() < 0.5;
      return noCut((p, i) =>
        i < AT === up
          ? tone(p, () => 0.5)
          : tone(
              p,
              () => 0.5 * to,
              () => by,
            ),
      );
    }),
  ],
  [
    'light from one side',
    10,
    drawn((d) => {
      const to = d.between(0.8, 2);
      return noCut((p, i) => tone(p, (x) => 0.4 + to * x * ramp(i, 6)));
    }),
  ],
  [
    'pulse brightness',
    24,
    drawn((d) => {
      const steps = Array.from({ length: MIN_SHOT }, () => d.between(0.7, 1.35));
      return noCut((p, i) => tone(p, () => 0.7 * (steps[i] ?? 1)), true);
    }),
  ],
  [
    'pulse brightness step',
    16,
    drawn((d) => {
      const [by, offset] = [d.between(1.2, 1.8), d.between(-10, 20)];
      return noCut(
        (p, i) =>
          i < AT
            ? tone(p, () => 0.55)
            : tone(
                p,
                () => 0.55 * by,
                () => offset,
              ),
        true,
      );
    }),
  ],
  ['X-ray', 10, noCut((p) => p, true)],
  [
    'text appears',
    8,
    drawn((d) => {
      const y0 = d.between(0.5, 0.75);
      const stripes = (x: number): number => (Math.floor(x * 60) % 3 === 0 ? 1 : 0);
      return noCut((p, i) => {
        const box = tone(
          flat(p, 30),
          () => 1,
          (x) => 190 * stripes(x),
        );
        return i < AT ? p : composed(p, box, (x, y) => y > y0 && y < y0 + 0.16 && x > 0.1 && x < 0.9);
      });
    }),
  ],
  [
    'object passes',
    8,
    drawn((d) => {
      const [y0, speed, radius] = [d.between(0.3, 0.7), d.between(0.02, 0.06), d.between(0.1, 0.2)];
      return (draw) => {
        const other = draw.run()[0] ?? draw.still();
        return noCut((p, i) =>
          composed(
            p,
            tone(other, () => 1),
            (x, y) => Math.hypot((x - speed * i) * 1.6, y - y0) < radius,
          ),
        )(draw);
      };
    }),
  ],
  [
    'exposure pumps',
    8,
    drawn((d) => {
      const by = d.between(5, 15);
      return noCut((p, i) =>
        tone(
          p,
          () => 1,
          () => by * Math.sin(i / 2),
        ),
      );
    }),
  ],
];

/** The events of the set: `share` of each kind, one at least; `only`: kinds with that in their name. */
export function* cutEvents(clips: Clips, seed: number, share = 1, only = ''): Generator<CutEvent> {
  for (const [index, [kind, times, make]] of KINDS.entries()) {
    if (!kind.includes(only)) continue;
    for (let n = 0; n < Math.max(1, Math.round(times * share)); n++) {
      yield { kind, ...make(new Draw(clips, seed * 1_000_003 + index * 1009 + n)) };
    }
  }
}
