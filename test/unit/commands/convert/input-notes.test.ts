import { expect, it } from 'vitest';
import { inputFaults } from '../../../../src/commands/convert/input-notes.ts';
import { Damage } from '../../../../src/ingest/file/damage.ts';
import { micros, ZERO } from '../../../../src/time.ts';

const seconds = (value: number) => micros(value * 1e6);

it('an input without faults has no notes', () => {
  const faults = inputFaults({ damage: new Damage().report(ZERO), joins: [], mended: 0 });
  expect(faults).toEqual({ damagedFrames: 0, lostFrames: 0, damaged: false, notes: [] });
});

it('names each fault and where it is', () => {
  const damage = new Damage();
  for (const at of [3.2, 3.24, 9]) damage.note('frame', seconds(at));
  damage.note('frame', seconds(9));
  damage.note('unit', seconds(5));
  damage.noteMissing(20);
  damage.noteBreak(seconds(11));
  damage.noteEnd('ends after 12.00 s: it is cut off, 20.00 s were declared');
  const joins = [
    { at: seconds(4), from: seconds(5.4), to: seconds(1.4) },
    { at: seconds(6), from: seconds(3.4), to: seconds(903.4) },
  ];
  expect(inputFaults({ damage: damage.report(seconds(1)), joins, mended: 2 })).toEqual({
    damagedFrames: 3,
    lostFrames: 21,
    damaged: true,
    notes: [
      'the input is damaged: 3 frames were concealed by the decoder at 2.20 s, 8.00 s',
      '1 frame was not decodable and interpolated across at 4.00 s',
      '20 coded frames of the input gave no picture',
      'the container of the input is broken at 10.00 s, and was read on behind',
      'the input ends after 12.00 s: it is cut off, 20.00 s were declared',
      "the input's timestamps go back from 5.40 s to 1.40 s: the output goes on without a gap at 4.00 s, which counts as a cut",
      "the input's timestamps jump from 3.40 s to 903.40 s: the output goes on without a gap at 6.00 s, which counts as a cut",
      '2 frames of the input have no usable timestamp, and stand evenly between the others',
    ],
  });
});

it('many places are counted', () => {
  const damage = new Damage();
  for (let i = 0; i < 100; i += 1) damage.note('frame', seconds(i * 10));
  expect(damage.report(ZERO).notes[0]).toMatch(/100 frames .* at 0\.00 s, 10\.00 s, .* 40\.00 s and 95 other places$/);
});

it('frames may be missing near damage, and nowhere else', () => {
  const damage = new Damage();
  damage.note('unit', seconds(10));
  expect(damage.isLossy(seconds(9.9), seconds(10.1))).toBe(true);
  expect(damage.isLossy(seconds(2), seconds(8))).toBe(false);
  expect(damage.isLossy(seconds(12), seconds(13))).toBe(false);
});
