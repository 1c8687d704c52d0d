/** Plays an RTSP source in a process of its own, to see what a hostile server costs: `node rtsp-child.ts URL SECONDS`. */

import { FrameliftError } from '../../src/errors.ts';
import { DEFAULT_LIMITS } from '../../src/ingest/limits.ts';
import { rtspSource } from '../../src/ingest/rtsp/source.ts';
import { Arena } from '../../src/media/arena.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { systemClock } from '../../src/time.ts';

/** What the process writes as one line of JSON. */
export interface ChildReport {
  /** Most resident memory beyond that at the start, in megabytes. */
  readonly grownMb: number;
  /** CPU time as a part of the time that passed. */
  readonly load: number;
  readonly frames: number;
  /** Why the source ended, undefined when it was stopped. */
  readonly code: string | undefined;
  readonly message: string | undefined;
}

const [url = '', seconds = '1'] = process.argv.slice(2);
const source = rtspSource({
  ...{ url, stream: 's', arena: new Arena(64), clock: systemClock, events: noEvents },
  limits: { ...DEFAULT_LIMITS, maxBitrateKbps: 50_000 },
});
const stop = new AbortController();
const before = process.memoryUsage.rss();
const cpuBefore = process.cpuUsage();
const started = performance.now();
let most = before;
const sampler = setInterval(() => {
  most = Math.max(most, process.memoryUsage.rss());
}, 10);
setTimeout(() => stop.abort(), 1000 * Number(seconds)).unref();
let frames = 0;
let error: unknown;
const sink = {
  frame: (frame: { release(): void }) => {
    frames += 1;
    frame.release();
  },
  info: () => {},
};
await source.run(sink, stop.signal).catch((thrown: unknown) => {
  error = thrown;
});
clearInterval(sampler);
const { user, system } = process.cpuUsage(cpuBefore);
const failure = error instanceof FrameliftError ? error : undefined;
const report: ChildReport = {
  grownMb: Math.round((Math.max(most, process.memoryUsage.rss()) - before) / 1e6),
  load: (user + system) / 1000 / (performance.now() - started),
  frames,
  code: failure?.code ?? (error === undefined ? undefined : 'foreign'),
  message: failure?.message ?? (error === undefined ? undefined : String(error)),
};
process.stdout.write(`${JSON.stringify(report)}\n`);
