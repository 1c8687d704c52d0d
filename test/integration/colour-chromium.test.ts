/** What a browser shows of samples of each matrix and range, and of samples that are not square. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Publication } from '../../src/egress/publication.ts';
import { Arena } from '../../src/media/arena.ts';
import type { Colour } from '../../src/media/colour.ts';
import { Frame, SOURCE } from '../../src/media/frame.ts';
import type { PictureTraits } from '../../src/media/picture-traits.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { fromMs, plus, systemClock } from '../../src/time.ts';
import { launchChromium } from '../support/chromium.ts';
import { HEIGHT, largestDifference, PATCHES, type Rgb, toRgb, toYuv, WIDTH } from '../support/colour-patches.ts';
import { WhepSite } from '../support/whep-site.ts';

const FRAME_INTERVAL = fromMs(40);
/** Blocks of the picture are this large. */
const SCALE = 4;
const arena = new Arena(64);
let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

/** The patches, and below them the number of the case in white and black, which every matrix agrees on. */
function picture(colour: Colour, number: number): Frame {
  const now = systemClock.now();
  const times = { pts: now, arrival: now, capture: systemClock.wall(), discontinuity: false };
  const frame = Frame.allocate(arena, WIDTH * SCALE, HEIGHT * SCALE, { ...times, provenance: SOURCE });
  const { layout, bytes } = frame;
  const at = (x: number, y: number): readonly number[] => {
    const patch = Math.floor((x / layout.width) * PATCHES.length);
    const white = y >= layout.height - 64 ? (number >> patch) & 1 : undefined;
    const rgb: Rgb = white === undefined ? (PATCHES[patch] ?? [0, 0, 0]) : white ? [255, 255, 255] : [0, 0, 0];
    return toYuv(rgb, colour).map((level) => Math.min(255, Math.max(0, Math.round(level))));
  };
  for (let y = 0; y < layout.height; y += 1) {
    for (let x = 0; x < layout.width; x += 1) {
      const [luma = 0, u = 0, v = 0] = at(x, y);
      bytes[layout.y + y * layout.strideY + x] = luma;
      bytes[layout.u + (y >> 1) * layout.strideC + (x >> 1)] = u;
      bytes[layout.v + (y >> 1) * layout.strideC + (x >> 1)] = v;
    }
  }
  return frame;
}

interface Look {
  /** Of the case. */
  readonly number: number;
  /** What Chromium takes the samples for. */
  readonly matrix: string;
  readonly fullRange: boolean;
  /** Samples in the middle of the patches. */
  readonly samples: [number, number, number][];
  /** What a canvas shows of them. */
  readonly canvas: Rgb[];
  readonly width: number;
  readonly height: number;
}

/** What the page shows now. */
function look(page: Page): Promise<Look> {
  return page.evaluate(`(async () => {
    const video = document.getElementById('v');
    const { videoWidth: width, videoHeight: height } = video;
    const context = Object.assign(document.createElement('canvas'), { width, height }).getContext('2d');
    const frame = new VideoFrame(video);
    context.drawImage(frame, 0, 0, width, height);
    const bytes = new Uint8Array(frame.allocationSize());
    const [y, u, v] = await frame.copyTo(bytes);
    const { matrix, fullRange } = frame.colorSpace;
    frame.close();
    const at = ({ offset, stride }, x, row) => bytes[offset + row * stride + x];
    const across = [...Array(8).keys()].map((patch) => Math.round(((patch + 0.5) / 8) * width));
    const [middle, bottom] = [Math.round(0.4 * height), Math.round(0.94 * height)];
    const samples = across.map((x) => [at(y, x, middle), at(u, x >> 1, middle >> 1), at(v, x >> 1, middle >> 1)]);
    const number = across.reduce((sum, x, bit) => sum + (at(y, x, bottom) > 127 ? 1 << bit : 0), 0);
    const canvas = across.map((x) => [...context.getImageData(x, middle, 1, 1).data.slice(0, 3)]);
    return { number, matrix, fullRange, samples, canvas, width, height };
  })()`);
}

/** Chromium's names. */
const MATRICES: Readonly<Record<Colour['matrix'], string>> = {
  bt601: 'smpte170m',
  bt709: 'bt709',
  bt2020: 'bt2020-ncl',
};

/**
 * What Chromium's conversion without a graphics processor makes of a colour: its weight of Cb in
 * blue is at most 2 (libyuv has a signed byte for it, in 64ths), where BT.709 in the limited range
 * wants 2.11. It shows a saturated blue as 243.
 */
function bySoftware(patch: Rgb, colour: Colour): Rgb {
  const [y, u, v] = toYuv(patch, colour);
  const [red, green, blue] = toRgb(y, u, v, colour);
  if (colour.range === 'full') return [red, green, blue];
  const clamped = Math.min(2, { bt601: 2.017, bt709: 2.112, bt2020: 2.142 }[colour.matrix]);
  return [red, green, Math.min(255, Math.max(0, 1.164 * (y - 16) + clamped * (u - 128)))];
}

const COLOURS = (['bt601', 'bt709', 'bt2020'] as const).flatMap((matrix) =>
  (['limited', 'full'] as const).map((range): Colour => ({ matrix, range })),
);
const WIDE: PictureTraits = {
  colour: { matrix: 'bt601', range: 'limited' },
  sampleAspect: { num: 16, den: 11 },
};

test('a browser shows every matrix and range within three levels, and ignores the shape of samples', async () => {
  await using publication = new Publication({
    ...{ stream: 'cam', variant: 'upconverted', clock: systemClock, events: noEvents, fps: 25, bitrate: 6e6 },
  });
  await using site = new WhepSite({ upconverted: publication });
  await site.listen();
  let number = 0;
  let cancel = () => {};
  const show = (traits: PictureTraits) => {
    cancel();
    number += 1;
    publication.setTraits(traits);
    const next = () => {
      const frame = picture(traits.colour, number);
      publication.push(frame, frame.pts);
      cancel = systemClock.at(plus(systemClock.now(), FRAME_INTERVAL), next);
    };
    next();
  };
  try {
    show(WIDE);
    const page = await site.play(browser);
    await page.waitForFunction('window.frames_.length > 0');
    for (const traits of [...COLOURS.map((colour) => ({ colour })), WIDE]) {
      show(traits);
      const { colour } = traits;
      // The first pictures of an encoder are coarse.
      await vi.waitFor(
        async () => {
          const { samples, canvas, ...seen } = await look(page);
          expect(seen).toEqual({
            ...{ number, matrix: MATRICES[colour.matrix], fullRange: colour.range === 'full' },
            // Why a page has to size its video by the API's sampleAspectRatio.
            ...{ width: WIDTH * SCALE, height: HEIGHT * SCALE },
          });
          const shown = samples.map(([y, u, v]) => toRgb(y, u, v, colour));
          expect(largestDifference(shown, PATCHES), 'by its tags').toBeLessThanOrEqual(3);
          const software = PATCHES.map((patch) => bySoftware(patch, colour));
          expect(largestDifference(canvas, software), JSON.stringify({ traits, canvas })).toBeLessThanOrEqual(3);
        },
        { timeout: 5000, interval: 50 },
      );
    }
  } finally {
    cancel();
  }
});
