import { describe, expect, it } from 'vitest';
import { Timeline } from '../../../../src/ingest/file/timeline.ts';
import { micros } from '../../../../src/time.ts';
import { seededRandom } from '../../../support/random.ts';

const PICTURE = 0;
const SOUND = 1;
const FRAME = 40_000;
const PACKET = 24_000;

interface Sent {
  readonly stream: number;
  readonly dts: number;
}

/** A recording of picture and sound from `start` on the file's clock, in the order of a muxer that writes sound `skew` early. */
function recording(start: number, length: number, skew = 0): Sent[] {
  const of = (stream: number, step: number): Sent[] =>
    Array.from({ length: Math.floor(length / step) }, (_, i) => ({
      stream,
      dts: start + i * step,
    }));
  const place = ({ stream, dts }: Sent): number => dts - (stream === SOUND ? skew : 0);
  return [...of(PICTURE, FRAME), ...of(SOUND, PACKET)].toSorted((a, b) => place(a) - place(b));
}

function play(sent: readonly Sent[], jumpsAhead = true, steady: readonly number[] = [PICTURE, SOUND]) {
  const timeline = new Timeline({ picture: PICTURE, steady, jumpsAhead });
  const places = sent.map(({ stream, dts }) => {
    const duration = micros(stream === PICTURE ? FRAME : PACKET);
    const place = timeline.place({ stream, dts: micros(dts), pts: micros(dts), duration });
    return { stream, at: dts + place.shift, joined: place.joined, overlaps: place.overlaps };
  });
  return { places, joins: timeline.joins };
}

const times = (places: ReturnType<typeof play>['places'], stream: number): number[] =>
  places.filter((place) => place.stream === stream && !place.overlaps).map((place) => place.at);

describe('Timeline', () => {
  it('leaves stamps alone that only go on', () => {
    const sent = recording(-1_000_000, 5_000_000, 300_000);
    const { places, joins } = play(sent);
    expect(places.map((place) => place.at)).toEqual(sent.map((one) => one.dts));
    expect(joins).toEqual([]);
  });

  it.each<[string, number]>([
    ['back to the beginning', 1_400_000],
    ['a little back', 6_000_000],
    ['far ahead', 3_600_000_000],
    ['back by a wrap of 33 bits', 10_000_000 - (2 ** 33 / 90_000) * 1e6],
  ])('joins a second recording whose clock starts %s, both streams alike', (_, start) => {
    const first = recording(1_400_000, 10_000_000, 200_000);
    const { places, joins } = play([...first, ...recording(start, 10_000_000, 200_000)]);
    expect(joins).toHaveLength(1);
    const frames = times(places, PICTURE);
    for (const [i, at] of frames.entries())
      if (i > 0) expect(Math.abs(at - (frames[i - 1] ?? 0) - FRAME)).toBeLessThan(PACKET + 1);
    // Sound keeps its distance: where its first packet and the picture's were together, they are.
    const second = places.slice(first.length);
    expect(second.find((p) => p.stream === SOUND)?.at).toBe(second.find((p) => p.stream === PICTURE)?.at);
    expect(places.filter((p) => p.stream === PICTURE && p.joined)).toHaveLength(1);
  });

  it('keeps the jump of the picture through which sound goes on', () => {
    const sent = recording(0, 60_000_000).filter(
      ({ stream, dts }) => stream === SOUND || dts < 10_000_000 || dts > 40_000_000,
    );
    const { places, joins } = play(sent);
    expect(joins).toEqual([]);
    expect(places.map((place) => place.at)).toEqual(sent.map((one) => one.dts));
  });

  it.each([true, false])('a time lapse is not a broken clock (container that jumps: %s)', (jumps) => {
    const sent = Array.from({ length: 20 }, (_, i) => ({ stream: PICTURE, dts: i * 90e6 }));
    expect(play(sent, jumps).joins).toEqual([]);
  });

  it('a jump ahead is kept where the container has no habit of it', () => {
    const sent = [...recording(0, 5_000_000), ...recording(3_600_000_000, 5_000_000)];
    expect(play(sent, false).joins).toEqual([]);
  });

  it('subtitles stand where the picture is, and never break it', () => {
    const sent = [...recording(0, 4_000_000), { stream: 2, dts: 3_000_000 }];
    const second = recording(0, 4_000_000).flatMap((one) =>
      one.dts === 2_000_000 && one.stream === PICTURE ? [{ stream: 2, dts: 2_100_000 }, one] : [one],
    );
    const { places, joins } = play([...sent, ...second]);
    expect(joins).toHaveLength(1);
    expect(places.filter((place) => place.stream === 2).map((place) => place.at)).toEqual([3_000_000, 6_100_000]);
  });

  it('presentation times that are reordered are no break, also where they are all there is', () => {
    const timeline = new Timeline({ picture: 0, steady: [0], jumpsAhead: true });
    const stamps = [0, 160, 80, 40, 120, 320, 240, 200, 280].map((ms) => micros(ms * 1000));
    for (const pts of stamps) {
      expect(timeline.place({ stream: 0, pts, dts: undefined, duration: micros(FRAME) }).shift).toBe(0);
    }
    expect(timeline.joins).toEqual([]);
  });

  it('random recordings in a row: times of a stream only increase, and sound stays with the picture', () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const random = seededRandom(seed);
      const skew = Math.floor(random() * 500_000);
      const parts: Sent[][] = [];
      for (let end = 0; parts.length < 4; ) {
        const start = Math.floor(random() * 2e9) - 1e9;
        // A clock that jumps ahead by seconds may have waited.
        if (parts.length > 0 && start > end - 1e6 && start < end + 11e6) continue;
        const length = 2_000_000 + Math.floor(random() * 8_000_000);
        parts.push(recording(start, length, skew));
        end = start + length;
      }
      const { places } = play(parts.flat());
      for (const stream of [PICTURE, SOUND]) {
        const of = times(places, stream);
        const steps = of.slice(1).map((at, i) => at - (of[i] ?? 0));
        expect(Math.min(...steps), `seed ${seed}`).toBeGreaterThan(0);
        expect(Math.max(...steps), `seed ${seed}`).toBeLessThan(1_000_000);
      }
      let from = 0;
      for (const part of parts) {
        const of = places.slice(from, from + part.length);
        from += part.length;
        const shift = (stream: number): number => {
          const i = part.findIndex((sent) => sent.stream === stream);
          return (of[i]?.at ?? 0) - (part[i]?.dts ?? 0);
        };
        expect(shift(SOUND), `seed ${seed}`).toBe(shift(PICTURE));
      }
    }
  });
});
