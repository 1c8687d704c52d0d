import { expect, test } from 'vitest';
import { FrameliftError } from '../../../../src/errors.ts';
import { DecodePump } from '../../../../src/ingest/decode/pump.ts';
import type { AccessUnit } from '../../../../src/media/access-unit.ts';
import { Arena } from '../../../../src/media/arena.ts';
import { Frame, SOURCE } from '../../../../src/media/frame.ts';
import { fromMs, ManualClock, micros } from '../../../../src/time.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A decoder that answers when told, one frame per unit. */
function rig() {
  const clock = new ManualClock();
  const arena = new Arena(16);
  const decoded: AccessUnit[] = [];
  const waiting: (() => void)[] = [];
  const shown: number[] = [];
  const errors: unknown[] = [];
  let dropped = 0;
  let failWith: Error | undefined;
  const pump = new DecodePump({
    clock,
    stream: 's',
    events: {
      emit: (event) => {
        if (event.type === 'drop') dropped += event.count ?? 1;
      },
    },
    decoder: {
      decode: async (unit) => {
        decoded.push(unit);
        await new Promise<void>((resolve) => waiting.push(resolve));
        if (failWith) throw failWith;
        return [Frame.allocate(arena, 16, 16, { ...unit, provenance: SOURCE })];
      },
    },
    frame: (frame) => {
      shown.push(frame.pts);
      frame.release();
    },
    failed: (error) => errors.push(error),
  });
  const unit = (pts: number, keyframe = false): AccessUnit => ({
    ...{ data: new Uint8Array(1), pts: micros(pts), arrival: clock.now(), capture: clock.now() },
    ...{ keyframe, discontinuity: false },
  });
  const finishOne = async () => {
    waiting.shift()?.();
    await turn();
  };
  const finishAll = async () => {
    while (waiting.length > 0) await finishOne();
  };
  const fail = (error: Error) => {
    failWith = error;
  };
  return { clock, arena, decoded, shown, errors, pump, unit, finishOne, finishAll, fail, drops: () => dropped };
}

test('units are decoded one at a time, in order', async () => {
  const { pump, unit, decoded, shown, finishOne, finishAll } = rig();
  pump.push(unit(0, true));
  pump.push(unit(1));
  expect(decoded).toHaveLength(1);
  await finishOne();
  expect(decoded).toHaveLength(2);
  await finishAll();
  expect(shown).toEqual([0, 1]);
});

test('a decoder that is too slow catches up at the last keyframe that waits', async () => {
  const { clock, pump, unit, decoded, finishAll, drops } = rig();
  pump.push(unit(0, true));
  for (let i = 1; i < 10; i += 1) pump.push(unit(i, i === 6));
  clock.advance(fromMs(501));
  pump.push(unit(10));
  await finishAll();
  expect(decoded.map((u) => u.pts)).toEqual([0, 6, 7, 8, 9, 10]);
  expect(decoded[1]?.afterLoss).toBe(true);
  expect(drops()).toBe(5);
});

test('with no keyframe waiting, everything up to the next one is dropped', async () => {
  const { clock, pump, unit, decoded, finishAll, drops } = rig();
  pump.push(unit(0, true));
  pump.push(unit(1));
  clock.advance(fromMs(501));
  for (const pts of [2, 3]) pump.push(unit(pts));
  pump.push(unit(4, true));
  await finishAll();
  expect(decoded.map((u) => u.pts)).toEqual([0, 4]);
  expect(drops()).toBe(3);
});

test('never more than 128 wait', async () => {
  const { pump, unit, decoded, finishAll, drops } = rig();
  for (let i = 0; i < 400; i += 1) pump.push(unit(i, i === 0));
  await finishAll();
  expect(decoded).toHaveLength(1);
  expect(drops()).toBe(399);
});

test('closing waits for the unit at work and releases what it gives', async () => {
  const { arena, pump, unit, shown, finishOne } = rig();
  pump.push(unit(0, true));
  pump.push(unit(1));
  const closed = pump.close();
  await finishOne();
  await closed;
  pump.push(unit(2, true));
  expect(shown).toEqual([]);
  expect(arena.liveFrames).toBe(0);
});

test('a broken decoder is reported once', async () => {
  const { pump, unit, errors, finishAll, fail } = rig();
  fail(new FrameliftError('decode.failed', 'no memory'));
  pump.push(unit(0, true));
  pump.push(unit(1));
  await finishAll();
  pump.push(unit(2, true));
  await finishAll();
  expect(errors).toHaveLength(1);
});
