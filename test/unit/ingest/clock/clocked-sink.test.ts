import { expect, it } from 'vitest';
import { ClockedSink } from '../../../../src/ingest/clock/clocked-sink.ts';
import { Arena } from '../../../../src/media/arena.ts';
import { Frame, SOURCE } from '../../../../src/media/frame.ts';
import type { SoundPacket } from '../../../../src/media/sound.ts';
import { noEvents } from '../../../../src/metrics/events.ts';
import { fromMs, minus, toMs } from '../../../../src/time.ts';

it('moves sound as far as the frames beside it, when their stamps are not believed', () => {
  const arena = new Arena(16);
  const placed: number[] = [];
  const sounds: SoundPacket[] = [];
  const sink = new ClockedSink(
    {
      frame: (frame) => {
        placed.push(frame.pts);
        frame.release();
      },
      info: () => {},
      sound: (packet) => sounds.push(packet),
    },
    { stream: 's', events: noEvents },
  );
  const frame = (ptsMs: number, arrivalMs: number): void =>
    sink.frame(
      Frame.allocate(arena, 16, 16, {
        ...{ pts: fromMs(ptsMs), arrival: fromMs(arrivalMs), capture: fromMs(arrivalMs) },
        ...{ discontinuity: false, provenance: SOURCE },
      }),
    );
  const sound = (ptsMs: number): void =>
    sink.sound({ codec: 'opus', data: Uint8Array.of(1), pts: fromMs(ptsMs), timestamp: 0, fresh: false });
  for (let i = 0; i < 10; i += 1) frame(1000 + 33 * i, 1000 + 33 * i);
  sound(1297);
  expect(sounds[0]?.pts).toBe(placed.at(-1));
  // The stamps jump by an hour, the frames go on.
  for (let i = 10; i < 20; i += 1) frame(3_601_000 + 33 * i, 1000 + 33 * i);
  sound(3_601_000 + 33 * 19 + 5);
  const [last = fromMs(0)] = sounds.slice(-1).map(({ pts }) => pts);
  expect(toMs(minus(last, fromMs((placed.at(-1) ?? 0) / 1000)))).toBeCloseTo(5, 1);
  expect(arena.liveFrames).toBe(0);
});
