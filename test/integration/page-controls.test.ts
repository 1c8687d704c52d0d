/// <reference lib="dom" />
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Recordings } from '../../src/egress/recording/recordings.ts';
import { recordingSettings } from '../../src/egress/recording/settings.ts';
import { SILENT_LOG } from '../../src/log.ts';
import { SOURCE } from '../../src/media/frame.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { Access } from '../../src/server/auth.ts';
import type { StreamEntry } from '../../src/server/contract.ts';
import { ManualClock, micros } from '../../src/time.ts';
import { launchChromium } from '../support/chromium.ts';
import { h264Clip } from '../support/h264-clip.ts';
import { temporaryFolder } from '../support/media.ts';
import { pictureUnit, ScriptedPublication } from '../support/recorded.ts';
import { LIVE, startServer } from '../support/server.ts';

const DOOR: StreamEntry = { ...LIVE, name: 'door', label: 'WHIP publisher', awaitsPublisher: true };
const THEATRE: StreamEntry = { ...LIVE, name: 'theatre', badge: true, notice: 'Not for diagnosis.' };

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
});

/** What went wrong in pages, and what their security policy had to stop. */
const faults: string[] = [];

afterEach(() => {
  expect(faults.splice(0)).toEqual([]);
});

async function visit(url: string, options: Parameters<Browser['newPage']>[0] = {}): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme: 'dark', ...options });
  onTestFinished(() => page.close());
  page.on('pageerror', ({ message }) => faults.push(message));
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) faults.push(message.text());
  });
  await page.goto(url);
  return page;
}

const stands = (page: Page, state: string): Promise<void> =>
  page.locator('#state-name', { hasText: state }).waitFor({ timeout: 5000 });

async function open(url: string, options: Parameters<Browser['newPage']>[0] = {}): Promise<Page> {
  const page = await visit(url, options);
  await stands(page, 'Full rate');
  return page;
}

/** What assistive technology would be told to be missing or wrong, in words. */
async function complaints(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() =>
    // Put there by the line above; its types are those of the module.
    (window as unknown as { axe: typeof import('axe-core') }).axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }),
  );
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
}

/** What the focused element is called: its label, or its text. */
const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const { activeElement } = document;
    const label = activeElement instanceof HTMLInputElement ? activeElement.labels?.[0]?.textContent : undefined;
    return (activeElement?.getAttribute('aria-label') ?? label ?? activeElement?.textContent ?? '').trim();
  });

describe('the list of streams', () => {
  it('is gone through with the arrow keys, opened with Enter, and linked to', async () => {
    const { url } = await startServer([LIVE, DOOR, THEATRE]);
    const page = await open(url);
    const links = page.getByRole('navigation', { name: 'Streams' }).getByRole('link');
    expect(await links.allTextContents()).toEqual(['cam', 'door', 'theatre']);
    expect(await links.first().getAttribute('aria-current')).toBe('page');
    await links.first().focus();
    for (const [key, name] of [
      ['ArrowDown', 'door'],
      ['ArrowDown', 'theatre'],
      ['ArrowDown', 'theatre'],
      ['ArrowUp', 'door'],
      ['Home', 'cam'],
      ['End', 'theatre'],
    ] as const) {
      await page.keyboard.press(key);
      expect(await focused(page), key).toBe(`${name}, Full rate`);
    }
    await page.keyboard.press('Enter');
    await page.waitForURL(`${url}/#/theatre`);
    await page.waitForFunction(() => document.title === 'theatre · framelift');
    expect(await links.nth(2).getAttribute('aria-current')).toBe('page');
    expect(await links.first().getAttribute('aria-current')).toBeNull();
    expect(await focused(page)).toBe('theatre, Full rate');
    const linked = await open(`${url}/?view=source#/door`);
    expect(await linked.title()).toBe('door · framelift');
    await page.goBack();
    await page.waitForFunction(() => document.title === 'cam · framelift');
  });

  it('follows streams that come and go, and says when there is none of the name', async () => {
    const entries = [LIVE];
    const { url } = await startServer(entries);
    const page = await open(url);
    expect(await page.locator('#streams').isVisible()).toBe(false);
    entries.push(DOOR);
    await page.getByRole('link', { name: 'door' }).click({ timeout: 2500 });
    await page.waitForFunction(() => document.title === 'door · framelift');
    entries.pop();
    await page.locator('#state-name', { hasText: 'No such stream' }).waitFor({ timeout: 2500 });
    // An old bookmark is no dead end.
    await page.getByRole('heading', { name: 'There is no stream “door”' }).waitFor({ timeout: 1500 });
    expect(await page.locator('figure').first().isVisible()).toBe(false);
    await page.locator('#vacancy').getByRole('link', { name: 'cam' }).click();
    await stands(page, 'Full rate');
    expect(await page.locator('figure').first().isVisible()).toBe(true);
  });
});

it('the slider divides the pictures: by keys, by the mouse, and for those who do not see it', async () => {
  const { url } = await startServer();
  const page = await open(url);
  await page.getByText('Slider', { exact: true }).click();
  expect(page.url()).toBe(`${url}/?view=compare`);
  const slider = page.getByRole('slider', { name: /^Comparison slider/ });
  /** Where the upconverted picture begins: pixels right of the video's left edge, and its width. */
  const divide = (): Promise<number> =>
    page.evaluate(() => {
      const video = document.querySelector<HTMLVideoElement>('figure[data-variant="upconverted"] video');
      if (!video) throw new Error('no video');
      const probe = document.createElement('i');
      probe.style.cssText = 'position:absolute;width:calc(var(--divide))';
      video.parentElement?.append(probe);
      const { width } = probe.getBoundingClientRect();
      probe.remove();
      if (!getComputedStyle(video).clipPath.startsWith('inset(')) throw new Error('the video is not cut off');
      return width / video.getBoundingClientRect().width;
    });
  expect(await divide()).toBeCloseTo(0.5, 3);
  await slider.focus();
  for (let i = 0; i < 10; i += 1) await page.keyboard.press('ArrowRight');
  expect(await slider.inputValue()).toBe('60');
  expect(await slider.getAttribute('aria-valuetext')).toBe('source 60 %');
  expect(await divide()).toBeCloseTo(0.6, 1);
  await page.keyboard.press('Home');
  expect(await slider.inputValue()).toBe('0');
  const box = await slider.boundingBox();
  if (!box) throw new Error('no slider');
  const middle = box.y + box.height / 2;
  await page.mouse.move(box.x + 22, middle);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.25, middle, { steps: 4 });
  await page.mouse.up();
  expect(await divide()).toBeCloseTo(0.25, 2);
});

it('"source only" shows the source and nothing else, and goes back to the view before', async () => {
  const { url } = await startServer();
  const page = await open(`${url}/?view=upconverted`);
  const only = page.getByRole('checkbox', { name: 'Source only' });
  await only.click();
  expect(await page.locator('figure[data-variant="upconverted"]').isVisible()).toBe(false);
  expect(await page.getByRole('radio', { name: 'Source' }).isChecked()).toBe(true);
  await only.click();
  expect(await page.locator('figure[data-variant="source"]').isVisible()).toBe(false);
  expect(page.url()).toBe(`${url}/?view=upconverted`);
});

it('a stream that asks for it is badged, and its notice stands there in every view', async () => {
  const { url } = await startServer([LIVE, THEATRE]);
  const page = await open(url);
  const badge = page.getByRole('checkbox', { name: 'Badge' });
  const notice = page.getByRole('note');
  expect(await badge.isChecked()).toBe(false);
  expect(await notice.isVisible()).toBe(false);
  await page.getByRole('link', { name: 'theatre' }).click();
  await page.waitForFunction(() => document.querySelector<HTMLInputElement>('#badge')?.checked === true);
  for (const view of ['Source', 'Upconverted', 'Side by side', 'Slider']) {
    await page.getByText(view, { exact: true }).first().click();
    expect(await notice.textContent()).toBe('Not for diagnosis.');
    expect(await notice.isVisible(), view).toBe(true);
  }
  await badge.click();
  await page.getByRole('link', { name: 'cam' }).click();
  await page.getByRole('link', { name: 'theatre' }).click();
  await page.waitForFunction(() => document.querySelector<HTMLInputElement>('#badge')?.checked === true);
});

it('is dark or light as the system is, until a person chooses, and then for good', async () => {
  const { url } = await startServer();
  const page = await open(url);
  const ground = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await ground();
  await page.emulateMedia({ colorScheme: 'light' });
  await page.getByRole('button', { name: 'Switch to dark theme' }).waitFor();
  const light = await ground();
  expect(light).not.toBe(dark);
  await page.getByRole('button', { name: 'Switch to dark theme' }).click();
  expect(await ground()).toBe(dark);
  await page.reload();
  expect(await ground()).toBe(dark);
  await page.getByRole('button', { name: 'Switch to light theme' }).click();
  expect(await ground()).toBe(light);
});

it('asks for a token where playing needs one, says when it was wrong, and keeps the right one for this tab alone', async () => {
  const access = new Access({ publish: [], play: ['let-me-see'], admin: [] });
  const { url } = await startServer([LIVE], { access });
  const page = await visit(url);
  const dialog = page.getByRole('dialog', { name: 'This server requires a token' });
  await dialog.waitFor();
  await stands(page, 'Token required');
  expect(await page.getByText('Connecting').filter({ visible: true }).count()).toBe(0);
  expect(await complaints(page)).toEqual([]);
  expect(await page.getByRole('alert').isVisible()).toBe(false);
  await page.keyboard.type('let-me-in');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('heading', { name: 'This server requires a token' }).waitFor();
  await page.getByRole('button', { name: 'Enter token' }).click();
  await page.keyboard.type('let-me-see');
  await page.keyboard.press('Enter');
  await stands(page, 'Full rate');
  expect(await page.evaluate(() => window.framelift.stats().transport)).toBe('websocket');
  await page.reload();
  await stands(page, 'Full rate');
  expect(
    await page.evaluate(() => JSON.stringify({ ...localStorage }) + document.cookie + location.href),
  ).not.toContain('let-me');
  const other = await visit(url);
  await other.getByRole('dialog').waitFor();
});

it('a wall display takes its token from the address, which shows it no more, for the feed and for players', async () => {
  const access = new Access({ publish: [], play: ['let-me-see'], admin: [] });
  const { url } = await startServer([LIVE, DOOR], { access });
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  const asked: string[] = [];
  const sent: (string | undefined)[] = [];
  page.on('request', (request) => {
    asked.push(request.url());
    if (request.method() === 'POST') sent.push(request.headers().authorization);
  });
  await page.goto(`${url}/?view=source#/door&token=let-me-see`);
  await stands(page, 'Full rate');
  expect(page.url()).toBe(`${url}/?view=source#/door`);
  expect(await page.title()).toBe('door · framelift');
  expect(await page.evaluate(() => window.framelift.stats().transport)).toBe('websocket');
  await vi.waitFor(() => expect(sent).toContain('Bearer let-me-see'), 3000);
  expect(asked.filter((address) => address.includes('let-me'))).toEqual([]);
  await page.reload();
  await stands(page, 'Full rate');
  // Neither does the way back lead to it.
  await page.goBack();
  expect(page.url()).not.toContain('let-me');
  // Another one, pasted into the open page, takes effect at once.
  await page.goto(`${url}/?view=source#token=wrong`);
  await page.reload();
  await page.getByRole('alert').waitFor();
  await page.evaluate(() => {
    location.hash = '#/door&token=let-me-see';
  });
  await stands(page, 'Full rate');
  expect(page.url()).toBe(`${url}/?view=source#/door`);
});

it('plays what was recorded, and tells of each frame where it comes from', async () => {
  const folder = await temporaryFolder();
  onTestFinished(folder.remove);
  const source = new ScriptedPublication();
  const log = SILENT_LOG;
  const choice = { enabled: true, variant: 'source', segmentSeconds: 60, format: 'mp4', keepHours: 1 } as const;
  const recordings = new Recordings(recordingSettings(choice, folder.path), {
    ...{
      stream: 'cam',
      publications: { source, upconverted: source },
      clock: new ManualClock(),
      events: noEvents,
      log,
    },
  });
  await recordings.start();
  const made = { kind: 'synthetic', t: 0.5, model: 'flow-s', confidence: 0.97 } as const;
  for (const [index, data] of h264Clip(40, ['-bf', '0'], '320x180').entries()) {
    const due = micros(index * 33_333);
    const unit = pictureUnit(due, { provenance: index % 2 === 0 ? SOURCE : made });
    source.follower?.take({ ...unit, data: Buffer.from(data), keyframe: index % 10 === 0 });
  }
  const count = () => recordings.segments[0]?.frames?.interpolated;
  await vi.waitFor(() => expect(count()).toBe(20));
  await recordings[Symbol.asyncDispose]();
  const entry = { ...LIVE, recording: { segments: 1, bytes: recordings.segments[0]?.bytes ?? 0 } };
  const access = new Access({ publish: [], play: ['let-me-see'], admin: [] });
  for (const [options, suffix] of [
    [{}, ''],
    [{ access }, '#token=let-me-see'],
  ] as const) {
    const { url } = await startServer([entry], { recordings: () => recordings, ...options });
    const page = await open(`${url}/${suffix}`);
    await page.locator('#recordings summary').click();
    await page.getByText('20 source, 20 interpolated').waitFor();
    await page.locator('#recordings li button').click();
    const dialog = page.getByRole('dialog');
    await page.waitForFunction(() => document.querySelector<HTMLVideoElement>('#recording video')?.ended === true);
    expect(await dialog.locator('.origin').textContent()).toBe('interpolated, t 0.50, flow-s, confidence 0.97');
    expect(await complaints(page)).toEqual([]);
    // Of each frame that was shown something is known: the strip has two colours, and neither is that of the unknown.
    const colours = await page.evaluate(() => {
      const canvas = document.querySelector<HTMLCanvasElement>('#recording canvas');
      const pixels = canvas?.getContext('2d')?.getImageData(0, canvas.height - 1, canvas.width, 1).data ?? [];
      const found = Array.from({ length: pixels.length / 4 }, (_, i) => [...pixels.slice(4 * i, 4 * i + 3)].join());
      return [...new Set(found)].filter((colour) => colour !== '0,0,0').length;
    });
    expect(colours).toBeGreaterThanOrEqual(2);
    // And it can be gone back to any of them.
    await page.evaluate(() => {
      const video = document.querySelector<HTMLVideoElement>('#recording video');
      if (video) video.currentTime = 0;
    });
    await dialog.getByText('source', { exact: true }).waitFor();
    await dialog.getByRole('button', { name: 'Close' }).click();
  }
});

it('a server without streams says how to add one, and shows it as soon as it is there', async () => {
  const entries: StreamEntry[] = [];
  const { url } = await startServer(entries);
  const page = await visit(url);
  await stands(page, 'No stream yet');
  expect(await page.locator('#vacancy pre').textContent()).toContain(`${url}/api/streams`);
  expect(await complaints(page)).toEqual([]);
  entries.push(LIVE);
  await stands(page, 'Full rate');
  expect(await page.locator('#vacancy').isVisible()).toBe(false);
});

it('a stream that nobody publishes to waits for a publisher, and that is no fault', async () => {
  const waiting = { state: 'waiting', phase: 'connecting', reason: 'no frame for 12 s', source: undefined } as const;
  const entries: StreamEntry[] = [{ ...DOOR, ...waiting }, LIVE];
  const { url } = await startServer(entries);
  const page = await visit(url);
  await stands(page, 'Waiting for a publisher');
  await page.locator('.headline', { hasText: 'Waiting for a publisher' }).first().waitFor({ timeout: 2000 });
  expect(await page.getByText('no frame for').filter({ visible: true }).count()).toBe(0);
  const lamp = (): Promise<string> =>
    page.evaluate(
      () => getComputedStyle(document.querySelector('#state .status-dot') ?? document.body).backgroundColor,
    );
  const idle = await lamp();
  entries[0] = { ...DOOR, ...waiting, error: 'the publisher is connected, but no frame arrived for 10 s' };
  await page.locator('.detail', { hasText: 'the publisher is connected' }).first().waitFor({ timeout: 3000 });
  await stands(page, 'Waiting for source');
  expect(await lamp()).not.toBe(idle);
});

it('no lamp stays green when the server is gone', async () => {
  const { url, close } = await startServer([LIVE, DOOR, THEATRE]).then((server) => ({
    url: server.url,
    close: () => server.close(),
  }));
  const page = await open(url);
  const green = await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--good'));
  const lamps = (): Promise<string[]> =>
    page.evaluate(() =>
      [...document.querySelectorAll('.status-dot')].map((dot) => getComputedStyle(dot).getPropertyValue('--status')),
    );
  expect(await lamps()).toEqual([green, green, green, green]);
  await close();
  await stands(page, 'Server unreachable');
  expect(await lamps()).not.toContain(green);
  expect(await page.locator('#streams .status').allTextContents()).toEqual(['Not known', 'Not known', 'Not known']);
});

it('what the server has against a player is told in its own words, and asked again when it wishes', async () => {
  const { url } = await startServer();
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  let posts = 0;
  await page.route('**/whep/**', async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    posts += 1;
    const problem = { code: 'webrtc.no-port', message: 'all UDP ports are taken', remedy: 'Widen webrtc.portRange.' };
    if (posts === 1) return route.fulfill({ status: 503, headers: { 'Retry-After': '1' }, json: problem });
    const refusal = { code: 'webrtc.unacceptable', message: 'no codec in common', remedy: 'Offer H.264.' };
    return route.fulfill({ status: 422, json: refusal });
  });
  await page.goto(`${url}/?view=upconverted`);
  const overlay = page.locator('figure[data-variant="upconverted"] .overlay');
  await overlay.getByText('The server is busy').waitFor({ timeout: 5000 });
  await overlay.getByText(/^all UDP ports are taken\. Widen webrtc\.portRange\. Trying again in \d s\.$/).waitFor();
  await overlay.getByText('no codec in common. Offer H.264.').waitFor({ timeout: 4000 });
});

describe('keys', () => {
  it('hold the picture, fill the screen, change view and stream, and are listed', async () => {
    const { url } = await startServer([{ ...LIVE, notice: 'Not for diagnosis.' }, DOOR]);
    const page = await open(url);
    const paused = page.getByRole('button', { name: 'Paused' });
    await page.keyboard.press(' ');
    await paused.waitFor();
    const held = (): Promise<boolean[]> =>
      page.evaluate(() => [...document.querySelectorAll<HTMLVideoElement>('figure video')].map(({ paused }) => paused));
    expect(await held()).toEqual([true, true]);
    await page.keyboard.press(' ');
    await paused.waitFor({ state: 'hidden' });
    await page.keyboard.press('f');
    await page.waitForFunction(() => document.fullscreenElement?.id === 'screens');
    await page.keyboard.press('f');
    await page.waitForFunction(() => document.fullscreenElement === null);
    // On the whole screen, too, a held picture is marked, and what viewers must be told stands there.
    await page.getByRole('button', { name: 'Upconverted full screen' }).click();
    await page.waitForFunction(() => document.fullscreenElement?.matches('[data-variant="upconverted"]'));
    // The button has the focus, and with it the space bar.
    await page.evaluate(() =>
      document.activeElement instanceof HTMLElement ? document.activeElement.blur() : undefined,
    );
    await page.keyboard.press(' ');
    await page.locator('figure:fullscreen #paused').waitFor();
    expect(await page.locator('figure:fullscreen').getByRole('note').textContent()).toBe('Not for diagnosis.');
    await paused.click();
    await paused.waitFor({ state: 'hidden' });
    await page.keyboard.press('f');
    await page.waitForFunction(() => document.fullscreenElement === null);
    await page.keyboard.press('m');
    await page.getByText('This stream has no sound').waitFor();
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction(() => document.title === 'door · framelift');
    await page.keyboard.press('ArrowLeft');
    await page.waitForFunction(() => document.title === 'cam · framelift');
    await page.keyboard.press('v');
    expect(page.url()).toContain('view=compare');
    await page.keyboard.press('ArrowRight');
    expect(await page.getByRole('slider', { name: /^Comparison slider/ }).inputValue()).toBe('52');
    expect(await page.title()).toBe('cam · framelift');
    await page.keyboard.press('?');
    const dialog = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
    await dialog.waitFor();
    expect(await complaints(page)).toEqual([]);
    // They may be in the way of who speaks to the computer: it types letters.
    await dialog.getByRole('checkbox', { name: 'Keys are heard' }).click();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    await page.keyboard.press(' ');
    await page.reload();
    await stands(page, 'Full rate');
    await page.keyboard.press(' ');
    expect(await paused.isVisible()).toBe(false);
  });

  it('put the video in a window of its own, but not where that would hide the badge', async () => {
    const { url } = await startServer([LIVE]);
    const page = await open(`${url}/?view=upconverted`);
    await page.evaluate(() => {
      // A headless browser has no windows to put it in.
      Object.defineProperty(document, 'pictureInPictureEnabled', { value: true });
      HTMLVideoElement.prototype.requestPictureInPicture = async function put(): Promise<PictureInPictureWindow> {
        document.title = `in a window: ${this.getAttribute('aria-label')}`;
        return new EventTarget() as PictureInPictureWindow;
      };
    });
    await page.keyboard.press('p');
    await page.getByText('There is no picture yet').waitFor();
    await page.evaluate(async () => {
      const canvas = document.createElement('canvas');
      canvas.getContext('2d')?.fillRect(0, 0, 10, 10);
      const video = document.querySelector<HTMLVideoElement>('figure[data-variant="upconverted"] video');
      if (!video) throw new Error('no video');
      video.srcObject = canvas.captureStream(10);
      await new Promise((resolve) => video.addEventListener('loadeddata', resolve, { once: true }));
    });
    await page.getByRole('checkbox', { name: 'Badge' }).click();
    await page.keyboard.press('p');
    await page.getByText('cannot show the badge').waitFor();
    await page.getByRole('checkbox', { name: 'Badge' }).click();
    await page.keyboard.press('p');
    await page.waitForFunction(() => document.title === 'in a window: Upconverted stream');
  });

  it('are letters where somebody types', async () => {
    const { url } = await startServer([LIVE, DOOR]);
    const page = await open(url);
    await page.getByRole('button', { name: 'Publish camera' }).click();
    await page.getByLabel('Publishing token').focus();
    await page.keyboard.type('fmpv?');
    expect(await page.getByLabel('Publishing token').inputValue()).toBe('fmpv?');
    expect(await page.evaluate(() => document.fullscreenElement)).toBeNull();
    expect(page.url()).toBe(`${url}/`);
  });
});

describe('for assistive technology', () => {
  it('nothing lacks a name, a role or contrast, in the dark and in the light', async () => {
    const { url } = await startServer([LIVE, DOOR, THEATRE]);
    const page = await open(`${url}/#/theatre`);
    expect(await complaints(page)).toEqual([]);
    await page.getByText('Slider', { exact: true }).click();
    await page.getByRole('button', { name: 'Switch to light theme' }).click();
    expect(await complaints(page)).toEqual([]);
    await page.getByRole('button', { name: 'Publish camera' }).click();
    expect(await complaints(page)).toEqual([]);
    await page.keyboard.press('Escape');
    expect(await focused(page)).toBe('Publish camera');
  });

  it('the tab key reaches every control, in the order of the page', async () => {
    const { url } = await startServer([LIVE, DOOR]);
    const page = await open(url);
    const reached: string[] = [];
    for (;;) {
      await page.keyboard.press('Tab');
      const name = await focused(page);
      if (reached.includes(name) || (await page.evaluate(() => document.activeElement === document.body))) break;
      reached.push(name);
    }
    expect(reached).toEqual([
      'Side by side',
      'Publish camera',
      'Keyboard shortcuts',
      'Switch to light theme',
      'cam, Full rate',
      'door, Full rate',
      'Source full screen',
      'Upconverted full screen',
      'Badge',
      'Source only',
      'Metrics',
      'API',
    ]);
  });

  it('says a state once, not once a second', async () => {
    const { url } = await startServer([LIVE, DOOR]);
    const page = await open(url);
    const said = await page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          let changes = 0;
          const watch = new MutationObserver(() => {
            changes += 1;
          });
          for (const region of document.querySelectorAll(
            '[role="status"], [role="alert"], [role="note"], [aria-live]',
          )) {
            watch.observe(region, { childList: true, characterData: true, subtree: true });
          }
          setTimeout(() => resolve(changes), 1500);
        }),
    );
    expect(said).toBe(0);
  });
});

it('under the slider the newest source frame that is not later is shown, and none of before the stream began anew', async () => {
  const { url } = await startServer();
  const page = await open(url);
  const shown = await page.evaluate(`import('/player/slider.js').then(({ HeldSource }) => {
    const [camera, screen] = ['canvas', 'canvas'].map((tag) => document.createElement(tag));
    camera.width = camera.height = 16;
    const paint = camera.getContext('2d');
    const source = new HeldSource(screen);
    const hold = (red, moment) => {
      paint.fillStyle = 'rgb(' + red + ' 0 0)';
      paint.fillRect(0, 0, 16, 16);
      source.hold(camera, moment);
    };
    const show = (moment) => {
      source.show(moment);
      return screen.getContext('2d').getImageData(8, 8, 1, 1).data[0];
    };
    hold(50, 1);
    hold(100, 2);
    hold(150, 3);
    const forward = [show(0.9), show(1), show(1.5), show(3.5)];
    hold(200, 4);
    hold(250, 0.5);
    const anew = [show(0.4), show(0.5)];
    const { heldMs } = source;
    source.clear();
    return { forward, anew, held: heldMs >= 0, after: source.heldMs, hidden: screen.hidden };
  })`);
  expect(shown).toEqual({ forward: [0, 50, 50, 150], anew: [150, 250], held: true, after: undefined, hidden: true });
});
