import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type App, startApp } from '../support/app.ts';
import { type Camera, startCamera } from '../support/camera.ts';
import { launchChromium } from '../support/chromium.ts';
import { median } from '../support/page.ts';
import { type PresentedPicture, presentedPictures } from '../support/presented.ts';

const FPS = 30;
const PICTURES = 500;

let browser: Browser;
let app: App;
let camera: Camera;

beforeAll(async () => {
  browser = await launchChromium();
  camera = await startCamera({ size: '640x360', fps: FPS });
  app = await startApp([camera.url, '--fps', '60']);
});

afterAll(async () => {
  await browser?.close();
  const end = await app?.stop();
  await camera?.stop();
  expect(end?.code, app?.log()).toBe(0);
  expect(app?.log()).toContain('"liveFrames":0');
});

/** Plays a variant of the camera's stream on a page without a player of its own. */
async function play(variant: 'upconverted' | 'source', count: number): Promise<readonly PresentedPicture[]> {
  await expect.poll(async () => (await app.stream('live')).ladder, { timeout: 20_000 }).toBeDefined();
  const page = await browser.newPage();
  await page.goto(`${app.url}/api/streams`);
  const { pictures, records, late } = await presentedPictures(
    page,
    `${app.url}/whep/live?variant=${variant}`,
    count,
    500,
  );
  await page.close();
  console.log(`${variant}: ${pictures.length} pictures read, ${late} gone before they could be; ${records} records`);
  expect(records).toBeGreaterThanOrEqual(count);
  return pictures;
}

/**
 * Pictures that are not the source frame of their record's `pts`: a mix of two, or another one. Numbers and times of source frames go up together, so the
 * same time must show the same number, and a later one a higher one.
 */
function strangers(pictures: readonly PresentedPicture[]): object[] {
  const seen = pictures.flatMap(({ record, barcode }) => (record ? [{ ...record, number: barcode?.number }] : []));
  const wrong: object[] = [];
  let before = { pts: Number.NEGATIVE_INFINITY, number: Number.NEGATIVE_INFINITY };
  for (const picture of seen.toSorted((a, b) => a.pts - b.pts)) {
    const { pts, number } = picture;
    const fits = number !== undefined && (pts === before.pts ? number === before.number : number > before.number);
    if (!fits) wrong.push({ ...picture, before });
    else before = { pts, number };
  }
  return wrong;
}

/** Mean absolute difference. */
function difference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] ?? 0)), 0) / a.length;
}

it(`what the records say of ${PICTURES} presented pictures is what the barcode camera says`, async () => {
  const pictures = await play('upconverted', PICTURES);
  const known = pictures.filter(({ record }) => record);
  const isMade = ({ record }: PresentedPicture) => record?.kind === 'interpolated' || record?.kind === 'extrapolated';
  const taken = known.filter((picture) => !isMade(picture));
  const made = known.filter(isMade);

  // Called source or repeated: it shows the very frame of that time, unmixed.
  const wrong = strangers(taken);
  // Called interpolated: it is no source frame. Where its barcode is a clean one (a network may take both halves of it from one parent), its ground is compared: that moves with every frame.
  const frames = new Map(taken.flatMap(({ barcode, piece }) => (barcode ? [[barcode.number, piece] as const] : [])));
  const numbers = [...frames.keys()];
  const steps = numbers.flatMap((number) => {
    const [now, next] = [frames.get(number), frames.get(number + 1)];
    return now && next ? [difference(now, next)] : [];
  });
  // Near a source frame, which happens where the grid runs free, a made picture may well look like it: nothing can be said of those.
  const moot = made.filter(({ record, barcode }) => barcode && Math.abs((record?.t ?? 0) - 0.5) > 0.25);
  const copies = made.filter((picture) => {
    const { barcode, piece } = picture;
    const frame = barcode && frames.get(barcode.number);
    return frame && !moot.includes(picture) && difference(frame, piece) < 0.2 * median(steps);
  });
  const decided = known.length - moot.length;
  const agreement = 1 - (wrong.length + copies.length) / decided;
  const count = (kind: string): number => known.filter(({ record }) => record?.kind === kind).length;
  const clean = made.filter(({ barcode }) => barcode).length;
  console.log(
    `provenance: ${pictures.length} pictures, ${known.length} with a record: ${count('source')} source, ${count('repeated')} repeated, ` +
      `${made.length} interpolated (${clean} of them with a clean barcode); ${decided} decided, agreement ${(100 * agreement).toFixed(2)} %`,
  );
  expect(wrong).toEqual([]);
  expect(copies.map(({ record, barcode }) => ({ record, barcode }))).toEqual([]);
  expect(known.length / pictures.length).toBeGreaterThanOrEqual(0.99);
  expect(decided / pictures.length).toBeGreaterThanOrEqual(0.95);
  expect(count('source')).toBeGreaterThan(PICTURES / 4);
  expect(made.length).toBeGreaterThan(PICTURES / 10);

  // Each source frame is told of once, and what is made of it says how.
  const told = known.flatMap(({ record }) => (record?.kind === 'source' ? [record.pts] : []));
  expect(new Set(told).size).toBe(told.length);
  const file = createHash('sha256').update(readFileSync(new URL('../../models/flow-s.onnx', import.meta.url)));
  const hash = file.digest('hex').slice(0, 16);
  for (const { record } of made) {
    expect(record?.model).toMatch(/^(flow-s|search)/);
    const { kind, t = 0 } = record ?? {};
    expect(kind === 'extrapolated' ? t > 1 && t <= 1.5 : t > 0 && t < 1, `${kind} at ${t}`).toBe(true);
    if (record?.model === 'search') expect(record.hash).toBeUndefined();
    else expect(record).toMatchObject({ hash, confidence: expect.any(Number) });
  }
});

it('calls every picture of the source variant a source frame, and it is the one', async () => {
  const pictures = await play('source', 90);
  for (const { record } of pictures) expect(record?.kind).toBe('source');
  expect(strangers(pictures)).toEqual([]);
});
