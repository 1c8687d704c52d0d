/// <reference lib="dom" />
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { StreamEntry } from '../../src/server/contract.ts';
import { launchChromium } from '../support/chromium.ts';
import { LIVE, startServer } from '../support/server.ts';

const DOOR: StreamEntry = { ...LIVE, name: 'door', label: 'WHIP publisher', awaitsPublisher: true };
/** As long as a name can be. */
const LONG: StreamEntry = { ...LIVE, name: `operating-theatre-3_${'x'.repeat(44)}`, notice: 'Not for diagnosis.' };
const WIDTHS = [320, 360, 375, 390, 412, 430, 600, 680, 768, 1024, 1080, 1180, 1440, 1920];
const VIEWS = ['source', 'upconverted', 'both', 'compare'];

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
});

/** What is wrong with where the controls are: off the screen, under something else, over one another, or cut. */
function faultsOfLayout(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const { clientWidth } = document.documentElement;
    const faults: string[] = [];
    if (document.documentElement.scrollWidth > clientWidth) faults.push('the page scrolls sideways');
    const named = (element: Element): string =>
      element.getAttribute('aria-label') ?? (element.textContent?.trim() || element.id || element.outerHTML);
    const controls = [...document.querySelectorAll('button, a, select, input, label:has(input)')].filter(
      (element) => element.checkVisibility({ visibilityProperty: true }) && !element.matches('.views input'),
    );
    const boxes = controls.map((control) => {
      const { left, right, width, height } = control.getBoundingClientRect();
      if (left < 0 || right > clientWidth + 0.5) faults.push(`off the screen: ${named(control)} ${left}…${right}`);
      if (width < 8 || height < 8) faults.push(`too small: ${named(control)} ${width} × ${height}`);
      control.scrollIntoView({ block: 'center', behavior: 'instant' });
      const box = control.getBoundingClientRect();
      const hit = document.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2);
      const own = hit && (control.contains(hit) || hit.contains(control));
      if (!own) faults.push(`under something else: ${named(control)} under ${hit?.outerHTML.slice(0, 80)}`);
      const { scrollX, scrollY } = window;
      return { control, box: new DOMRect(box.x + scrollX, box.y + scrollY, box.width, box.height) };
    });
    for (const [i, { control, box }] of boxes.entries()) {
      for (const other of boxes.slice(i + 1)) {
        if (control.contains(other.control) || other.control.contains(control)) continue;
        const wide = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
        const high = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
        if (wide > 1 && high > 1) faults.push(`over one another: ${named(control)}, ${named(other.control)}`);
      }
    }
    for (const name of document.querySelectorAll<HTMLElement>(
      '#streams a, #stream-name, .vacancy a, figcaption .name',
    )) {
      if (!name.checkVisibility()) continue;
      if (name.scrollWidth > name.clientWidth + 1 && getComputedStyle(name).display !== 'inline') {
        faults.push(`cut: ${named(name)}`);
      }
    }
    return faults;
  });
}

it('at every width every control of every view is on the screen, free, and no name is cut', async () => {
  const { url } = await startServer([LIVE, DOOR, LONG]);
  const page = await browser.newPage();
  const found: string[] = [];
  for (const name of ['cam', LONG.name]) {
    await page.goto(`${url}/#/${name}`);
    await page.locator('#state-name', { hasText: 'Full rate' }).waitFor();
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: width < 700 ? 780 : 900 });
      for (const view of VIEWS) {
        await page.locator(`[name="view"][value="${view}"]`).evaluate((radio: HTMLInputElement) => radio.click());
        found.push(...(await faultsOfLayout(page)).map((fault) => `${name.slice(0, 8)} ${view} at ${width}: ${fault}`));
      }
    }
  }
  expect(found).toEqual([]);
  await page.close();
});

it('so it is where there is nothing to play', async () => {
  const { url } = await startServer([LIVE, DOOR, LONG]);
  const { url: empty } = await startServer([]);
  const page = await browser.newPage();
  const found: string[] = [];
  for (const address of [`${url}/#/${'y'.repeat(64)}`, empty]) {
    await page.goto(address);
    await page.locator('#vacancy').waitFor();
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 780 });
      found.push(...(await faultsOfLayout(page)).map((fault) => `${address} at ${width}: ${fault}`));
    }
  }
  expect(found).toEqual([]);
  await page.close();
});
