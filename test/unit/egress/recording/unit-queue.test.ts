import { describe, expect, it } from 'vitest';
import { UnitQueue } from '../../../../src/egress/recording/unit-queue.ts';
import { micros } from '../../../../src/time.ts';
import { pictureUnit, soundUnit } from '../../../support/recorded.ts';

const picture = (at: number, keyframe = false) => ({
  ...{ picture: { ...pictureUnit(micros(at)), keyframe, data: Buffer.alloc(100) }, wall: 0 },
});

function drained(queue: UnitQueue): number[] {
  const found: number[] = [];
  for (let unit = queue.shift(); unit; unit = queue.shift()) if ('picture' in unit) found.push(unit.picture.due);
  return found;
}

describe('UnitQueue', () => {
  it('drops what comes when it is full, to the next keyframe that finds it half empty, and counts pictures', () => {
    const queue = new UnitQueue(350);
    expect([1, 2, 3, 4].map((at) => queue.push(picture(at, at === 1)))).toEqual([true, true, true, false]);
    expect(queue.wantsKeyframe).toBe(false);
    expect(queue.push({ sound: soundUnit('opus', micros(4)) })).toBe(false);
    queue.shift();
    // There is room, but nothing before it that it could be decoded with.
    expect(queue.push(picture(5))).toBe(false);
    expect(queue.push(picture(6, true))).toBe(false);
    queue.shift();
    expect(queue.wantsKeyframe).toBe(true);
    expect(queue.push(picture(7))).toBe(false);
    expect([queue.push(picture(8, true)), queue.push(picture(9))]).toEqual([true, true]);
    expect(queue.dropped).toBe(4);
    expect(drained(queue)).toEqual([3, 8, 9]);
    expect(queue.bytes).toBe(0);
  });

  it('forgets what waits', () => {
    const queue = new UnitQueue(150);
    queue.push(picture(1, true));
    queue.push(picture(2));
    queue.clear();
    expect([queue.bytes, queue.wantsKeyframe, queue.shift()]).toEqual([0, false, undefined]);
  });
});
