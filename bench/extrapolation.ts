/**
 * Quality of extrapolated frames: every Nth frame of a clip is kept, from two that follow each other
 * the one half an interval after the later is made, and compared with the real one, beside what a
 * repeat would show there.
 */

import { type Gap, readGaps, releaseGap } from '../src/eval/gaps.ts';
import { findItems, type Item } from '../src/eval/items.ts';
import { meanSquaredError, type Plane, psnr } from '../src/eval/quality.ts';
import { InterpEngine } from '../src/interp/engine/engine.ts';
import { resolveModel } from '../src/interp/models/manifest.ts';
import { Arena } from '../src/media/arena.ts';
import type { Frame } from '../src/media/frame.ts';
import { noEvents } from '../src/metrics/events.ts';
import { FURTHEST } from '../src/pairing/timesteps.ts';
import { systemClock } from '../src/time.ts';

/** Options of {@link measureExtrapolation}. */
export interface ExtrapolationOptions {
  readonly paths: readonly string[];
  readonly model: string;
  /** Of so many frames of a clip one is kept; even. */
  readonly factor: number;
  /** Frames of a clip that are read at most. */
  readonly frames: number;
  /** Lines of a clip at most. */
  readonly height: number;
  readonly threads: number;
}

/** Means over the frames of a clip, dB of luma. */
export interface ExtrapolationFigures {
  readonly clip: string;
  readonly frames: number;
  readonly repeat: number;
  readonly extrapolated: number;
  /** What an interpolated frame would have been, half an interval later. */
  readonly interpolated: number;
  /** Frames that were worse than a repeat. */
  readonly worse: number;
}

export const luma = ({ bytes, layout }: Frame): Plane => ({
  data: bytes.subarray(layout.y, layout.u),
  width: layout.width,
  height: layout.height,
  stride: layout.strideY,
});

export async function measureExtrapolation(options: ExtrapolationOptions): Promise<ExtrapolationFigures[]> {
  const { paths, model: name, threads } = options;
  const arena = new Arena(2048);
  const model = await resolveModel(name);
  await using engine = await InterpEngine.start({
    arena,
    clock: systemClock,
    events: noEvents,
    model,
    threads,
    grain: 0,
    searchBeside: true,
  });
  const { items } = await findItems(paths);
  const all: ExtrapolationFigures[] = [];
  for (const item of items) all.push(await measureItem(item, engine, arena, options));
  return all;
}

async function measureItem(item: Item, engine: InterpEngine, arena: Arena, options: ExtrapolationOptions) {
  let before: Gap | undefined;
  let earlier: Gap | undefined;
  const rows: { repeat: number; extrapolated: number; interpolated: number; confidence: number | undefined }[] = [];
  for await (const gap of readGaps(item, { arena, clock: systemClock, ...options })) {
    const truth = gap.truths[options.factor / 2 - 1];
    if (before && truth) {
      const { a, b } = before;
      const ahead = await engine.interpolate({ stream: 'bench', a, b, timesteps: [FURTHEST], ...(earlier ? { before: { frame: earlier.a, ratio: 1 } } : {}) });
      const middle = await engine.interpolate({ stream: 'bench', a: gap.a, b: gap.b, timesteps: [0.5] });
      if (ahead.status !== 'done' || middle.status !== 'done') throw new Error('refused');
      const against = (frame: Frame) => psnr(meanSquaredError(luma(frame), luma(truth)));
      if (process.env.ROWS) console.error(JSON.stringify(ahead.frames[0]?.provenance));
      const [made, between] = [ahead.frames[0], middle.frames[0]];
      if (made && between)
        rows.push({
          repeat: against(b),
          extrapolated: against(made),
          interpolated: against(between),
          confidence: ahead.confidence,
        });
      for (const frame of [...ahead.frames, ...middle.frames]) frame.release();
    }
    if (earlier) releaseGap(earlier);
    earlier = before;
    before = gap;
  }
  for (const held of [earlier, before]) if (held) releaseGap(held);
  if (process.env.ROWS) for (const r of rows) console.error(JSON.stringify(r));
  const mean = (key: 'repeat' | 'extrapolated' | 'interpolated'): number =>
    rows.reduce((sum, row) => sum + row[key], 0) / rows.length;
  return {
    clip: item.name,
    frames: rows.length,
    repeat: mean('repeat'),
    extrapolated: mean('extrapolated'),
    interpolated: mean('interpolated'),
    worse: rows.filter((row) => row.extrapolated < row.repeat).length,
  };
}

if (process.argv[1]?.endsWith('extrapolation.ts')) {
  const [model = 'search', factor = '2', frames = '41', ...paths] = process.argv.slice(2);
  const rows = await measureExtrapolation({
    paths,
    model,
    factor: Number(factor),
    frames: Number(frames),
    height: 480,
    threads: 1,
  });
  for (const r of rows)
    console.log(
      r.clip.padEnd(30),
      r.frames,
      r.repeat.toFixed(2),
      r.extrapolated.toFixed(2),
      r.interpolated.toFixed(2),
      r.worse,
    );
  const mean = (k: 'repeat' | 'extrapolated' | 'interpolated') =>
    (rows.reduce((s, r) => s + r[k], 0) / rows.length).toFixed(3);
  console.log('mean', mean('repeat'), mean('extrapolated'), mean('interpolated'));
}
