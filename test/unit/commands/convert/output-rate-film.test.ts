/** Two hours of film at 59.94, by its times alone. */
import { describe, expect, it } from 'vitest';
import { outputRate } from '../../../../src/commands/convert/output-rate.ts';
import { EvenTimes } from '../../../../src/ingest/file/even-times.ts';
import { Timeline } from '../../../../src/ingest/file/timeline.ts';
import { rateTarget } from '../../../../src/pairing/scheduler.ts';
import { type Micros, micros } from '../../../../src/time.ts';

const HOURS = 2;
const FRAMES = Math.round((HOURS * 3600 * 24_000) / 1001);
const TEN_MINUTES = 600e6;

/** Units of time of containers, and the rates that they declare for a film. */
const CONTAINERS = [
  ['Matroska', { num: 1, den: 1000 }, { num: 24_000, den: 1001 }, 0.021],
  ['Matroska, rate rounded', { num: 1, den: 1000 }, { num: 2997, den: 125 }, 0],
  ['MP4', { num: 1, den: 24_000 }, { num: 24_000, den: 1001 }, 0],
  ['MPEG-TS', { num: 1, den: 90_000 }, { num: 24_000, den: 1001 }, 1.4],
] as const;

/** A true time as the container has it. */
function stamp(seconds: number, { num, den }: { num: number; den: number }): Micros {
  return micros((Math.round((seconds * den) / num) * 1e6 * num) / den);
}

describe.each(CONTAINERS)('2 h of film in %s, to 59.94', (_, tick, rate, start) => {
  const timeline = new Timeline({ picture: 0, steady: [0, 1], jumpsAhead: true });
  const even = new EvenTimes({ num: 24_000, den: 1001 }, tick);
  const { scheduler, rate: header } = outputRate(rateTarget({ fps: 59.94 }), rate);
  const kept = Array.from({ length: HOURS * 6 }, () => 0);
  const shown: Micros[] = [];
  let drift = 0;
  let packet = 0;
  for (let n = 0; n < FRAMES; n += 1) {
    const time = start + (n * 1001) / 24_000;
    // Sound comes between frames.
    for (; (packet * 1024) / 48_000 <= (n * 1001) / 24_000; packet += 1) {
      const sound = stamp(start + (packet * 1024) / 48_000, tick);
      const { shift } = timeline.place({ stream: 1, dts: sound, pts: sound, duration: micros(21_333) });
      drift = Math.max(drift, Math.abs(sound + shift - (start + (packet * 1024) / 48_000) * 1e6));
    }
    const at = stamp(time, tick);
    const place = timeline.place({ stream: 0, dts: at, pts: at, duration: micros(41_708) });
    const plan = scheduler.next(even.of(micros(at + place.shift)), n > 0);
    for (const step of plan.between) shown.push(step.pts);
    if (plan.show === undefined) continue;
    shown.push(plan.show);
    const part = Math.floor(((n * 1001) / 24_000 / 600) % (HOURS * 6));
    kept[part] = (kept[part] ?? 0) + 1;
  }

  it('keeps every second frame in each ten minutes', () => {
    const perPart = ((TEN_MINUTES / 1e6) * 24_000) / 1001 / 2;
    for (const count of kept) expect(Math.abs(count - perPart)).toBeLessThanOrEqual(1);
  });

  it('shows its frames on the grid of 60000/1001, to the end', () => {
    expect(header).toEqual({ num: 60_000, den: 1001 });
    const first = shown[0] ?? 0;
    let off = 0;
    for (const [k, at] of shown.entries()) off = Math.max(off, Math.abs(at - first - (k * 1001e6) / 60_000));
    expect(off).toBeLessThanOrEqual(1);
  });

  it('keeps sound in its place', () => {
    expect(drift).toBeLessThan(1000);
    expect(timeline.joins).toEqual([]);
  });
});

it.each([
  [2, 48_000],
  [4, 96_000],
])('at a factor of %i the rate is exact, and so are times from rounded stamps', (factor, num) => {
  const even = new EvenTimes({ num: 24_000, den: 1001 }, { num: 1, den: 1000 });
  const { scheduler, rate } = outputRate(rateTarget({ factor }), { num: 24_000, den: 1001 });
  expect(rate).toEqual({ num, den: 1001 });
  const shown: Micros[] = [];
  for (let n = 0; n < 10_000; n += 1) {
    const plan = scheduler.next(even.of(stamp((n * 1001) / 24_000, { num: 1, den: 1000 })), n > 0);
    shown.push(...plan.between.map((step) => step.pts), plan.show ?? micros(0));
  }
  let off = 0;
  for (const [k, at] of shown.entries()) off = Math.max(off, Math.abs(at - (k * 1001e6) / num));
  expect(off).toBeLessThanOrEqual(1);
});
