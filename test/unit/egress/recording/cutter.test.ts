import { describe, expect, it } from 'vitest';
import { Cutter, type CutUnit } from '../../../../src/egress/recording/cutter.ts';
import { fromMs } from '../../../../src/time.ts';

const unit = (ms: number, traits: Partial<CutUnit> = {}): CutUnit => ({
  ...{ due: fromMs(ms), keyframe: false, silent: false, form: 'encoded' },
  ...traits,
});

/** A cutter of segments of 2 s that has begun one at 0. */
function begun(): Cutter {
  const cutter = new Cutter(fromMs(2000));
  expect(cutter.next(unit(0, { keyframe: true }))).toBe('begin');
  return cutter;
}

describe('Cutter', () => {
  it('waits for a keyframe, and asks for one', () => {
    const cutter = new Cutter(fromMs(2000));
    expect([cutter.next(unit(0)), cutter.wantsKeyframe]).toEqual(['skip', true]);
    expect([cutter.next(unit(33, { keyframe: true })), cutter.wantsKeyframe]).toEqual(['begin', false]);
  });

  it('cuts at the first keyframe after the length of a segment, which it asks for', () => {
    const cutter = begun();
    expect(cutter.next(unit(1000, { keyframe: true }))).toBe('write');
    expect([cutter.next(unit(1990)), cutter.wantsKeyframe]).toEqual(['write', false]);
    expect([cutter.next(unit(2010)), cutter.wantsKeyframe]).toEqual(['write', true]);
    expect([cutter.next(unit(2040, { keyframe: true })), cutter.wantsKeyframe]).toEqual(['begin', false]);
    expect(cutter.next(unit(4020, { keyframe: true }))).toBe('write');
    expect(cutter.next(unit(4040, { keyframe: true }))).toBe('begin');
  });

  it('cuts where the form changes', () => {
    const cutter = begun();
    expect(cutter.next(unit(40, { keyframe: true }))).toBe('write');
    expect(cutter.next(unit(80, { keyframe: true, form: 'passed' }))).toBe('begin');
    expect(cutter.next(unit(120, { form: 'passed' }))).toBe('write');
  });

  it('cuts where it is told to, at the next keyframe', () => {
    const cutter = begun();
    cutter.cut();
    expect([cutter.next(unit(40)), cutter.wantsKeyframe]).toEqual(['write', true]);
    expect(cutter.next(unit(80, { keyframe: true }))).toBe('begin');
    expect(cutter.wantsKeyframe).toBe(false);
  });

  it('ends a segment of a source that has been silent for 10 s, and begins with its return', () => {
    const cutter = begun();
    expect(cutter.next(unit(9_900, { silent: true }))).toBe('write');
    expect(cutter.next(unit(10_100, { silent: true, keyframe: true }))).toBe('end');
    expect(cutter.next(unit(11_000, { silent: true, keyframe: true }))).toBe('skip');
    expect([cutter.next(unit(12_000)), cutter.wantsKeyframe]).toEqual(['skip', true]);
    expect(cutter.next(unit(12_033, { keyframe: true }))).toBe('begin');
  });
});
