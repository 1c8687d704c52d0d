import { describe, expect, it } from 'vitest';
import { Arena } from '../../../../src/media/arena.ts';
import { Frame, planeLayout, SOURCE } from '../../../../src/media/frame.ts';
import type { PictureArea } from '../../../../src/media/picture-area.ts';
import { ActiveArea } from '../../../../src/pairing/bars/active-area.ts';
import { Thumbnail } from '../../../../src/pairing/thumbnail.ts';
import { micros } from '../../../../src/time.ts';
import { seededRandom } from '../../../support/random.ts';

const WIDTH = 320;
const HEIGHT = 180;

/** Luma at a place. */
type Paint = (x: number, y: number) => number;

/** What follows a video of these pictures, given as luma; the first begins a scene. */
class Follower {
  readonly #active = new ActiveArea();
  readonly #arena = new Arena(16);

  show(paint: Paint, fresh = false): PictureArea | undefined {
    const at = micros(0);
    const info = { pts: at, arrival: at, capture: at, discontinuity: false, provenance: SOURCE };
    const frame = Frame.allocate(this.#arena, WIDTH, HEIGHT, info);
    const { strideY } = planeLayout(WIDTH, HEIGHT);
    frame.bytes.fill(128);
    for (let y = 0; y < HEIGHT; y++) {
      for (let x = 0; x < WIDTH; x++)
        frame.bytes[y * strideY + x] = Math.max(0, Math.min(255, Math.round(paint(x, y))));
    }
    const thumb = new Thumbnail();
    thumb.read(frame.bytes, frame.layout);
    this.#active.observe(frame, thumb, fresh);
    frame.release();
    return this.#active.area;
  }

  /** The area after each of so many pictures. */
  run(count: number, paint: (i: number) => Paint): (PictureArea | undefined)[] {
    return Array.from({ length: count }, (_, i) => this.show(paint(i), i === 0));
  }
}

const picture =
  (i = 0, gain = 1): Paint =>
  (x, y) =>
    16 + gain * (90 + 60 * Math.sin((x + 3 * i) / 9) + 40 * Math.cos((y + i) / 7));

/** Bars of a level around a picture, in samples. */
const barred =
  (inside: Paint, { left, top, right, bottom }: PictureArea, level: Paint = () => 16): Paint =>
  (x, y) =>
    x >= left && x < right && y >= top && y < bottom ? inside(x, y) : level(x, y);

const LETTERBOX = { left: 0, top: 23, right: WIDTH, bottom: HEIGHT - 22 };

describe('ActiveArea', () => {
  it.each<[string, PictureArea]>([
    ['letterbox', LETTERBOX],
    ['thin letterbox', { left: 0, top: 1, right: WIDTH, bottom: HEIGHT - 3 }],
    ['pillarbox', { left: 41, top: 0, right: WIDTH - 40, bottom: HEIGHT }],
    ['upright phone', { left: 110, top: 0, right: WIDTH - 109, bottom: HEIGHT }],
    ['windowbox', { left: 30, top: 20, right: WIDTH - 35, bottom: HEIGHT - 11 }],
    ['one side alone', { left: 0, top: 0, right: WIDTH, bottom: HEIGHT - 37 }],
  ])('finds a %s to the sample, in the first picture', (_, area) => {
    expect(new Follower().show(barred(picture(), area), true)).toEqual(area);
  });

  it.each([0, 16, 40, 128, 235])('finds bars of level %i with noise', (level) => {
    const random = seededRandom(level);
    const noise = (): number => level + (random() - 0.5) * 6;
    const areas = new Follower().run(30, (i) => barred(picture(i), LETTERBOX, noise));
    expect(new Set(areas.map((area) => JSON.stringify(area)))).toEqual(new Set([JSON.stringify(LETTERBOX)]));
  });

  it('finds none in a picture without, in a black one, and in one that darkens to its borders', () => {
    expect(new Follower().run(30, picture).every((area) => area === undefined)).toBe(true);
    expect(new Follower().run(30, () => () => 16).every((area) => area === undefined)).toBe(true);
    const vignette: Paint = (x, y) => 16 + 200 * Math.max(0, 1 - ((x - 160) / 150) ** 2 - ((y - 90) / 85) ** 2);
    expect(new Follower().run(30, () => vignette).every((area) => area === undefined)).toBe(true);
    const sky: Paint = (_, y) => 40 + y / 2;
    expect(new Follower().run(30, () => sky).every((area) => area === undefined)).toBe(true);
  });

  it('leaves a round or eight-sided collimator alone', () => {
    const round: Paint = (x, y) => (Math.hypot(x - 160, y - 90) < 86 ? picture()(x, y) : 8);
    const octagon: Paint = (x, y) =>
      Math.abs(x - 160) + Math.abs(y - 90) < 120 && Math.abs(y - 90) < 88 ? picture()(x, y) : 8;
    for (const shape of [round, octagon]) {
      expect(new Follower().run(30, () => shape).every((area) => area === undefined)).toBe(true);
    }
  });

  it('keeps its edges while the scene is dark, black, or bright', () => {
    const gain = (i: number): number => [1, 0.3, 0.05, 0, 0, 0.02, 1.2][Math.floor(i / 10)] ?? 1;
    const areas = new Follower().run(70, (i) => barred(picture(i, gain(i)), LETTERBOX));
    expect(areas.every((area) => JSON.stringify(area) === JSON.stringify(LETTERBOX))).toBe(true);
  });

  it('does not move into a picture that begins dark; finds the edges once they show', () => {
    const follower = new Follower();
    const areas = follower.run(60, (i) => barred(picture(i, i < 30 ? 0.03 : 1), LETTERBOX));
    expect(areas.slice(0, 30).every((area) => area === undefined || area.top <= LETTERBOX.top)).toBe(true);
    expect(areas.at(-1)).toEqual(LETTERBOX);
  });

  it('gives a bar up at once when something shows in it, and takes it again when it has gone for a while', () => {
    const follower = new Follower();
    follower.run(20, (i) => barred(picture(i), LETTERBOX));
    const subtitle: Paint = (x, y) => (y > 165 && y < 172 && x > 130 && x < 180 && x % 5 < 2 ? 220 : 16);
    const shown = follower.show(barred(picture(), LETTERBOX, subtitle));
    expect(shown).toEqual({ ...LETTERBOX, bottom: HEIGHT });
    // The pair of the last picture with it and the first without has it, too.
    expect(follower.show(barred(picture(), LETTERBOX))).toEqual({ ...LETTERBOX, bottom: HEIGHT });
    const later = Array.from({ length: 40 }, (_, i) => follower.show(barred(picture(i), LETTERBOX)));
    expect(later.slice(0, 10).every((area) => area?.bottom === HEIGHT)).toBe(true);
    expect(later.at(-1)).toEqual(LETTERBOX);
  });

  it('gives bars up when their level changes, and for a picture that fills the frame', () => {
    const follower = new Follower();
    follower.run(20, (i) => barred(picture(i), LETTERBOX));
    expect(follower.show(picture())).toBeUndefined();
    const other = new Follower();
    other.run(20, (i) => barred(picture(i), LETTERBOX));
    expect(other.show(barred(picture(), LETTERBOX, () => 30))).toBeUndefined();
  });

  it('gives bars up for a full picture that is dark there, with lights too small for a thumbnail', () => {
    const follower = new Follower();
    follower.run(20, (i) => barred(picture(i), LETTERBOX));
    const night: Paint = (x, y) => (y === 12 && x % 20 === 7 ? 200 : y < 90 ? 16 : picture()(x, y));
    expect(follower.show(night, true)?.top ?? 0).toBe(0);
  });

  it('takes the bars of the next scene with its first picture', () => {
    const follower = new Follower();
    follower.run(20, picture);
    const area = { left: 40, top: 0, right: 280, bottom: HEIGHT };
    expect(follower.show(barred(picture(), area), true)).toEqual(area);
  });
});
