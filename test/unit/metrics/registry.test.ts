import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LABEL_LIMITS } from '../../../src/metrics/catalogue/definition.ts';
import { CATALOGUE } from '../../../src/metrics/catalogue.ts';
import { MetricsRegistry } from '../../../src/metrics/registry.ts';
import { fromMs, ManualClock, micros } from '../../../src/time.ts';

let metrics: MetricsRegistry;
let clock: ManualClock;

beforeEach(() => {
  clock = new ManualClock();
  const arena = { usedBytes: 4096, liveFrames: 3 };
  metrics = new MetricsRegistry({ clock, version: '1.2.3', arena, streams: ['cam'] });
});
afterEach(() => metrics[Symbol.dispose]());

/** Value of a series, by its exact text. */
async function value(series: string): Promise<number | undefined> {
  const line = (await metrics.text()).split('\n').find((text) => text.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

describe('the catalogue', () => {
  it('has a prefix, a help sentence, known labels and counters that end in _total', () => {
    for (const { name, help, kind, labels } of Object.values(CATALOGUE)) {
      expect(name).toMatch(/^framelift_[a-z_]+$/);
      expect(help).toMatch(/^[A-Z0-9].*\.$/);
      expect(name.endsWith('_total')).toBe(kind === 'counter');
      for (const label of labels) expect(Object.keys(LABEL_LIMITS)).toContain(label);
    }
  });

  it('is exported whole, with HELP and TYPE for each metric', async () => {
    const text = await metrics.text();
    for (const { name, help, kind } of Object.values(CATALOGUE)) {
      expect(text).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`);
    }
  });

  it('says what the time of the pacer is', () => {
    expect(CATALOGUE.stageTime.help).toContain("pace: from the source frame's arrival to release");
  });

  it('has latency buckets from 1 to 500 ms', () => {
    expect(CATALOGUE.latency.buckets[0]).toBe(0.001);
    expect(CATALOGUE.latency.buckets.at(-1)).toBe(0.5);
    expect([...CATALOGUE.latency.buckets]).toEqual(CATALOGUE.latency.buckets.toSorted((a, b) => a - b));
  });
});

describe('events', () => {
  it('are counted, also over several scrapes', async () => {
    metrics.emit({ type: 'frame', stream: 'cam', fate: 'interpolated' });
    metrics.emit({ type: 'frame', stream: 'cam', fate: 'interpolated' });
    expect(await value('framelift_frames_total{stream="cam",fate="interpolated"}')).toBe(2);
    metrics.emit({ type: 'frame', stream: 'cam', fate: 'interpolated' });
    expect(await value('framelift_frames_total{stream="cam",fate="interpolated"}')).toBe(3);
    expect(await value('framelift_frames_total{stream="cam",fate="source"}')).toBe(0);
  });

  it('become the metrics they are for', async () => {
    const stream = 'cam';
    const variant = 'upconverted';
    metrics.emit({ type: 'frame', stream, fate: 'repeated', reason: 'deadline' });
    metrics.emit({ type: 'release', stream, late: fromMs(3.5), added: fromMs(41) });
    metrics.emit({ type: 'release', stream, late: fromMs(5), added: undefined });
    metrics.emit({ type: 'budget', stream, budget: fromMs(90), floor: fromMs(50) });
    metrics.emit({ type: 'drop', stream, stage: 'decode', reason: 'loss', count: 4 });
    metrics.emit({ type: 'stage', stream, stage: 'encode', span: fromMs(7) });
    metrics.emit({ type: 'latency', stream, variant, span: fromMs(90) });
    metrics.emit({ type: 'deadline-miss', stream });
    metrics.emit({ type: 'queue', stream, stage: 'peer', variant, depth: 2, capacity: 8 });
    metrics.emit({ type: 'viewers', stream, variant, count: 5 });
    metrics.emit({ type: 'sent', stream, variant, bytes: 1200, packets: 1 });
    metrics.emit({ type: 'keyframe-request', stream, variant, cause: 'pli' });
    metrics.emit({ type: 'keyframe', stream, variant });
    metrics.emit({ type: 'retransmit', stream, variant, packets: 6 });
    metrics.emit({ type: 'encoder-bitrate', stream, variant, bitsPerSecond: 8_000_000 });
    metrics.emit({ type: 'ingest-loss', stream, packets: 9 });
    metrics.emit({ type: 'reconnect', stream, reason: 'source.stalled' });
    metrics.emit({ type: 'webrtc-refused', reason: 'plaintext' });
    metrics.emit({ type: 'pair', stream, decision: 'cut' });
    metrics.emit({ type: 'provider', model: 'flow-s', provider: 'cpu' });
    metrics.emit({ type: 'inference', model: 'flow-s', provider: 'cpu', span: fromMs(12), jobs: 2 });
    metrics.emit({ type: 'confidence', stream, model: 'flow-s', value: 0.97 });
    metrics.emit({ type: 'source-info', stream, codec: 'h264', width: 1280, height: 720 });
    const labels = 'stream="cam",variant="upconverted"';
    const wanted: Record<string, number> = {
      'framelift_provider_info{model="flow-s",provider="cpu"}': 1,
      'framelift_frames_repeated_total{stream="cam",reason="deadline"}': 1,
      'framelift_release_lateness_seconds_bucket{le="0.004",stream="cam"}': 1,
      'framelift_release_lateness_seconds_count{stream="cam"}': 2,
      'framelift_added_latency_seconds_sum{stream="cam"}': 0.041,
      'framelift_latency_budget_seconds{stream="cam"}': 0.09,
      'framelift_latency_floor_seconds{stream="cam"}': 0.05,
      'framelift_added_latency_seconds_count{stream="cam"}': 1,
      'framelift_frames_dropped_total{stream="cam",stage="decode",reason="loss"}': 4,
      'framelift_stage_duration_seconds_bucket{le="0.008",stream="cam",stage="encode"}': 1,
      [`framelift_latency_seconds_sum{${labels}}`]: 0.09,
      'framelift_deadline_misses_total{stream="cam"}': 1,
      'framelift_queue_depth{stream="cam",stage="peer",variant="upconverted"}': 2,
      'framelift_queue_capacity{stream="cam",stage="peer",variant="upconverted"}': 8,
      [`framelift_viewers{${labels}}`]: 5,
      [`framelift_sent_bytes_total{${labels}}`]: 1200,
      [`framelift_sent_packets_total{${labels}}`]: 1,
      [`framelift_keyframe_requests_total{${labels},cause="pli"}`]: 1,
      [`framelift_keyframes_total{${labels}}`]: 1,
      [`framelift_retransmitted_packets_total{${labels}}`]: 6,
      [`framelift_encoder_target_bytes_per_second{${labels}}`]: 1_000_000,
      'framelift_ingest_lost_packets_total{stream="cam"}': 9,
      'framelift_reconnects_total{stream="cam",reason="source.stalled"}': 1,
      'framelift_webrtc_refused_total{reason="plaintext"}': 1,
      'framelift_pairs_total{stream="cam",decision="cut"}': 1,
      'framelift_inference_jobs_total{model="flow-s",provider="cpu"}': 2,
      'framelift_inference_batch_pairs_bucket{le="1",model="flow-s",provider="cpu"}': 0,
      'framelift_inference_batch_pairs_bucket{le="2",model="flow-s",provider="cpu"}': 1,
      'framelift_inference_duration_seconds_count{model="flow-s",provider="cpu"}': 1,
      'framelift_confidence_ratio_bucket{le="0.99",stream="cam",model="flow-s"}': 1,
      'framelift_source_info{stream="cam",codec="h264"}': 1,
      'framelift_source_height_pixels{stream="cam"}': 720,
      'framelift_memory_bytes{space="arena"}': 4096,
      framelift_live_frames: 3,
      [`framelift_build_info{version="1.2.3",node="${process.version}"}`]: 1,
    };
    const text = `\n${await metrics.text()}`;
    for (const [series, count] of Object.entries(wanted)) expect(text).toContain(`\n${series} ${count}\n`);
  });

  it('give the output rate of each variant', async () => {
    for (let i = 0; i < 240; i += 1) {
      metrics.emit({ type: 'frame', stream: 'cam', fate: 'interpolated' });
      if (i % 2 === 0) metrics.emit({ type: 'pair', stream: 'cam', decision: 'interpolate' });
      clock.advance(fromMs(20));
    }
    expect(await value('framelift_output_fps{stream="cam",variant="upconverted"}')).toBeCloseTo(50, 3);
    expect(await value('framelift_output_fps{stream="cam",variant="source"}')).toBeCloseTo(25, 3);
  });

  it('show the deepest a queue was since the last scrape, then how deep it is', async () => {
    const depth = (values: readonly number[]): void => {
      for (const value of values) {
        metrics.emit({ type: 'queue', stream: 'cam', stage: 'encode', variant: 'source', depth: value, capacity: 3 });
      }
    };
    const series = 'framelift_queue_depth{stream="cam",stage="encode",variant="source"}';
    depth([1, 3, 2, 1]);
    expect(await value(series)).toBe(3);
    expect(await value(series)).toBe(1);
    depth([0]);
    expect(await value(series)).toBe(1);
    expect(await value(series)).toBe(0);
  });

  it('keep the queues of both variants apart', async () => {
    for (const variant of ['upconverted', 'source'] as const) {
      const depth = variant === 'source' ? 1 : 2;
      metrics.emit({ type: 'queue', stream: 'cam', stage: 'encode', variant, depth, capacity: 3 });
    }
    expect(await value('framelift_queue_depth{stream="cam",stage="encode",variant="upconverted"}')).toBe(2);
    expect(await value('framelift_queue_depth{stream="cam",stage="encode",variant="source"}')).toBe(1);
  });

  it('of a queue that all streams share belong to no stream', async () => {
    metrics.emit({ type: 'queue', stream: '', stage: 'interpolate', depth: 4, capacity: 8 });
    const text = await metrics.text();
    expect(text).toContain('framelift_queue_depth{stream="",stage="interpolate",variant=""} 4\n');
    expect(text).not.toContain('framelift_viewers{stream=""');
    expect(text).not.toContain('framelift_viewers{stream="other"');
  });

  it('show exactly one state', async () => {
    for (const state of ['full', 'degraded', 'pass-through', 'waiting'] as const) {
      metrics.emit({ type: 'state', stream: 'cam', state });
      const ones = (await metrics.text())
        .split('\n')
        .filter((l) => l.startsWith('framelift_stream_state') && l.endsWith(' 1'));
      expect(ones).toEqual([`framelift_stream_state{stream="cam",state="${state}"} 1`]);
    }
  });

  it('tell how far down its ladder a stream stands, and count what led there', async () => {
    metrics.emit({ type: 'ladder', stream: 'cam', depth: 0 });
    metrics.emit({ type: 'ladder', stream: 'cam', depth: 1, change: { to: 'search', reason: 'late' } });
    metrics.emit({ type: 'ladder', stream: 'cam', depth: 2, change: { to: 'hold', reason: 'late' } });
    metrics.emit({ type: 'ladder', stream: 'cam', depth: 1, change: { to: 'search', reason: 'recovered' } });
    const changes = (rung: string, reason: string): string =>
      `framelift_ladder_changes_total{stream="cam",rung="${rung}",reason="${reason}"}`;
    expect(await value('framelift_ladder_depth{stream="cam"}')).toBe(1);
    expect(await value(changes('search', 'late'))).toBe(1);
    expect(await value(changes('hold', 'late'))).toBe(1);
    expect(await value(changes('search', 'recovered'))).toBe(1);
  });

  it('that are no numbers change nothing and throw nothing', async () => {
    metrics.emit({ type: 'latency', stream: 'cam', variant: 'source', span: micros(Number.NaN) });
    metrics.emit({ type: 'sent', stream: 'cam', variant: 'source', bytes: Number.NaN, packets: -1 });
    metrics.emit({ type: 'viewers', stream: 'cam', variant: 'source', count: Number.POSITIVE_INFINITY });
    const text = await metrics.text();
    expect(text).not.toMatch(/ (nan|[+-]?inf)/i);
    expect(text).toContain('framelift_sent_bytes_total{stream="cam",variant="source"} 0');
  });
});

describe('labels', () => {
  it('stay bounded whatever events say', async () => {
    for (let i = 0; i < 500; i += 1) {
      metrics.emit({ type: 'reconnect', stream: `s${i}`, reason: `reason-${i}` });
      metrics.emit({ type: 'inference', model: `m${i}`, provider: `p${i}`, span: fromMs(1), jobs: 1 });
    }
    const text = await metrics.text();
    const distinct = (label: string): number => new Set(text.match(new RegExp(`\\b${label}="[^"]*"`, 'g'))).size;
    expect(distinct('stream')).toBeLessThanOrEqual(LABEL_LIMITS.stream + 1);
    expect(distinct('reason')).toBeLessThanOrEqual(LABEL_LIMITS.reason + 1);
    expect(distinct('model')).toBeLessThanOrEqual(LABEL_LIMITS.model + 1);
    expect(distinct('provider')).toBeLessThanOrEqual(LABEL_LIMITS.provider + 1);
    const reconnects = text.split('\n').filter((line) => line.startsWith('framelift_reconnects_total{'));
    expect(reconnects.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)).toBe(500);
  });

  it('never carry free text, addresses or paths', async () => {
    metrics.emit({ type: 'reconnect', stream: 'cam', reason: 'connect ECONNREFUSED 10.0.0.7:554' });
    metrics.emit({ type: 'reconnect', stream: 'cam', reason: 'x"\n} 1' });
    metrics.emit({ type: 'inference', model: '/srv/secret/rife.onnx', provider: 'cpu', span: fromMs(1), jobs: 1 });
    const text = await metrics.text();
    expect(text).not.toContain('10.0.0.7');
    expect(text).not.toContain('/srv');
    expect(text).toContain('framelift_reconnects_total{stream="cam",reason="other"} 2');
    expect(text).toContain('model="rife.onnx"');
  });
});

describe('a stream that is gone', () => {
  const report = (stream: string): void => {
    metrics.emit({ type: 'frame', stream, fate: 'repeated', reason: 'late' });
    metrics.emit({ type: 'latency', stream, variant: 'upconverted', span: fromMs(20) });
    metrics.emit({ type: 'source-info', stream, codec: 'h264', width: 640, height: 360, fps: 30 });
    metrics.emit({ type: 'state', stream, state: 'full' });
  };

  it('has no series and no statistics any more; others keep theirs', async () => {
    for (const stream of ['cam', 'door']) report(stream);
    await metrics.text();
    metrics.forget('door');
    const text = await metrics.text();
    expect(text).not.toContain('door');
    expect(text).toContain('framelift_latency_seconds_count{stream="cam",variant="upconverted"} 1');
    expect([metrics.snapshot('door').frames.repeated, metrics.snapshot('cam').frames.repeated]).toEqual([0, 1]);
  });

  it('begins anew when it comes back', async () => {
    report('door');
    metrics.forget('door');
    report('door');
    expect(await value('framelift_frames_total{stream="door",fate="repeated"}')).toBe(1);
  });

  it('makes room for others: names may come and go for ever', async () => {
    for (let i = 0; i < 3 * LABEL_LIMITS.stream; i += 1) {
      report(`stream${i}`);
      metrics.forget(`stream${i}`);
    }
    report('last');
    const text = await metrics.text();
    expect(text).toContain('framelift_stream_state{stream="last",state="full"} 1');
    expect(text).not.toMatch(/stream="(?:other|stream\d+)"/);
  });
});
