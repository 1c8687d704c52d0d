/** Frames to be written to files, and what became of them. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Arena } from '../../src/media/arena.ts';
import { Frame, SOURCE } from '../../src/media/frame.ts';
import { type Micros, micros, ZERO } from '../../src/time.ts';
import { seededRandom } from './random.ts';

const run = promisify(execFile);

/** A picture of gradients that move with `seed`, with some noise, that every codec can hold well. */
export function movingPicture(arena: Arena, width: number, height: number, pts: Micros, seed: number): Frame {
  const info = { pts, arrival: ZERO, capture: ZERO, discontinuity: false, provenance: SOURCE };
  const frame = Frame.allocate(arena, width, height, info);
  const { layout, bytes } = frame;
  const random = seededRandom(seed);
  const plane = (from: number, stride: number, columns: number, rows: number, base: number): void => {
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        bytes[from + y * stride + x] = base + ((2 * x + y + 3 * seed) % 96) + Math.floor(4 * random());
      }
    }
  };
  plane(layout.y, layout.strideY, width, height, 48);
  plane(layout.u, layout.strideC, layout.chromaWidth, layout.chromaHeight, 80);
  plane(layout.v, layout.strideC, layout.chromaWidth, layout.chromaHeight, 64);
  return frame;
}

/** Times of an even rate, from zero. */
export function evenTimes({ num, den }: { num: number; den: number }, count: number): Micros[] {
  return Array.from({ length: count }, (_, i) => micros((i * 1e6 * den) / num));
}

/** What ffprobe says of the video in a file. */
export interface Probed {
  readonly codec: string;
  readonly tag: string;
  readonly container: string;
  readonly rate: string;
  readonly width: number;
  readonly height: number;
  readonly timeBase: string;
  /** Seconds, in the order of the file. */
  readonly times: readonly number[];
  /** Ticks, as they stand in the file. */
  readonly ticks: readonly number[];
}

/** Asks ffprobe. */
export async function probe(path: string, ...options: string[]): Promise<Probed> {
  const entries =
    'packet=pts,pts_time:format=format_name:stream=codec_name,codec_tag_string,avg_frame_rate,width,height,time_base';
  const args = ['-v', 'error', ...options, '-select_streams', 'v:0', '-show_entries', entries, '-of', 'json', path];
  const { stdout } = await run('ffprobe', args);
  // ffprobe's own JSON.
  const { packets, streams, format } = JSON.parse(stdout) as {
    packets: { pts: number; pts_time: string }[];
    streams: Record<string, string | number>[];
    format: { format_name: string };
  };
  const stream = streams[0] ?? {};
  return {
    codec: String(stream.codec_name),
    tag: String(stream.codec_tag_string),
    container: format.format_name,
    rate: String(stream.avg_frame_rate),
    width: Number(stream.width),
    height: Number(stream.height),
    timeBase: String(stream.time_base),
    times: packets.map((packet) => Number(packet.pts_time)),
    ticks: packets.map((packet) => packet.pts),
  };
}
