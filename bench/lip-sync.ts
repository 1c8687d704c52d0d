/**
 * How far a camera's beeps are from its flashes where they come out of a Chromium that plays framelift's page: by Web
 * Audio and `requestVideoFrameCallback`. At 30 → 60 and at 7.5 → 30; at first, after the camera was started anew, and
 * after the stream's model was changed, which moves the delay.
 *
 *     node bench/lip-sync.ts [--seconds 20] [--settle 12] [--sound opus|pcmu|pcma|aac] [--json]
 *
 * Prints a line for each; exit status 1 where the 95th percentile of one is over 20 ms. Only on a machine with nothing
 * else to do.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startApp } from '../test/support/app.ts';
import { startCamera } from '../test/support/camera.ts';
import { launchChromium } from '../test/support/chromium.ts';
import { listenToPage, skewsOf, takeHeard, worstSkew } from '../test/support/flash-and-beep.ts';
import { median } from '../test/support/page.ts';
import { bearer, TOKENS } from '../test/support/tokens.ts';

const PROMISED_MS = 20;
const SOUNDS = ['opus', 'pcmu', 'pcma', 'aac'] as const;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    settle: { type: 'string', default: '12' },
    sound: { type: 'string', default: 'opus' },
    json: { type: 'boolean', default: false },
  },
});
const [seconds, settle] = [Number(values.seconds), Number(values.settle)];
if (!(seconds > 0 && settle >= 0)) throw new Error('--seconds and --settle are numbers of seconds');

function soundOf(text: string): (typeof SOUNDS)[number] {
  const known = SOUNDS.find((one) => one === text);
  if (!known) throw new Error(`--sound ${text} is none of ${SOUNDS.join(', ')}`);
  return known;
}
const sound = soundOf(values.sound);

interface Result {
  readonly rate: string;
  readonly when: string;
  readonly beeps: number;
  readonly medianMs: number;
  readonly p95Ms: number;
}

async function measureRate(fps: number, out: number, beepEvery: number): Promise<Result[]> {
  const results: Result[] = [];
  const options = { size: '640x360', fps, kbps: 2000, sound, beepEvery } as const;
  let camera = await startCamera(options);
  const app = await startApp([camera.url, '--fps', String(out), '--admin-token', TOKENS.admin]);
  const browser = await launchChromium();
  try {
    const page = await listenToPage(browser, app.url);
    const measure = async (when: string): Promise<void> => {
      await sleep(1000 * settle);
      await takeHeard(page);
      await sleep(1000 * seconds);
      const skews = skewsOf(await takeHeard(page));
      const rate = `${fps} → ${out}`;
      results.push({ rate, when, beeps: skews.length, medianMs: median(skews), p95Ms: worstSkew(skews) });
    };
    await measure('at first');
    await camera.stop();
    await sleep(1000);
    camera = await startCamera({ ...options, port: camera.port });
    await measure('source restarted');
    const changed = await fetch(`${app.url}/api/streams/live`, {
      method: 'POST',
      headers: { ...bearer(TOKENS.admin), 'Content-Type': 'application/json' },
      body: JSON.stringify({ model: 'search' }),
    });
    if (!changed.ok) throw new Error(`the model was not changed: ${changed.status} ${await changed.text()}`);
    await measure('model changed');
    return results;
  } finally {
    await browser.close();
    await app.stop();
    await camera.stop();
  }
}

const results = [...(await measureRate(30, 60, 0.5)), ...(await measureRate(7.5, 30, 0.8))];
if (values.json) console.log(JSON.stringify(results));
else {
  for (const { rate, when, beeps, medianMs, p95Ms } of results) {
    console.log(
      `${rate}, ${when}: ${beeps} beeps, median ${medianMs.toFixed(0)} ms, |skew| p95 ${p95Ms.toFixed(0)} ms`,
    );
  }
}
process.exitCode = results.every(({ beeps, p95Ms }) => beeps > 0 && p95Ms <= PROMISED_MS) ? 0 : 1;
