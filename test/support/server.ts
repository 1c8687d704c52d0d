/** The HTTP server over scripted streams. */
import { onTestFinished } from 'vitest';
import { Publication } from '../../src/egress/publication.ts';
import { WhepEndpoint } from '../../src/egress/whep.ts';
import { WhipEndpoint } from '../../src/ingest/whip.ts';
import { MetricsRegistry } from '../../src/metrics/registry.ts';
import type { StreamEntry } from '../../src/server/directory.ts';
import { FrameliftServer, type ServerOptions } from '../../src/server.ts';
import { systemClock, ZERO } from '../../src/time.ts';

/** A stream that is well. */
export const LIVE: StreamEntry = {
  name: 'cam',
  label: 'rtsp://user:secret@camera.example/1',
  target: '60 fps',
  model: 'flow-s',
  ready: true,
  ladder: { rung: 'flow-s', rungs: ['flow-s', 'search', 'hold'], reason: undefined, detail: undefined, since: ZERO },
  latencyBudgetMs: 56.7,
  latencyFloorMs: 16.7,
  status: {
    state: 'full',
    reason: undefined,
    phase: 'live',
    sourceInfo: { codec: 'h264', width: 640, height: 360, fps: 30 },
    lastError: undefined,
  },
};

/** Starts it on a free port; it is closed with the test. What `entries` holds is read anew at every question. */
export async function startServer(
  entries: StreamEntry[] = [LIVE],
  options: Partial<ServerOptions> = {},
): Promise<FrameliftServer> {
  const { clock = systemClock } = options;
  const metrics = new MetricsRegistry({ clock, version: '1.2.3', streams: entries.map(({ name }) => name) });
  const publication = new Publication({
    stream: 'cam',
    variant: 'upconverted',
    clock: systemClock,
    events: metrics,
    fps: 60,
  });
  const whep = new WhepEndpoint({ find: (name) => (name === 'cam' ? publication : undefined) });
  const whip = new WhipEndpoint({ find: () => undefined });
  const log = { info: () => {}, warn: () => {} };
  const streams = { list: () => entries, engineWarm: () => true, setModel: async () => {} };
  onTestFinished(async () => {
    await whep[Symbol.asyncDispose]();
    await publication[Symbol.asyncDispose]();
    metrics[Symbol.dispose]();
  });
  const server = await FrameliftServer.start({ port: 0, streams, whep, whip, metrics, log, clock, ...options });
  onTestFinished(() => server.close());
  return server;
}
