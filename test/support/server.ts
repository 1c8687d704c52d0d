/** The HTTP server over scripted streams. */

import { onTestFinished } from 'vitest';
import { Publication } from '../../src/egress/publication.ts';
import { WhepEndpoint } from '../../src/egress/whep.ts';
import { WhipEndpoint } from '../../src/ingest/whip/endpoint.ts';
import { SILENT_LOG } from '../../src/log.ts';
import { MetricsRegistry } from '../../src/metrics/registry.ts';
import type { ConfigControl, StreamControl, StreamEntry } from '../../src/server/contract.ts';
import { FrameliftServer, type ServerDeps, type ServerOptions } from '../../src/server/server.ts';
import { systemClock } from '../../src/time.ts';
import { testAccess } from './tokens.ts';

const START = '2026-01-01T00:00:00.000Z';

/** A stream that is well. */
export const LIVE: StreamEntry = {
  name: 'cam',
  label: 'rtsp://user:secret@camera.example/1',
  target: '60 fps',
  model: 'flow-s',
  ready: true,
  ladder: { rung: 'flow-s', rungs: ['flow-s', 'search', 'hold'], reason: undefined, detail: undefined, since: START },
  latencyBudgetMs: 56.7,
  latencyFloorMs: 16.7,
  badge: false,
  awaitsPublisher: false,
  notice: undefined,
  timing: [],
  sourceVariant: { form: 'pass' },
  outputs: [],
  state: 'full',
  reason: undefined,
  phase: 'live',
  error: undefined,
  source: { codec: 'h264', width: 640, height: 360, fps: 30 },
};

const unexpected = async (): Promise<never> => {
  throw new Error('nobody was to call this');
};
const streams: StreamControl = { add: unexpected, change: unexpected, remove: unexpected };
const config: ConfigControl = { show: () => ({}), reload: unexpected };

/** For servers whose streams are not to be changed. */
export const NO_CONTROL: ServerDeps['control'] = { streams, config };

/** What tests choose; the rest is as for a server without configuration. */
export interface TestServerOptions extends Partial<ServerOptions & ServerDeps> {
  /** Other sites whose pages may play, and publish. */
  readonly playOrigins?: readonly string[];
  readonly publishOrigins?: readonly string[];
}

/** Starts it on a free port, with the tokens of tests; it is closed with the test. What `entries` holds is read anew at every question. */
export async function startServer(
  entries: StreamEntry[] = [LIVE],
  options: TestServerOptions = {},
): Promise<FrameliftServer> {
  const { clock = systemClock, basePath = '', playOrigins = [], publishOrigins = [] } = options;
  const metrics = new MetricsRegistry({ clock, version: '1.2.3', streams: entries.map(({ name }) => name) });
  const publication = new Publication({
    stream: 'cam',
    variant: 'upconverted',
    clock: systemClock,
    events: metrics,
    fps: 60,
  });
  const whep = new WhepEndpoint({
    ...{ basePath: `${basePath}/whep/`, allowedOrigins: playOrigins },
    find: (name) => (name === 'cam' ? publication : undefined),
  });
  const whip = new WhipEndpoint({ find: () => undefined, allowedOrigins: publishOrigins });
  const log = SILENT_LOG;
  const streams = { list: () => entries, engineWarm: () => true, engineFaults: () => [] };
  onTestFinished(async () => {
    await whep[Symbol.asyncDispose]();
    await publication[Symbol.asyncDispose]();
    metrics[Symbol.dispose]();
  });
  const deps = { streams, whep, whip, metrics, log, clock, access: testAccess(), control: NO_CONTROL };
  const server = await FrameliftServer.start({ port: 0, ...options }, { ...deps, ...options });
  onTestFinished(() => server.close());
  return server;
}
