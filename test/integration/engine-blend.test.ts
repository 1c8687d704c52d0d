import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InterpEngine } from '../../src/interp/engine/engine.ts';
import { Arena } from '../../src/media/arena.ts';
import { Frame, SOURCE } from '../../src/media/frame.ts';
import type { MetricEvent } from '../../src/metrics/events.ts';
import { micros, plus, systemClock } from '../../src/time.ts';

let arena: Arena;
let events: MetricEvent[];

function picture(value: number, ms: number, width = 66, height = 35): Frame {
  const at = micros(ms * 1000);
  const info = { pts: at, arrival: at, capture: micros(1.7e15 + at), discontinuity: false, provenance: SOURCE };
  const frame = Frame.allocate(arena, width, height, info);
  frame.bytes.fill(value);
  return frame;
}

const start = (model: 'blend' | 'repeat', more = {}): Promise<InterpEngine> =>
  InterpEngine.start({ arena, clock: systemClock, events: { emit: (e) => events.push(e) }, model, ...more });

beforeEach(() => {
  arena = new Arena(16);
  events = [];
});

afterEach(() => {
  expect(arena.liveFrames).toBe(0);
  expect(arena.usedBytes).toBe(0);
});

describe('InterpEngine with reference models', () => {
  it('gives one frame per timestep with interpolated times and provenance', async () => {
    await using engine = await start('blend');
    const [a, b] = [picture(100, 0), picture(200, 40)];
    const result = await engine.interpolate({ stream: 's', a, b, timesteps: [0.25, 0.5, 0.75] });
    expect(result.status).toBe('done');
    if (result.status !== 'done') return;
    expect(result.frames.map((f) => f.bytes[0])).toEqual([125, 150, 175]);
    expect(result.frames.map((f) => f.pts)).toEqual([10_000, 20_000, 30_000]);
    expect(result.frames.map((f) => f.capture - 1.7e15)).toEqual([10_000, 20_000, 30_000]);
    expect(result.frames.every((f) => f.arrival === b.arrival && !f.discontinuity)).toBe(true);
    expect(result.frames[0]?.provenance).toEqual({ kind: 'synthetic', t: 0.25, model: 'blend', confidence: undefined });
    expect(result.spanMicros.kernel).toBeGreaterThan(0);
    expect(events.map((e) => e.type)).toEqual(expect.arrayContaining(['queue', 'stage', 'inference']));
    // The pacer counts it once for each frame that is shown.
    expect(events.map((e) => e.type)).not.toContain('confidence');
    // One queue for all streams: seen full, then empty.
    expect(events.filter((e) => e.type === 'queue')).toMatchObject([
      { stream: '', depth: 1 },
      { stream: '', depth: 0 },
    ]);
    for (const frame of [...result.frames, a, b]) frame.release();
  });

  it('repeats the nearer parent bit-exactly, at its own time', async () => {
    await using engine = await start('repeat');
    const [a, b] = [picture(1, 0), picture(2, 40)];
    const result = await engine.interpolate({ stream: 's', a, b, timesteps: [0.25, 0.5] });
    if (result.status !== 'done') throw new Error('refused');
    expect(result.frames.map((f) => [f.bytes[0], f.provenance.kind, f.pts])).toEqual([
      [1, 'repeated', 0],
      [2, 'repeated', 40_000],
    ]);
    for (const frame of [...result.frames, a, b]) frame.release();
  });

  it('refuses a job whose deadline has passed, and counts it', async () => {
    await using engine = await start('blend');
    const [a, b] = [picture(1, 0), picture(2, 40)];
    const deadline = plus(systemClock.now(), micros(-1));
    const result = await engine.interpolate({ stream: 's', a, b, timesteps: [0.5], deadline });
    expect(result).toEqual({ status: 'refused', reason: 'late' });
    expect(engine.stats).toMatchObject({ late: 1, done: 0 });
    expect(events).toContainEqual({ type: 'drop', stream: 's', stage: 'interpolate', reason: 'late' });
    expect(events.map((e) => e.type)).not.toContain('deadline-miss');
    a.release();
    b.release();
  });

  it('drops the oldest waiting job when the queue is full', async () => {
    await using engine = await start('blend', { capacity: 1 });
    const [a, b] = [picture(1, 0), picture(2, 40)];
    const job = { stream: 's', a, b, timesteps: [0.5] };
    const results = await Promise.all([engine.interpolate(job), engine.interpolate(job), engine.interpolate(job)]);
    expect(results.map((r) => (r.status === 'done' ? 'done' : r.reason))).toEqual(['done', 'dropped', 'done']);
    expect(engine.stats).toMatchObject({ dropped: 1, done: 2 });
    for (const r of results) if (r.status === 'done') for (const f of r.frames) f.release();
    a.release();
    b.release();
  });

  it('survives release of the parents by the caller while it works, and refuses after close', async () => {
    const engine = await start('blend', { workers: 2 });
    const [a, b] = [picture(10, 0, 640, 360), picture(20, 40, 640, 360)];
    const [c, d] = [picture(30, 0), picture(40, 40)];
    const running = [
      engine.interpolate({ stream: 's', a, b, timesteps: [0.5] }),
      engine.interpolate({ stream: 't', a: c, b: d, timesteps: [0.5] }),
    ];
    for (const f of [a, b, c, d]) f.release();
    const results = await Promise.all(running);
    expect(results.map((r) => r.status === 'done' && r.frames[0]?.bytes[0])).toEqual([15, 35]);
    for (const r of results) if (r.status === 'done') for (const f of r.frames) f.release();
    await engine.close();
    await engine.close();
    const [e, f] = [picture(1, 0), picture(2, 40)];
    expect(await engine.interpolate({ stream: 's', a: e, b: f, timesteps: [0.5] })).toMatchObject({ reason: 'closed' });
    e.release();
    f.release();
  });

  it('rejects pairs of two sizes and timesteps outside 0…1', async () => {
    await using engine = await start('blend');
    const [a, b] = [picture(1, 0), picture(2, 40, 64, 36)];
    await expect(engine.interpolate({ stream: 's', a, b, timesteps: [0.5] })).rejects.toThrow(/one size/);
    await expect(engine.interpolate({ stream: 's', a, b: a, timesteps: [1] })).rejects.toThrow(/between 0 and 1/);
    a.release();
    b.release();
  });

  it('rejects with arena.full and keeps working when memory runs out', async () => {
    await using engine = await start('blend');
    const [a, b] = [picture(1, 0, 640, 360), picture(2, 40, 640, 360)];
    const rest = arena.allocate(16 * 1_048_576 - 65_536 - arena.usedBytes);
    await expect(engine.interpolate({ stream: 's', a, b, timesteps: [0.5] })).rejects.toMatchObject({
      code: 'arena.full',
      recoverable: true,
    });
    arena.free(rest);
    const result = await engine.interpolate({ stream: 's', a, b, timesteps: [0.5] });
    if (result.status !== 'done') throw new Error('refused');
    for (const frame of [...result.frames, a, b]) frame.release();
  });
});
