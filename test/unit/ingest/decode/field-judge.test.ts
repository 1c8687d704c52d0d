import { describe, expect, it } from 'vitest';
import { type Columns, fieldEvidence } from '../../../../src/ingest/decode/field-evidence.ts';
import { FieldJudge, type Scan } from '../../../../src/ingest/decode/field-judge.ts';
import { seededRandom } from '../../../support/random.ts';

const WIDTH = 60;
const ROWS = 64;

/** Something smooth that moves; noise, new at each moment, over it. */
function moment(time: number, noise = 0): Uint8Array {
  const random = seededRandom(900 + Math.round(time * 1000));
  const samples = new Uint8Array(WIDTH * ROWS);
  const x0 = 30 + 22 * Math.sin(time / 5);
  for (let y = 0; y < ROWS; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const disc = 120 / (1 + Math.exp((Math.hypot(x - x0, y - 30) - 14) * 1.2));
      samples[y * WIDTH + x] = 60 + disc + noise * random();
    }
  }
  return samples;
}

/** A frame of two moments: even rows of one, odd rows of the other. */
function woven(even: Uint8Array, odd: Uint8Array): Columns {
  const samples = even.map((value, k) => ((Math.floor(k / WIDTH) & 1) === 0 ? value : (odd[k] ?? 0)));
  return { samples, width: WIDTH, rows: ROWS };
}

const MAKE: Readonly<Record<string, (i: number) => Columns>> = {
  'whole frames': (i) => woven(moment(i), moment(i)),
  'whole frames with noise': (i) => woven(moment(i, 20), moment(i, 20)),
  'upper lines first': (i) => woven(moment(i), moment(i + 0.5)),
  'lower lines first': (i) => woven(moment(i + 0.5), moment(i)),
  'upper lines first, with noise': (i) => woven(moment(i, 6), moment(i + 0.5, 6)),
  // A A | B B | B C | C D | D D
  film: (i) => {
    const [even, odd] = [
      [0, 0],
      [1, 1],
      [1, 2],
      [2, 3],
      [3, 3],
    ][i % 5] ?? [0, 0];
    const cycle = 4 * Math.floor(i / 5);
    return woven(moment((cycle + (even ?? 0)) * 1.25), moment((cycle + (odd ?? 0)) * 1.25));
  },
  'drawings on twos': (i) => woven(moment(i & ~1), moment(i & ~1)),
};

function judged(make: (i: number) => Columns, frames = 24, flagged = false): FieldJudge {
  const judge = new FieldJudge();
  for (let i = 1; i < frames - 1; i++) judge.observe(fieldEvidence(make(i - 1), make(i), make(i + 1)), flagged);
  return judge;
}

describe('FieldJudge', () => {
  it.each<[string, Scan, boolean]>([
    ['whole frames', 'progressive', false],
    ['whole frames with noise', 'progressive', false],
    ['drawings on twos', 'progressive', false],
    ['upper lines first', 'interlaced', false],
    ['upper lines first, with noise', 'interlaced', false],
    ['lower lines first', 'interlaced', true],
    ['film', 'film', false],
  ])('finds %s to be %s, whatever the flags say', (kind, scan, bottomFirst) => {
    const make = MAKE[kind] ?? MAKE.film;
    for (const flagged of [false, true]) {
      const judge = judged(make as (i: number) => Columns, 24, flagged); // every kind is made
      expect(judge.scan).toBe(scan);
      if (scan !== 'progressive') expect(judge.bottomFirst).toBe(bottomFirst);
      if (scan === 'interlaced') expect(judge.flagsAreRight).toBe(flagged);
    }
  });

  it('says nothing of a still picture, however long', () => {
    const still = woven(moment(0), moment(0));
    expect(judged(() => still, 100).scan).toBeUndefined();
  });

  it('changes its mind when the video changes, and not before', () => {
    const judge = judged(MAKE['upper lines first'] as (i: number) => Columns); // it is made
    const whole = MAKE['whole frames'] as (i: number) => Columns; // it is made
    const scans: (Scan | undefined)[] = [];
    for (let i = 1; i < 60; i++) {
      judge.observe(fieldEvidence(whole(i - 1), whole(i), whole(i + 1)), false);
      scans.push(judge.scan);
    }
    expect(scans.slice(0, 10)).toEqual(Array(10).fill('interlaced'));
    expect(scans.at(-1)).toBe('progressive');
  });
});
