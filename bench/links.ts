/**
 * Weak links: a real Chromium plays through a path that is narrow, late or lossy, beside another one with a good path; and how
 * fast the first is back at full rate when the path is.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { type App, startApp } from '../test/support/app.ts';
import { launchChromium } from '../test/support/chromium.ts';
import { ImpairedPath, type Impairment } from '../test/support/impair.ts';
import { type LinkView, LinkViewer } from '../test/support/link-viewer.ts';
import { liveClip } from './live-clip.ts';
import { quantile } from './statistics.ts';

/** What is measured. */
export interface LinksOptions {
  readonly width: number;
  readonly height: number;
  /** Bits per second of the full rendition. */
  readonly bitrate: number;
  readonly model: string;
  /** Of framelift; shown at the end, unless it is `warn`. */
  readonly log: string;
  /** Seconds on the bad path; the first three do not count. */
  readonly seconds: number;
  readonly paths: readonly LinkPath[];
  readonly onProgress: (text: string) => void;
}

/** One bad path. */
interface LinkPath {
  readonly name: string;
  readonly impairment: Impairment;
}

/** What became of the viewer behind one path, and of the one beside it. */
export interface LinkResult extends LinkView {
  readonly path: string;
  /** Of packets in the path's queue, milliseconds. */
  readonly queueP50Ms: number;
  readonly queueP95Ms: number;
  /** Share of the path's rate that was used; undefined where it has none. */
  readonly used: number | undefined;
  /** Seconds from the path's return until the viewer had 59 fps; undefined: not within 15 s. */
  readonly upAgainSeconds: number | undefined;
  /** The viewer beside it. */
  readonly other: LinkView;
}

/** Seconds that a viewer has to come to terms with its path. */
const SETTLE_SECONDS = 3;
const MAX_CLIMB_SECONDS = 15;

/** Measures each path in turn. @throws FrameliftError, and what Chromium says. */
export async function measureLinks(options: LinksOptions): Promise<readonly LinkResult[]> {
  const { width, height, bitrate, model, seconds, paths, onProgress } = options;
  const whole = (seconds + SETTLE_SECONDS + MAX_CLIMB_SECONDS + 10) * paths.length;
  const source = await liveClip({ width, height, fps: 30 }, whole);
  const folder = await mkdtemp(join(tmpdir(), 'framelift-links-'));
  const config = join(folder, 'framelift.json');
  const stream = { name: 'live', source, fps: 60, model, bitrateKbps: bitrate / 1000 };
  await writeFile(config, JSON.stringify({ log: options.log, streams: [stream] }));
  const app = await startApp(['--config', config]);
  const browser = await launchChromium();
  try {
    const results: LinkResult[] = [];
    for (const path of paths) {
      onProgress(path.name);
      results.push(await measureOne(app, browser, path, seconds));
    }
    return results;
  } finally {
    await browser.close();
    await app.stop();
    if (options.log !== 'warn') onProgress(app.log());
    await rm(folder, { recursive: true });
  }
}

async function measureOne(app: App, browser: Browser, of: LinkPath, seconds: number): Promise<LinkResult> {
  const { name, impairment } = of;
  await using path = await ImpairedPath.open();
  path.impair(impairment);
  const [weak, other] = await Promise.all([LinkViewer.play(browser, app.url, path), LinkViewer.play(browser, app.url)]);
  await sleep(SETTLE_SECONDS * 1000);
  await Promise.all([weak.begin(), other.begin()]);
  path.queued.length = 0;
  const bytes = path.counts.bytesDown;
  const began = performance.now();
  await sleep(seconds * 1000);
  const elapsed = (performance.now() - began) / 1000;
  const carried = ((path.counts.bytesDown - bytes) * 8) / elapsed;
  const queued = path.queued.length > 0 ? [...path.queued] : [0];
  const [seen, beside] = await Promise.all([weak.look(), other.look()]);
  path.impair({});
  const upAgainSeconds = await weak.climb(MAX_CLIMB_SECONDS);
  await Promise.all([weak.close(), other.close()]);
  return {
    ...{ path: name, ...seen, other: beside, upAgainSeconds },
    queueP50Ms: quantile(queued, 0.5),
    queueP95Ms: quantile(queued, 0.95),
    used: impairment.rate === undefined ? undefined : carried / impairment.rate,
  };
}
