import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WhepEndpoint } from '../../src/egress/whep.ts';
import { WhipEndpoint } from '../../src/ingest/whip/endpoint.ts';
import { SILENT_LOG } from '../../src/log.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { MetricsRegistry } from '../../src/metrics/registry.ts';
import { FrameliftServer } from '../../src/server/server.ts';
import { fromMs, systemClock } from '../../src/time.ts';
import { findProgram, Prometheus } from '../support/prometheus.ts';
import { NO_CONTROL } from '../support/server.ts';

const parts = new AsyncDisposableStack();
const arena = { usedBytes: 1_000_000, liveFrames: 4 };
const metrics = new MetricsRegistry({ clock: systemClock, version: '1.2.3', arena, streams: ['cam'] });
const stream = 'cam';

/** One of every event: then each metric has a series. */
function everything(): void {
  metrics.emit({ type: 'frame', stream, fate: 'source' });
  metrics.emit({ type: 'frame', stream, fate: 'interpolated' });
  metrics.emit({ type: 'frame', stream, fate: 'extrapolated' });
  metrics.emit({ type: 'frame', stream, fate: 'repeated', reason: 'deadline' });
  metrics.emit({ type: 'release', stream, late: fromMs(1), added: fromMs(41) });
  metrics.emit({ type: 'budget', stream, budget: fromMs(90), floor: fromMs(50) });
  metrics.emit({ type: 'ladder', stream, depth: 1, change: { to: 'search', reason: 'late' } });
  metrics.emit({ type: 'provider', model: 'flow-s', provider: 'cpu' });
  metrics.emit({ type: 'drop', stream, stage: 'decode', reason: 'awaiting-keyframe' });
  metrics.emit({ type: 'stage', stream, stage: 'interpolate', span: fromMs(9) });
  metrics.emit({ type: 'deadline-miss', stream });
  metrics.emit({ type: 'queue', stream, stage: 'decode', depth: 1, capacity: 4 });
  metrics.emit({ type: 'queue', stream: '', stage: 'interpolate', depth: 1, capacity: 8 });
  for (const variant of ['upconverted', 'source'] as const) {
    metrics.emit({ type: 'latency', stream, variant, span: fromMs(42) });
    metrics.emit({ type: 'viewers', stream, variant, count: 1 });
    metrics.emit({ type: 'queue', stream, stage: 'encode', variant, depth: 1, capacity: 3 });
    metrics.emit({ type: 'sent', stream, variant, bytes: 5000, packets: 5 });
    metrics.emit({ type: 'keyframe-request', stream, variant, cause: 'join' });
    metrics.emit({ type: 'keyframe', stream, variant });
    metrics.emit({ type: 'retransmit', stream, variant, packets: 1 });
    metrics.emit({ type: 'encoder-bitrate', stream, variant, bitsPerSecond: 4e6 });
    metrics.emit({ type: 'recording-state', stream, variant, state: 'recording' });
    metrics.emit({ type: 'recording-segment', stream, variant });
    metrics.emit({ type: 'recorded', stream, variant, bytes: 5000 });
    metrics.emit({ type: 'recording-drop', stream, variant, count: 3 });
    metrics.emit({ type: 'rtsp-readers', stream, variant, count: 1 });
  }
  metrics.emit({ type: 'recording-removed', stream, reason: 'age' });
  metrics.emit({ type: 'recordings-kept', stream, bytes: 5000, segments: 2 });
  metrics.emit({ type: 'output-live', stream, output: 'mirror', live: true });
  metrics.emit({ type: 'output-sent', stream, output: 'mirror', bytes: 5000 });
  metrics.emit({ type: 'output-restart', stream, output: 'mirror', reason: 'output.refused' });
  metrics.emit({ type: 'ingest-loss', stream, packets: 2 });
  metrics.emit({ type: 'passed-viewers', stream, count: 1 });
  metrics.emit({ type: 'viewer-path', stream, variant: 'upconverted', bitsPerSecond: 2e6, loss: 0.01 });
  metrics.emit({ type: 'viewer-asked', stream, variant: 'upconverted', packets: 3 });
  metrics.emit({ type: 'viewer-round-trip', stream, variant: 'upconverted', span: fromMs(20) });
  const seen = { fps: 59.9, freezes: 1, frozen: fromMs(200), latency: fromMs(90) };
  metrics.emit({ type: 'viewer-seen', stream, variant: 'upconverted', ...seen });
  metrics.emit({ type: 'rendition-change', stream, variant: 'upconverted', rendition: 'reduced' });
  const weak = { viewers: 1, bitsPerSecond: 1e6 } as const;
  metrics.emit({ type: 'rendition', stream, variant: 'upconverted', rendition: 'reduced', ...weak });
  metrics.emit({ type: 'sound', stream, variant: 'upconverted', skew: fromMs(-3) });
  metrics.emit({ type: 'sound-drop', stream, reason: 'late', count: 2 });
  metrics.emit({ type: 'reconnect', stream, reason: 'source.stalled' });
  metrics.emit({ type: 'pair', stream, decision: 'interpolate' });
  metrics.emit({ type: 'inference', model: 'flow-s', provider: 'cpu', span: fromMs(11), jobs: 1 });
  metrics.emit({ type: 'confidence', stream, model: 'flow-s', value: 0.9 });
  metrics.emit({ type: 'state', stream, state: 'full' });
  metrics.emit({ type: 'source-info', stream, codec: 'h264', width: 640, height: 360, fps: 30 });
  metrics.emit({ type: 'source-timing', stream, reordered: fromMs(80), unmarked: fromMs(40), speed: 1.04 });
  metrics.emit({ type: 'latency-cut', stream, latency: fromMs(900) });
  metrics.emit({ type: 'webrtc-drop', reason: 'stranger', count: 3 });
  metrics.emit({ type: 'webrtc-refused', reason: 'plaintext' });
  metrics.emit({ type: 'webrtc-no-port' });
}

describe('promtool', () => {
  it('finds nothing to complain about', async () => {
    everything();
    const { status, stderr, stdout } = spawnSync(findProgram('promtool'), ['check', 'metrics'], {
      input: await metrics.text(),
      encoding: 'utf8',
    });
    expect(stdout + stderr).toBe('');
    expect(status).toBe(0);
  });
});

describe('a real Prometheus', () => {
  let prometheus: Prometheus;
  let feed: NodeJS.Timeout;

  beforeAll(async () => {
    const log = SILENT_LOG;
    const whep = parts.use(new WhepEndpoint({ find: () => undefined }));
    const streams = { list: () => [], engineWarm: () => true, engineFaults: () => [] };
    const whip = parts.use(new WhipEndpoint({ find: () => undefined }));
    const shared = { streams, whep, whip, metrics, log, clock: systemClock, control: NO_CONTROL };
    const server = await FrameliftServer.start({ port: 0 }, shared);
    parts.use(server);
    feed = setInterval(everything, 20);
    parts.defer(() => clearInterval(feed));
    prometheus = parts.use(await Prometheus.start(`127.0.0.1:${server.port}`));
  });

  it('scrapes the server', async () => {
    const [up] = await prometheus.eventually('up{job="framelift"} == 1');
    expect(up?.value).toBe(1);
  });

  it('has data for every metric', async () => {
    await prometheus.eventually('framelift_frames_total');
    for (const { name, kind } of Object.values(CATALOGUE)) {
      const series = kind === 'histogram' ? `${name}_bucket` : name;
      expect((await prometheus.query(series)).length, series).toBeGreaterThan(0);
    }
  });

  it('answers the questions an operator asks', async () => {
    const rate = await prometheus.eventually('sum by (fate) (rate(framelift_frames_total{stream="cam"}[5s]))');
    expect(rate.map(({ metric }) => metric.fate).toSorted()).toEqual([
      'extrapolated',
      'interpolated',
      'repeated',
      'source',
    ]);
    for (const { value } of rate) expect(value).toBeGreaterThan(10);
    const [p95] = await prometheus.eventually(
      'histogram_quantile(0.95, sum by (le) (rate(framelift_latency_seconds_bucket{variant="upconverted"}[5s])))',
    );
    expect(p95?.value).toBeGreaterThan(0.0333);
    expect(p95?.value).toBeLessThanOrEqual(0.05);
    const [state] = await prometheus.query('framelift_stream_state == 1');
    expect(state?.metric).toMatchObject({ stream: 'cam', state: 'full' });
  });
});

afterAll(async () => {
  await parts.disposeAsync();
  metrics[Symbol.dispose]();
});
