/**
 * Quality of extrapolated frames: `node bench/extrapolation.ts MODEL FACTOR FRAMES CLIP...`. Every
 * FACTORth frame of a clip is kept (2 or 4); of two that follow each other the one half an interval
 * after the later is made, with the pair before as in a live stream, and compared with the real one,
 * beside a repeat of the later, and beside what an interpolated frame would be, an interval later.
 */
import { FrameliftError } from '../src/errors.ts';
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

const ARENA_MB = 2048;
/** Lines of a clip at most. */
const HEIGHT = 480;

/** PSNR of luma, dB. */
interface Row {
  readonly repeat: number;
  readonly extrapolated: number;
  readonly interpolated: number;
}

function luma({ bytes, layout }: Frame): Plane {
  const { y, u, width, height, strideY } = layout;
  return { data: bytes.subarray(y, u), width, height, stride: strideY };
}

/** The one frame that is made of a pair. */
async function make(engine: InterpEngine, { a, b }: Gap, t: number, earlier: Gap | undefined): Promise<Frame> {
  const before = earlier && { before: { frame: earlier.a, ratio: 1 } };
  const result = await engine.interpolate({ stream: 'bench', a, b, timesteps: [t], ...before });
  const [frame] = result.status === 'done' ? result.frames : [];
  if (!frame) throw new FrameliftError('engine.failed', 'the engine refused a pair');
  return frame;
}

async function measure(item: Item, engine: InterpEngine, arena: Arena, factor: number, frames: number): Promise<Row[]> {
  let [earlier, last]: (Gap | undefined)[] = [];
  const rows: Row[] = [];
  for await (const gap of readGaps(item, { arena, clock: systemClock, factor, frames, height: HEIGHT })) {
    const truth = gap.truths[factor / 2 - 1];
    if (last && truth) {
      const against = (frame: Frame): number => psnr(meanSquaredError(luma(frame), luma(truth)));
      const [ahead, middle] = [await make(engine, last, FURTHEST, earlier), await make(engine, gap, 0.5, undefined)];
      rows.push({ repeat: against(last.b), extrapolated: against(ahead), interpolated: against(middle) });
      for (const frame of [ahead, middle]) frame.release();
    }
    if (earlier) releaseGap(earlier);
    [earlier, last] = [last, gap];
  }
  for (const held of [earlier, last]) if (held) releaseGap(held);
  return rows;
}

function line(name: string, rows: readonly Row[]): string {
  const mean = (key: keyof Row): string => (rows.reduce((sum, row) => sum + row[key], 0) / rows.length).toFixed(2);
  const worse = rows.filter(({ repeat, extrapolated }) => extrapolated < repeat).length;
  return `${name}: ${rows.length} frames, repeat ${mean('repeat')}, extrapolated ${mean('extrapolated')} (${worse} worse), interpolated ${mean('interpolated')} dB`;
}

const [name = 'flow-s', factor = '2', frames = '21', ...paths] = process.argv.slice(2);
if (factor !== '2' && factor !== '4') {
  throw new FrameliftError('config.invalid', `factor ${factor} is neither 2 nor 4`, { remedy: 'Give 2 or 4.' });
}
const { items } = await findItems(paths);
for (const item of items) {
  const arena = new Arena(ARENA_MB);
  const model = await resolveModel(name);
  const options = { arena, clock: systemClock, events: noEvents, model, threads: 1, grain: 0, searchBeside: true };
  await using engine = await InterpEngine.start(options);
  console.log(line(item.name, await measure(item, engine, arena, Number(factor), Number(frames))));
}
