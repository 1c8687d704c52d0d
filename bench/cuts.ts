/** Precision and recall of the cut detector, over a set of events made of real clips. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Arena } from '../src/media/arena.ts';
import { type Clips, cutEvents, MIN_SHOT } from '../test/support/cut-events.ts';
import type { Picture } from '../test/support/cut-pictures.ts';
import { type CutScore, scoreOf } from '../test/support/cut-score.ts';
import { runFfmpeg } from './ffmpeg.ts';

const WIDTH = 384;
const HEIGHT = 216;
/** First frames of new scenes, found by eye. */
const SHOTS: Readonly<Record<string, readonly number[]>> = {
  'tos_battle.webm': [
    52, 122, 158, 221, 309, 715, 788, 872, 901, 987, 1127, 1157, 1203, 1234, 1246, 1284, 1345, 1378, 1430, 1525, 1571,
    1618, 1650, 1689,
  ],
  'bbb_hls_720p_9.ts': [57, 144, 222],
};

async function decode(path: string, width: number, height: number, more: readonly string[] = []): Promise<Picture[]> {
  const filter = [...more, `scale=${width}:${height}:flags=area`].join(',');
  const format = ['-fps_mode', 'passthrough', '-pix_fmt', 'yuv420p', '-f', 'rawvideo', '-'];
  const bytes = await runFfmpeg(['-v', 'error', '-i', path, '-vf', filter, ...format]);
  const [whole, quarter] = [width * height, (width * height) / 4];
  const pictures: Picture[] = [];
  for (let at = 0; at + whole * 1.5 <= bytes.length; at += whole * 1.5) {
    const plane = (from: number, length: number): Uint8Array =>
      new Uint8Array(bytes.subarray(at + from, at + from + length));
    pictures.push({
      width,
      height,
      luma: plane(0, whole),
      u: plane(whole, quarter),
      v: plane(whole + quarter, quarter),
    });
  }
  return pictures;
}

function shotsOf(pictures: readonly Picture[], cuts: readonly number[]): (readonly Picture[])[] {
  const edges = [0, ...cuts, pictures.length];
  return edges
    .slice(1)
    .map((end, i) => pictures.slice(edges[i], end))
    .filter((shot) => shot.length >= MIN_SHOT);
}

/** What {@link measureCuts} works on. */
export interface CutsOptions {
  /**
   * A folder of videos of at least 24 frames: those named in {@link SHOTS} have known cuts, the others must have none.
   */
  readonly clips: string;
  /** A folder of X-ray pulses, one a frame, as models/training/phantom/scene.py renders them. */
  readonly xray: string;
  readonly seed: number;
  /** Kinds of events with this in their name; empty: all. */
  readonly only: string;
}

/** What was found, and how much of it right. */
export interface CutsResult {
  /** By clip as it is, by kind of event, and of all events. */
  readonly scores: readonly CutScore[];
  readonly precision: number;
  readonly recall: number;
}

/** Makes the events and judges them. @throws FrameliftError `ffmpeg.missing`, `ffmpeg.failed`. */
export async function measureCuts({ clips, xray, seed, only }: CutsOptions): Promise<CutsResult> {
  const arena = new Arena(64);
  const films: Clips['films'][number][] = [];
  const stills: Picture[] = [];
  const scores: CutScore[] = [];
  for (const name of videosIn(clips)) {
    const pictures = await decode(join(clips, name), WIDTH, HEIGHT);
    const cuts = SHOTS[name] ?? [];
    scores.push(...scoreOf([{ kind: `whole: ${name}`, pictures, cuts }], arena).slice(0, 1));
    films.push(shotsOf(pictures, cuts));
    stills.push(...(await decode(join(clips, name), 2 * WIDTH, 2 * HEIGHT, ["select='not(mod(n-9\\,60))'"])));
  }
  const pulses: Picture[][] = [];
  for (const name of videosIn(xray)) pulses.push(await decode(join(xray, name), WIDTH, HEIGHT));
  const byKind = scoreOf(cutEvents({ films, stills, xray: pulses }, seed, 1, only), arena);
  const { cuts = 0, found = 0, wrong = 0 } = byKind.at(-1) ?? {};
  const [precision, recall] = [found / Math.max(1, found + wrong), found / Math.max(1, cuts)];
  return { scores: [...scores, ...byKind], precision, recall };
}

/** A table of the scores. */
export function cutsText({ scores, precision, recall }: CutsResult): string {
  const rows = scores.map(
    ({ kind, events, cuts, found, wrong, held }) => `| ${kind} | ${events} | ${cuts} | ${found} | ${wrong} | ${held} |`,
  );
  const head = ['| events | n | cuts | found | wrong | held |', '|---|---:|---:|---:|---:|---:|'];
  return [...head, ...rows, '', `precision ${precision.toFixed(3)}, recall ${recall.toFixed(3)}`].join('\n');
}

function videosIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /\.(mp4|ts|webm|mkv|mov|wmv)$/.test(name))
    .sort();
}
