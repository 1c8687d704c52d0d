/** Bars around a picture, through the engines and the chain of `convert`'s parts: bit-exact bars, the picture as if it were alone. */
import { describe, expect, it } from 'vitest';
import { InterpEngine } from '../../src/interp/engine/engine.ts';
import { withinArea } from '../../src/interp/engine/within-area.ts';
import { resolveModel } from '../../src/interp/models/manifest.ts';
import { Arena } from '../../src/media/arena.ts';
import type { Frame } from '../../src/media/frame.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { Pairing } from '../../src/pairing/pairing.ts';
import { systemClock } from '../../src/time.ts';
import { type I420Image, planesOfImage, samplesOf, toFrame } from '../support/i420-images.ts';

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

const [WIDTH, HEIGHT] = [320, 180];

/** A texture that moves up and to the left, bright beside its borders, on black. */
function image(i: number, box: Box, width: number, height: number): I420Image {
  const samples: number[] = [];
  for (const [index, plane] of planesOfImage(width, height).entries()) {
    const scale = index === 0 ? 1 : 2;
    for (let row = 0; row < plane.height; row++) {
      for (let column = 0; column < plane.width; column++) {
        const [x, y] = [column * scale - box.left, row * scale - box.top];
        const inside = x >= 0 && y >= 0 && x < box.width && y < box.height;
        const [u, v] = [x + 5 * i, y + 3 * i];
        const texture = 40 * Math.sin(u / 9 + v / 31) + 40 * Math.cos(v / 8 - u / 27);
        if (index === 0) samples.push(inside ? Math.round(140 + texture) : 16);
        else samples.push(inside ? Math.round(128 + texture / 4) : 128);
      }
    }
  }
  return { width, height, samples: Uint8Array.from(samples) };
}

const BOXES: readonly (readonly [string, Box])[] = [
  ['letterbox', { left: 0, top: 24, width: WIDTH, height: 132 }],
  ['pillarbox', { left: 56, top: 0, width: 208, height: HEIGHT }],
];

describe.each(['search', 'flow-s'])('%s', (name) => {
  it.each(BOXES)(
    'leaves the bars of a %s as they are, and makes of the picture what it makes of it alone',
    async (_, box) => {
      const arena = new Arena(256);
      const model = await resolveModel(name);
      if (model === 'blend' || model === 'repeat') throw new Error('no such engine');
      {
        await using engine = await InterpEngine.start({ arena, clock: systemClock, events: noEvents, model });
        using tier = withinArea(engine, { arena, wait: true });
        const timesteps = [0.25, 0.5, 0.75];
        const pairing = new Pairing();
        const boxed = [0, 1].map((i) => toFrame(arena, image(i, box, WIDTH, HEIGHT), 40 * i));
        const whole = { left: 0, top: 0, width: box.width, height: box.height };
        const alone = [0, 1].map((i) => toFrame(arena, image(i, whole, box.width, box.height), 40 * i));
        for (const frame of boxed) pairing.next(frame);
        const { area } = pairing;
        expect(area).toEqual({
          left: box.left,
          top: box.top,
          right: box.left + box.width,
          bottom: box.top + box.height,
        });
        const fill = async (frames: readonly Frame[], more: object): Promise<readonly Frame[]> => {
          const [a, b] = frames;
          if (!a || !b) throw new Error('two frames');
          const result = await tier.interpolate({ stream: 's', a, b, timesteps, ...more });
          if (result.status !== 'done') throw new Error(result.reason);
          return result.frames;
        };
        const [made, expected] = [await fill(boxed, area ? { area } : {}), await fill(alone, {})];
        for (const [i, frame] of made.entries()) {
          expect(differences(frame, boxed[i < 1 ? 0 : 1], box, false)).toBe(0);
          expect(differences(frame, expected[i], box, true)).toBe(0);
        }
        for (const frame of [...boxed, ...alone, ...made, ...expected]) frame.release();
      }
      expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]);
    },
  );
});

/** Samples of all planes, inside of the box or outside of it, that are not as they should be; inside, `expected` is the box alone. */
function differences(frame: Frame, expected: Frame | undefined, box: Box, inside: boolean): number {
  if (!expected) throw new Error('nothing to compare with');
  const [actual, should] = [samplesOf(frame), samplesOf(expected)];
  const planes = planesOfImage(expected.width, expected.height);
  let wrong = 0;
  for (const [index, { offset, width, height }] of planesOfImage(frame.width, frame.height).entries()) {
    const scale = index === 0 ? 1 : 2;
    const [left, top] = [box.left / scale, box.top / scale];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const isIn = x >= left && y >= top && x < left + box.width / scale && y < top + box.height / scale;
        if (isIn !== inside) continue;
        const plane = planes[index];
        if (!plane) throw new Error('three planes');
        const at = inside ? plane.offset + (y - top) * plane.width + (x - left) : offset + y * width + x;
        if (actual[offset + y * width + x] !== should[at]) wrong += 1;
      }
    }
  }
  return wrong;
}
