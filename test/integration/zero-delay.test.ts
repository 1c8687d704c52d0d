/** A stream that holds nothing back, beside one that passes its frames through: what is added to a source frame, and what viewers get. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { RTCPeerConnection, RTCRtpCodecParameters } from 'werift';
import type { ProvenanceRecord } from '../../src/egress/provenance.ts';
import type { FrameSink } from '../../src/ingest/source.ts';
import { EnginePool } from '../../src/interp/engine/pool.ts';
import { SILENT_LOG } from '../../src/log.ts';
import { Arena } from '../../src/media/arena.ts';
import { Frame, SOURCE } from '../../src/media/frame.ts';
import type { EventSink, MetricEvent } from '../../src/metrics/events.ts';
import type { StreamSettings } from '../../src/stream/settings.ts';
import { Stream } from '../../src/stream/stream.ts';
import { type CancelTimer, type Micros, micros, plus, systemClock, ZERO } from '../../src/time.ts';
import { until } from '../support/whip-rig.ts';

const FPS = 15;
const [WIDTH, HEIGHT] = [256, 144];
/** Source frames before the measurement, and in it. */
const [WARM_UP, MEASURED] = [15, 45];

const arena = new Arena(96);
const pool = new EnginePool({ arena, clock: systemClock, events: { emit: () => {} }, threads: 1 });

/** A stream whose frames are given by hand, and what happened to them. */
class Rig {
  readonly events: MetricEvent[] = [];
  readonly stream: Stream;
  sink: FrameSink | undefined;

  constructor(name: string, settings: Partial<StreamSettings>) {
    const events: EventSink = { emit: (event) => this.events.push(event) };
    const source = {
      label: name,
      run: (sink: FrameSink, signal: AbortSignal) => {
        this.sink = sink;
        return new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      },
    };
    const target = { kind: 'factor', factor: 2 } as const;
    const context = { arena, clock: systemClock, events, pool, log: SILENT_LOG };
    this.stream = new Stream({ name, source, target, minConfidence: 0.25, ...settings }, context);
  }

  /** Milliseconds from arrival to release of each source frame so far. */
  get added(): number[] {
    return this.events.flatMap((event) =>
      event.type === 'release' && event.added !== undefined ? [event.added / 1000] : [],
    );
  }

  fates(from: number): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const event of this.events.slice(from)) {
      if (event.type === 'frame') counts[event.fate] = (counts[event.fate] ?? 0) + 1;
    }
    return counts;
  }
}

const ahead = new Rig('ahead', { delay: 'none' });
const through = new Rig('through', { latencyBudget: ZERO });
let cancel: CancelTimer = () => {};

/** Rows of the pattern, twice the width: it repeats itself. */
const ROWS = Array.from({ length: HEIGHT }, (_, y) =>
  Uint8Array.from({ length: 2 * WIDTH }, (_, x) => {
    const turn = (2 * Math.PI * x) / WIDTH;
    return 128 + 50 * Math.sin(6 * turn + y / 19) + 40 * Math.cos(y / 6 - 2 * turn);
  }),
);

/** The pattern, which moves by two samples a frame. */
function pattern(n: number, at: Micros): Frame {
  const info = { pts: at, arrival: at, capture: at, discontinuity: false, provenance: SOURCE };
  const frame = Frame.allocate(arena, WIDTH, HEIGHT, info);
  const { strideY, u } = frame.layout;
  frame.bytes.fill(128, u);
  const from = WIDTH - ((2 * n) % WIDTH);
  for (const [y, row] of ROWS.entries()) frame.bytes.set(row.subarray(from, from + WIDTH), y * strideY);
  return frame;
}

beforeAll(async () => {
  await Promise.all([ahead, through].map(({ stream }) => stream.useModel('search')));
  for (const { stream } of [ahead, through]) stream.start();
  await until('both streams are open', () => ahead.sink !== undefined && through.sink !== undefined);
  // Each an interval after the one before: a machine that stood still gives no burst.
  const give = (n: number): void => {
    const frame = pattern(n, systemClock.now());
    cancel = systemClock.at(plus(frame.pts, micros(1e6 / FPS)), () => give(n + 1));
    through.sink?.frame(frame.share());
    ahead.sink?.frame(frame);
  };
  give(0);
});

afterAll(async () => {
  cancel();
  for (const { stream } of [ahead, through]) await stream[Symbol.asyncDispose]();
  await pool[Symbol.asyncDispose]();
  expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]);
});

/** Joins the stream; its provenance records come into the list that is returned. */
async function view(stream: Stream, onEnd: (end: () => Promise<void>) => void): Promise<readonly ProvenanceRecord[]> {
  const parameters = 'packetization-mode=1;profile-level-id=42e01f';
  const pc = new RTCPeerConnection({
    codecs: { video: [new RTCRtpCodecParameters({ mimeType: 'video/H264', clockRate: 90_000, parameters })] },
    // Without one werift asks a public STUN server; this one is nobody.
    iceServers: [{ urls: 'stun:127.0.0.1:9' }],
    iceStunGatherTimeout: 0.01,
    iceAdditionalHostAddresses: ['127.0.0.1'],
  });
  onEnd(() => pc.close());
  pc.addTransceiver('video', { direction: 'recvonly' });
  const records: ProvenanceRecord[] = [];
  // The server's own records.
  pc.createDataChannel('provenance').onMessage.subscribe((text) =>
    records.push(JSON.parse(`${text}`) as ProvenanceRecord),
  );
  await pc.setLocalDescription(await pc.createOffer());
  const { answer } = await stream.publication('upconverted').join(pc.localDescription?.sdp ?? '');
  await pc.setRemoteDescription({ type: 'answer', sdp: answer });
  return records;
}

const p95 = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.95)] ?? Number.NaN;

it('holds source frames back by at most 8 ms more than pass-through, and viewers get twice the frames', async ({
  onTestFinished,
}) => {
  await until('a first frame', () => ahead.stream.ready && ahead.stream.warm);
  const records = await view(ahead.stream, onTestFinished);
  await until('the clocks have settled', () => ahead.added.length >= WARM_UP && records.length > 0, 20_000);
  const [fates, added, passed, seen] = [ahead.events.length, ahead.added.length, through.added.length, records.length];
  await until('the measurement', () => ahead.added.length >= added + MEASURED, 20_000);

  const [own, other] = [p95(ahead.added.slice(added)), p95(through.added.slice(passed))];
  const { source = 0, extrapolated = 0, repeated = 0 } = ahead.fates(fates);
  const kinds = records.slice(seen).map(({ kind }) => kind);
  const told = kinds.filter((kind) => kind === 'extrapolated').length;
  console.log(
    `p95 ${own.toFixed(1)} ms, passed through ${other.toFixed(1)} ms; ${source} source, ${extrapolated} extrapolated, ${repeated} repeated`,
  );
  expect(own).toBeLessThanOrEqual(other + 8);
  expect(extrapolated).toBeGreaterThan(0.9 * source);
  expect(told).toBeGreaterThan(0.8 * MEASURED);
  expect(kinds.length).toBeGreaterThan(1.8 * MEASURED);
  const made = records.slice(seen).filter((record) => record.kind === 'extrapolated');
  expect(new Set(made.map(({ model }) => model))).toEqual(new Set(['search']));
  // Frames are given by a timer, and stand where it was: by so much a single t is off.
  const times = made.flatMap(({ t }) => t ?? []).toSorted((a, b) => a - b);
  expect(times).toHaveLength(told);
  expect(times[times.length >> 1]).toBeCloseTo(1.5, 1);
  expect(times[0]).toBeGreaterThan(1);
  expect(times.at(-1)).toBeLessThanOrEqual(1.5);
});
