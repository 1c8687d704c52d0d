import { expect, test } from 'vitest';
import { InFlight, type UnitInfo } from '../../../../src/ingest/decode/in-flight.ts';
import { micros } from '../../../../src/time.ts';

function unit(pts: number, discontinuity = false): UnitInfo {
  return { pts: micros(pts), arrival: micros(0), capture: micros(0), keyframe: false, discontinuity };
}

test('units whose times repeat are told apart, and each leaves once', () => {
  const inFlight = new InFlight();
  const [first, second] = [unit(40, true), unit(40)];
  const ids = [inFlight.enter(first).id, inFlight.enter(second).id];
  expect(inFlight.leave(ids[1] ?? 0n)).toBe(second);
  expect(inFlight.leave(ids[0] ?? 0n)).toBe(first);
  expect(inFlight.leave(ids[0] ?? 0n)).toBeUndefined();
});

test('at most 64 are held: the oldest is given back, so that its discontinuity is not lost', () => {
  const inFlight = new InFlight();
  const oldest = inFlight.enter(unit(0, true));
  for (let pts = 1; pts < 64; pts += 1) expect(inFlight.enter(unit(pts)).forgotten).toBeUndefined();
  expect(inFlight.enter(unit(64)).forgotten).toMatchObject({ pts: 0, discontinuity: true });
  expect(inFlight.leave(oldest.id)).toBeUndefined();
});

test('a number is not used again after a reset: a frame that comes late belongs to nobody', () => {
  const inFlight = new InFlight();
  const { id } = inFlight.enter(unit(0));
  inFlight.clear();
  expect(inFlight.enter(unit(1)).id).not.toBe(id);
  expect(inFlight.leave(id)).toBeUndefined();
});

test('units that no decoder holds back so long are given up, and pass their discontinuity on', () => {
  const inFlight = new InFlight();
  const ids = Array.from({ length: 40 }, (_, index) => inFlight.enter(unit(index, index === 2)).id);
  // Units 0 to 4 never come out; 16 later than unit 4 nobody waits for it any more.
  expect(inFlight.leave(ids[20] ?? 0n)).toMatchObject({ pts: 20, discontinuity: true });
  expect(inFlight.leave(ids[3] ?? 0n)).toBeUndefined();
  expect(inFlight.leave(ids[4] ?? 0n)).toMatchObject({ pts: 4 });
  expect(inFlight.depth).toBe(40 - 4 - 2);
});
