/**
 * Precision and recall of the cut detector over a set of events made of real clips:
 *
 *     node bench/cuts.ts CLIPS [XRAY] [--seed N] [--only KIND]
 *
 * CLIPS: a folder of videos of at least 24 frames; those named in SHOTS have known cuts, the others must have none. XRAY: a folder
 * of pulses, one a frame, such as `python3 -m training.phantom.scene render` makes (models/training).
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Arena } from '../src/media/arena.ts';
import { type Clips, type CutScore, cutEvents, MIN_SHOT, scoreOf } from '../test/support/cut-events.ts';
import type { Picture } from '../test/support/cut-pictures.ts';
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

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string', default: '1' }, only: { type: 'string', default: '' } },
});
const [folder, xrayFolder] = positionals;
if (folder === undefined) {
  console.error('usage: node bench/cuts.ts CLIPS [XRAY] [--seed N] [--only KIND]');
  process.exit(2);
}
const films: (readonly (readonly Picture[])[])[] = [];
const stills: Picture[] = [];
const whole: CutScore[] = [];
const arena = new Arena(64);
for (const name of readdirSync(folder).sort()) {
  if (!/\.(mp4|ts|webm|mkv|mov|wmv)$/.test(name)) continue;
  const path = join(folder, name);
  const pictures = await decode(path, WIDTH, HEIGHT);
  const cuts = SHOTS[name] ?? [];
  const [score] = scoreOf([{ kind: `whole: ${name}`, pictures, cuts }], arena);
  if (score) whole.push(score);
  films.push(shotsOf(pictures, cuts));
  stills.push(...(await decode(path, 2 * WIDTH, 2 * HEIGHT, ["select='not(mod(n-9\\,60))'"])));
}
const xray: (readonly Picture[])[] = [];
if (xrayFolder !== undefined) {
  for (const name of readdirSync(xrayFolder).sort()) xray.push(await decode(join(xrayFolder, name), WIDTH, HEIGHT));
}
const clips: Clips = { films, stills, xray };
const rows = scoreOf(cutEvents(clips, Number(values.seed), 1, values.only), arena);
console.log('| events | n | cuts | found | wrong | held |\n|---|---:|---:|---:|---:|---:|');
for (const { kind, events, cuts, found, wrong, held } of [...whole, ...rows]) {
  console.log(`| ${kind} | ${events} | ${cuts} | ${found} | ${wrong} | ${held} |`);
}
const all = rows.at(-1);
if (all) {
  const precision = all.found / Math.max(1, all.found + all.wrong);
  console.log(`\nprecision ${precision.toFixed(3)}, recall ${(all.found / Math.max(1, all.cuts)).toFixed(3)}`);
}
