import { afterEach, describe, expect, it } from 'vitest';
import { Conversion, type UsedNeighbours } from '../../../../src/commands/convert/conversion.ts';
import type { FrameOutput } from '../../../../src/egress/file/writer.ts';
import { FrameliftError } from '../../../../src/errors.ts';
import type { InterpJob, InterpResult } from '../../../../src/interp/engine/job.ts';
import { Arena } from '../../../../src/media/arena.ts';
import { Frame, SOURCE } from '../../../../src/media/frame.ts';
import { Scheduler } from '../../../../src/pairing/scheduler.ts';
import { micros, ZERO } from '../../../../src/time.ts';

const arena = new Arena(16);
afterEach(() => expect(arena.liveFrames).toBe(0));

function picture(nth: number): Frame {
  const pts = micros(nth * 40_000);
  const info = { pts, arrival: ZERO, capture: ZERO, discontinuity: nth === 0, provenance: SOURCE };
  const frame = Frame.allocate(arena, 32, 32, info);
  frame.bytes.fill(100 + nth);
  return frame;
}

/** So many source frames, then an error if there is one. */
async function* source(count: number, error?: unknown): AsyncGenerator<Frame> {
  for (let i = 0; i < count; i++) yield picture(i);
  if (error !== undefined) throw error;
}

/** An output that remembers times, and keeps the first frames of a run before. */
class Output implements FrameOutput {
  readonly times: number[] = [];
  readonly kept: number;
  readonly #counts: Record<string, number>;
  ended = '';
  steps: unknown[] = [];

  constructor(kept = 0, counts = {}) {
    this.kept = kept;
    this.#counts = counts;
  }

  get frames(): number {
    return this.times.length;
  }

  async write(frame: Frame): Promise<void> {
    this.times.push(frame.pts);
    frame.release();
  }

  async endStep(counts: Readonly<Record<string, number>>) {
    this.steps.push(counts);
    return this.kept > 0 && this.frames === this.kept ? this.#counts : undefined;
  }

  async finish(): Promise<void> {
    this.ended = 'finished';
  }

  async stop() {
    this.ended = 'stopped';
    return { path: 'out.partial.mkv', frames: this.frames, resumesAt: 0 };
  }
}

/** Makes frames, and fails at one of its jobs. */
function tierOf(failAt = Number.POSITIVE_INFINITY, failure: unknown = undefined) {
  const jobs: InterpJob[] = [];
  /** Numbers of the frames before and after each pair that it was told of. */
  const beside: (number | undefined)[][] = [];
  const interpolate = async (job: InterpJob): Promise<InterpResult> => {
    beside.push([job.before, job.after].map((pair) => pair && (pair.frame.bytes[0] ?? 0) - 100));
    if (jobs.push(job) === failAt) throw failure;
    const frames = job.timesteps.map((t) => job.a.share({ pts: micros(job.a.pts + t * 40_000) }));
    return { status: 'done', frames, confidence: undefined, spanMicros: { search: 0, network: 0, kernel: 0 } };
  };
  return { jobs, beside, interpolate };
}

function conversion(
  output: FrameOutput,
  tier: ReturnType<typeof tierOf>,
  frames: AsyncGenerator<Frame>,
  neighbours: UsedNeighbours = 'none',
): Conversion {
  const scheduler = new Scheduler({ kind: 'factor', factor: 2 }, { fps: 25 });
  scheduler.assume(25);
  const video = { isLossy: () => false, traits: undefined, end: undefined };
  const options = { cadence: false, neighbours, minConfidence: 0 };
  return new Conversion({ input: 'in.mkv', video, frames: () => frames, tier, scheduler, ...options, writer: output });
}

describe('a conversion that fails midway', () => {
  it.each([
    [
      'the engine',
      source(20),
      tierOf(8, new FrameliftError('engine.failed', 'a worker died')),
      /a worker died\nStopped at 0\.32 s of in\.mkv \(source frame 9\)/,
      15,
    ],
    [
      'the arena',
      source(20),
      tierOf(3, new FrameliftError('arena.full', 'no room')),
      /no room\nStopped at 0\.12 s of in\.mkv \(source frame 4\)/,
      5,
    ],
    [
      'the decoder',
      source(10, new Error('broken')),
      tierOf(),
      /broken\nStopped at 0\.36 s of in\.mkv \(source frame 10\)/,
      19,
    ],
  ] as const)(
    '%s: says where and why, and all that was made is written',
    async (_who, frames, tier, message, count) => {
      const output = new Output();
      const run = conversion(output, tier, frames).run(undefined, () => {});
      await expect(run).rejects.toThrow(message);
      await expect(run).rejects.toThrow(`"out.partial.mkv" holds the first ${count} frames, playable`);
      expect([output.ended, output.frames]).toEqual(['stopped', count]);
    },
  );

  it('an input without a frame is no output', async () => {
    const output = new Output();
    await expect(conversion(output, tierOf(), source(0)).run(undefined, () => {})).rejects.toMatchObject({
      code: 'source.no-video',
      message: 'in.mkv holds no frame that can be decoded',
    });
    expect(output.ended).toBe('stopped');
  });

  it('stopped by its signal: what there is, and no error', async () => {
    const output = new Output();
    const stop = new AbortController();
    const running = conversion(output, tierOf(), source(5));
    const made = await running.run(stop.signal, ({ source: done }) => done === 5 && stop.abort());
    expect([output.ended, made?.frames]).toEqual(['stopped', 9]);
  });
});

describe('a conversion that goes on from another one', () => {
  it('makes the same frames without interpolating the kept ones again, and takes their counts over', async () => {
    const undisturbed = new Output();
    const first = conversion(undisturbed, tierOf(), source(20));
    await first.run(undefined, () => {});
    for (const kept of [1, 9, 21, 39]) {
      const output = new Output(kept, { interpolated: (kept - 1) / 2 });
      const tier = tierOf();
      const resumed = conversion(output, tier, source(20));
      await resumed.run(undefined, () => {});
      expect(output.times).toEqual(undisturbed.times);
      expect(tier.jobs).toHaveLength(19 - (kept - 1) / 2);
      expect(resumed.result).toEqual(first.result);
      expect(output.ended).toBe('finished');
    }
  });

  it('what was counted before wins: a gate that judges pixels cannot judge those', async () => {
    const output = new Output(9, { interpolated: 1, unsure: 3 });
    const resumed = conversion(output, tierOf(), source(20));
    await resumed.run(undefined, () => {});
    expect(resumed.result).toMatchObject({ interpolated: 16, repeated: 3, repeatedBecause: { unsure: 3 } });
  });
});

describe('a conversion with a model that looks at the pairs beside', () => {
  it.each([
    [
      'both',
      [
        [undefined, 2],
        [0, 3],
        [1, 4],
        [2, undefined],
      ],
    ],
    [
      'before',
      [
        [undefined, undefined],
        [0, undefined],
        [1, undefined],
        [2, undefined],
      ],
    ],
    ['none', Array(4).fill([undefined, undefined])],
  ] as const)('%s: tells it of them, and writes the same frames', async (neighbours, beside) => {
    const [plain, output, tier] = [new Output(), new Output(), tierOf()];
    await conversion(plain, tierOf(), source(5)).run(undefined, () => {});
    const running = conversion(output, tier, source(5), neighbours);
    await running.run(undefined, () => {});
    expect(tier.beside).toEqual(beside);
    expect(output.times).toEqual(plain.times);
    expect(running.result).toMatchObject({ sourceFrames: 5, outputFrames: 9 });
  });

  it('writes the pair that waits for the next one when the input breaks there', async () => {
    const output = new Output();
    const run = conversion(output, tierOf(), source(10, new Error('broken')), 'both').run(undefined, () => {});
    await expect(run).rejects.toThrow(/broken\nStopped at 0\.36 s of in\.mkv \(source frame 10\)/);
    expect([output.ended, output.frames]).toEqual(['stopped', 19]);
  });

  it('waits one pair, and leaves no frame behind when it fails, is stopped, or goes on from a run before', async () => {
    const broken = conversion(new Output(), tierOf(3, new Error('broken')), source(8), 'both');
    await expect(broken.run(undefined, () => {})).rejects.toThrow('broken');
    const stop = new AbortController();
    const [output, tier] = [new Output(), tierOf()];
    const stopped = conversion(output, tier, source(5), 'both');
    await stopped.run(stop.signal, ({ source: done }) => done === 5 && stop.abort());
    expect([tier.jobs.length, output.frames, output.ended]).toEqual([3, 7, 'stopped']);
    const whole = new Output();
    const first = conversion(whole, tierOf(), source(20), 'both');
    await first.run(undefined, () => {});
    for (const kept of [1, 9, 37]) {
      const again = new Output(kept, { interpolated: (kept - 1) / 2 });
      const [resumedTier, last] = [tierOf(), tierOf()];
      const resumed = conversion(again, resumedTier, source(20), 'both');
      await resumed.run(undefined, () => {});
      await conversion(new Output(), last, source(20), 'both').run(undefined, () => {});
      expect(again.times).toEqual(whole.times);
      expect(resumedTier.beside).toEqual(last.beside.slice((kept - 1) / 2));
      expect(resumed.result).toEqual(first.result);
    }
  });
});
