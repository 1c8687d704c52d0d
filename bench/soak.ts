/**
 * Serves the demo to a Chromium for a long time and watches what must not grow: memory, queues, latency.
 *
 *     node bench/soak.ts [--minutes 20] [--json]
 *
 * Prints one line a minute; at the end the medians of resident memory over the first and last quarter after a warm-up of
 * one tenth, the fullest queue, and the frames live at exit. Exit status 1 when memory grew by 3 % or more, a queue
 * went over its capacity, or a frame was left.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startApp } from '../test/support/app.ts';
import { launchChromium } from '../test/support/chromium.ts';
import { countPerSecond, firstPicture, median, openPage } from '../test/support/page.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '20' }, json: { type: 'boolean', default: false } },
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error(`--minutes ${values.minutes} is not a positive number`);

const app = await startApp([]);
const browser = await launchChromium();
const page = await openPage(browser, app.url);
await firstPicture(page, 'upconverted');

/** Resident memory of the server, MiB. */
const rss = (): number => {
  const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${app.pid}/status`, 'utf8'))?.[1];
  return Number(kib) / 1024;
};

/** The fullest queue in /metrics as a share of its capacity. */
async function fullestQueue(): Promise<number> {
  const text = await (await fetch(`${app.url}/metrics`)).text();
  const read = (name: string): Map<string, number> =>
    new Map(
      [...text.matchAll(new RegExp(`^${name}(\\{[^}]*\\}) (\\S+)$`, 'gm'))].map((m) => [m[1] ?? '', Number(m[2])]),
    );
  const capacity = read('framelift_queue_capacity');
  return Math.max(0, ...[...read('framelift_queue_depth')].map(([queue, depth]) => depth / (capacity.get(queue) || 1)));
}

const samples: number[] = [];
let fullest = 0;
let worst = Number.POSITIVE_INFINITY;
const end = performance.now() + minutes * 60_000;
for (let n = 0; performance.now() < end; n += 1) {
  const fps = median(await countPerSecond(page, 'upconverted', 5));
  samples.push(rss());
  fullest = Math.max(fullest, await fullestQueue());
  worst = Math.min(worst, fps);
  if (n % 12 === 0) {
    const { stats, state } = await app.stream('demo');
    const { interpolated, repeated } = stats.frames;
    console.error(
      `${((n * 5) / 60).toFixed(0).padStart(3)} min: ${fps} fps presented, ${samples.at(-1)?.toFixed(1)} MiB, ${state}, ` +
        `${interpolated} gaps interpolated and ${repeated} repeated in 5 s, fullest queue ${(100 * fullest).toFixed(0)} %`,
    );
  }
}
await browser.close();
const { code } = await app.stop();
const live = Number(/"liveFrames":(\d+)/.exec(app.log())?.[1] ?? Number.NaN);
const warm = samples.slice(Math.ceil(samples.length / 10));
const quarter = Math.max(1, Math.floor(warm.length / 4));
const [first, last] = [median(warm.slice(0, quarter)), median(warm.slice(-quarter))];
const result = {
  minutes,
  firstQuarterMiB: Number(first.toFixed(1)),
  lastQuarterMiB: Number(last.toFixed(1)),
  growthPercent: Number((100 * (last / first - 1)).toFixed(2)),
  fullestQueuePercent: Number((100 * fullest).toFixed(0)),
  leastFps: worst,
  liveFramesAtExit: live,
  exitCode: code,
};
console.log(values.json ? JSON.stringify(result) : result);
process.exitCode = result.growthPercent < 3 && fullest <= 1 && live === 0 && code === 0 ? 0 : 1;
