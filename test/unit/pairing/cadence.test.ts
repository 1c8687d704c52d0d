import { describe, expect, it } from 'vitest';
import { Arena } from '../../../src/media/arena.ts';
import { Cadence, type Judged } from '../../../src/pairing/cadence.ts';
import { ChangeMeter } from '../../../src/pairing/picture-change.ts';
import { micros } from '../../../src/time.ts';
import { type Cartoon, cartoonFrame, heldFor, natural, pulledDown } from '../../support/cartoon.ts';

/** A file is looked ahead in, a live stream is not. */
const FILE = 24;
const LIVE = 0;

/** What each frame is judged to be. */
function judge(cartoon: Cartoon, ahead: number): { judged: Judged[]; cadence: Cadence } {
  const arena = new Arena(16);
  const meter = new ChangeMeter();
  const cadence = new Cadence({ ahead });
  const judged: Judged[] = [];
  for (let i = 0; i < cartoon.frames; i++) {
    const frame = cartoonFrame(arena, cartoon, i);
    const one = cadence.next(frame.pts, meter.next(frame));
    if (one) judged.push(one);
    frame.release();
  }
  for (let one = cadence.end(); one; one = cadence.end()) judged.push(one);
  expect(judged).toHaveLength(cartoon.frames);
  return { judged, cadence };
}

/** Frames that are judged repetitions; and those that are. */
const found = (judged: readonly Judged[]): number[] => judged.flatMap(({ repeat }, i) => (repeat ? [i] : []));
const repeats = ({ frames, pictureOf }: Cartoon): number[] =>
  Array.from({ length: frames }, (_, i) => i).filter((i) => i > 0 && pictureOf(i) === pictureOf(i - 1));

const KINDS: readonly [string, Partial<Cartoon> & Pick<Cartoon, 'pictureOf'>][] = [
  ['animation on twos', { fps: 24, pictureOf: heldFor(2) }],
  ['animation on threes', { fps: 24, pictureOf: heldFor(3) }],
  ['twos and threes in turn', { fps: 24, pictureOf: heldFor(2, 3, 2, 2, 3) }],
  ['24 in 30', { fps: 30, pictureOf: pulledDown(24, 30) }],
  ['25 in 30', { fps: 30, pictureOf: pulledDown(25, 30) }],
  ['24 in 60', { fps: 60, pictureOf: pulledDown(24, 60) }],
  ['30 in 60', { fps: 60, pictureOf: pulledDown(30, 60) }],
  ['7.5 pulses in 30', { fps: 30, pictureOf: pulledDown(7.5, 30) }],
];
const DISTURBED: readonly [string, Partial<Cartoon>][] = [
  ['clean', {}],
  ['with grain', { grain: 14 }],
  ['a mouth alone, with grain', { grain: 10, moves: 'mouth' }],
];

describe('Cadence', () => {
  for (const [kind, cadence] of KINDS) {
    it.each(DISTURBED)(`finds each repetition of ${kind}, %s, in a file`, (_, disturbed) => {
      const cartoon: Cartoon = { frames: 72, fps: 24, ...cadence, ...disturbed };
      expect(found(judge(cartoon, FILE).judged)).toEqual(repeats(cartoon));
    });

    it(`finds each repetition of ${kind} with grain, from the second second on, live`, () => {
      const cartoon: Cartoon = { frames: 2 * (cadence.fps ?? 24), fps: 24, ...cadence, grain: 14 };
      const after = (numbers: readonly number[]): number[] => numbers.filter((i) => i >= cartoon.fps);
      const judged = found(judge(cartoon, LIVE).judged);
      expect(after(judged)).toEqual(after(repeats(cartoon)));
      expect(judged.filter((i) => !repeats(cartoon).includes(i))).toEqual([]);
    });
  }

  it.each([
    ['24 in 30', 24, 30],
    ['25 in 30', 25, 30],
    ['24 in 60', 24, 60],
  ])('gives the pictures of %s even times, none before its own', (_, pictures, fps) => {
    const cartoon: Cartoon = { frames: 90, fps, pictureOf: pulledDown(pictures, fps), grain: 8 };
    const { judged, cadence } = judge(cartoon, FILE);
    const drawn = judged.flatMap(({ repeat, at }, i) => (repeat ? [] : [{ at, own: (i * 1e6) / fps }]));
    // The first one begins the output, however even that is.
    for (const [k, { at, own }] of drawn.slice(1).entries()) {
      expect(at).toBeGreaterThanOrEqual(own - 1);
      expect(Math.abs(at - (drawn[1]?.at ?? 0) - (k * 1e6) / pictures)).toBeLessThan(50);
    }
    expect(Math.abs((cadence.interval ?? 0) / (1e6 / pictures) - 1)).toBeLessThan(0.03);
  });

  it('leaves ones, pans over drawings, and what follows twos alone', () => {
    const cartoon: Cartoon = {
      frames: 144,
      fps: 24,
      grain: 8,
      pictureOf: (i) => (i < 48 ? i >> 1 : i < 96 ? i : 200 + (i >> 1)),
      panFrom: 48,
      panTo: 96,
    };
    for (const ahead of [FILE, LIVE]) {
      const judged = found(judge(cartoon, ahead).judged);
      expect(judged.filter((i) => !repeats(cartoon).includes(i))).toEqual([]);
      expect(judged.filter((i) => i >= 120)).toEqual(repeats(cartoon).filter((i) => i >= 120));
    }
  });

  it.each([
    ['moves evenly', 0],
    ['moves in fits and starts', 1],
    ['rests now and then', 2],
    ['hardly moves', 3],
  ])('takes no frame from a natural scene that %s', (_, manner) => {
    for (const ahead of [FILE, LIVE]) {
      for (let seed = 0; seed < 2; seed++) {
        const { judged, cadence } = judge(natural(manner, seed), ahead);
        expect(found(judged)).toEqual([]);
        expect(cadence.interval).toBeUndefined();
      }
    }
  });

  it('begins anew where nothing before a frame counts', () => {
    const cartoon: Cartoon = { frames: 96, fps: 24, pictureOf: heldFor(2), breakAt: 51 };
    const judged = found(judge(cartoon, FILE).judged);
    expect(judged).toEqual(repeats(cartoon).filter((i) => i !== 51));
  });

  it('judges times that are not even by themselves', () => {
    const cadence = new Cadence({ ahead: LIVE });
    expect(cadence.next(micros(5), undefined)).toEqual({ repeat: false, at: 5 });
    expect(cadence.end()).toBeUndefined();
  });
});
