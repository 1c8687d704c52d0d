/**
 * What ffmpeg says on stderr: what the video is, what is wrong with it, its last warnings. Pure.
 *
 * It prints what files and servers say of themselves, at any length and with any content: lines are
 * recognised by how ffmpeg begins them, which metadata cannot imitate, and read in linear time.
 */
import type { Colour, ColourTags } from '../../media/colour.ts';
import { fromMs } from '../../time.ts';
import { MAX_LINE_LENGTH } from './line-splitter.ts';

/**
 * A clock that goes back by more has restarted: waiting until it catches up would freeze the
 * stream.
 */
const MAX_BACK = fromMs(200);
const MAX_LINES = 30;
/** Of a line that is kept. */
const MAX_KEPT_LENGTH = 400;

/** Luma samples. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The frames in the pipe. */
export interface RawVideo {
  /** FFmpeg's name, `yuv420p`. */
  readonly format: string;
  readonly tags: ColourTags;
  /** Of the first frame. */
  readonly interlaced: boolean;
}

/** What was last said of the frames that go into ffmpeg's filters. */
export interface Announced extends Size {
  /** Shape of a sample as it was said, 0/1 for unknown; absent where the program does not tell. */
  readonly sampleAspect?: { readonly num: number; readonly den: number };
  /** Absent where the program does not tell. */
  readonly tags?: ColourTags;
}

/** What ends a run, before ffmpeg itself would end. */
export type StderrFinding =
  /** The decoder will not even begin: no frame would ever come. */
  | { readonly type: 'too-large'; readonly size: Size }
  /** A timestamp is earlier than the one before by more than a jitter. */
  | { readonly type: 'clock-went-back' }
  /** A publisher came under another name than the one that is listened for. */
  | { readonly type: 'wrong-name' };

const MATRICES: Readonly<Record<string, Colour['matrix']>> = {
  bt709: 'bt709',
  smpte240m: 'bt709',
  smpte170m: 'bt601',
  bt470bg: 'bt601',
  fcc: 'bt601',
  bt2020nc: 'bt2020',
  bt2020c: 'bt2020',
};

/** Three blanks: names of metadata begin behind five. */
const STREAM = '[info]   Stream #0:';
const VIDEO = ': Video: ';
const RAW_VIDEO = ': Video: rawvideo';
/** A format with what is told of it, before the size: nothing else stands before a size. */
const FORMAT = /, ([a-z][a-z0-9_]*)(?:\(((?:[^()]|\(swapped\)){0,200})\))?, \d+x\d+/;
const GRAPH_INPUT =
  /^\[graph [^\]@]{0,60}@ 0x[0-9a-f]+\] \[verbose\] w:(\d+) h:(\d+) pixfmt:\w+(?: tb:\S+)?(?: fr:\S+)?(?: sar:(\d+)\/(\d+))?(?: csp:(\w+) range:(\w+))?/;
const CHANGED = 'parameters changed to ';
const CHANGED_SIZE = /^[a-z]\w*(?:\([^)]*\))?, (\d+)x(\d+)/;

type Told = Pick<RawVideo, 'tags' | 'interlaced'>;

const NOTHING: Told = { tags: { matrix: undefined, range: undefined }, interlaced: false };

/** Reads one run's stderr, at `-loglevel level+verbose`. */
export class StderrReader {
  #codec = 'unknown';
  #fps: number | undefined;
  #input: Told = NOTHING;
  #output = false;
  #raw: RawVideo | undefined;
  #announced: Announced = { width: 0, height: 0 };
  readonly #lines: string[] = [];

  /** FFmpeg's name of the input's codec, `unknown` until it is told. */
  get codec(): string {
    return this.#codec;
  }

  /** The rate that the input declares, if any. */
  get fps(): number | undefined {
    return this.#fps;
  }

  /** What comes through the pipe; undefined until it is told, which is before the first frame. */
  get raw(): RawVideo | undefined {
    return this.#raw;
  }

  /**
   * The size that the frames were last said to have; 0 × 0 before. The pipe does not tell a change.
   */
  get announced(): Announced {
    return this.#announced;
  }

  /** The last warnings and errors, at most 30, oldest first. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Takes a line. */
  line(whole: string): StderrFinding | undefined {
    const line = whole.slice(0, MAX_LINE_LENGTH);
    if (line.startsWith('[info] Output #0, nut,')) this.#output = true;
    if (line.startsWith(STREAM)) this.#readStream(line);
    this.#readSize(line);
    this.#keep(line);
    const refused = /Picture size (\d{1,10})x(\d{1,10}) (?:exceeds|is invalid)/.exec(line);
    if (refused) return { type: 'too-large', size: { width: Number(refused[1]), height: Number(refused[2]) } };
    if (isWrongName(line)) return { type: 'wrong-name' };
    return wentBack(line) ? { type: 'clock-went-back' } : undefined;
  }

  #readStream(line: string): void {
    if (this.#output) {
      // Before it stands the language that the source claims; the last one is ffmpeg's.
      const at = line.lastIndexOf(RAW_VIDEO);
      if (at >= 0) this.#raw ??= rawVideo(line.slice(at + RAW_VIDEO.length), this.#input);
      return;
    }
    const at = line.indexOf(VIDEO);
    if (at < 0 || this.#codec !== 'unknown') return;
    const details = line.slice(at + VIDEO.length);
    this.#codec = /^\w{1,40}/.exec(details)?.[0] ?? 'unknown';
    this.#input = toldOf(FORMAT.exec(details)?.[2]);
    const fps = Number(/ ([\d.]{1,20}) fps\b/.exec(details)?.[1]);
    if (fps > 0) this.#fps = fps;
  }

  #readSize(line: string): void {
    const [, width, height, num, den, matrix, range] = GRAPH_INPUT.exec(line) ?? [];
    if (width !== undefined) {
      this.#announced = {
        ...{ width: Number(width), height: Number(height) },
        ...(num !== undefined && { sampleAspect: { num: Number(num), den: Number(den) } }),
        ...(matrix !== undefined && { tags: { matrix: matrixOf(matrix), range: rangeOf(range) } }),
      };
      return;
    }
    const at = line.indexOf(CHANGED);
    const changed = at < 0 ? null : CHANGED_SIZE.exec(line.slice(at + CHANGED.length));
    if (changed) this.#announced = { width: Number(changed[1]), height: Number(changed[2]) };
  }

  #keep(line: string): void {
    if (!/\[(warning|error|fatal|panic)\]/.test(line)) return;
    this.#lines.push(line.replace(/\[(warning|error|fatal|panic)\] /, '').slice(0, MAX_KEPT_LENGTH));
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
  }
}

/**
 * Reads ` …(I420 / 0x30323449), yuv420p(tv, bt709, progressive), 640x360`. Newer programs claim the
 * full range for grey that nobody has tagged: of grey the input's tag counts.
 */
function rawVideo(details: string, input: Told): RawVideo | undefined {
  const [, format, words] = FORMAT.exec(details) ?? [];
  if (format === undefined) return undefined;
  const told = toldOf(words);
  const range = format.startsWith('gray') ? input.tags.range : told.tags.range;
  return { format, tags: { ...told.tags, range }, interlaced: told.interlaced || input.interlaced };
}

/** What stands in brackets behind a format: `tv, bt709/unknown/unknown, top first, left`. */
function toldOf(words = ''): Told {
  const parts = words.split(', ');
  const range = parts.map(rangeOf).find((found) => found !== undefined);
  const matrix = parts.map((part) => matrixOf(part.split('/')[0] ?? '')).find((found) => found !== undefined);
  return { tags: { matrix, range }, interlaced: parts.some((part) => /^(?:top|bottom) /.test(part)) };
}

function matrixOf(name: string): ColourTags['matrix'] {
  return Object.hasOwn(MATRICES, name) ? MATRICES[name] : undefined;
}

function rangeOf(name: string | undefined): ColourTags['range'] {
  return name === 'pc' ? 'full' : name === 'tv' ? 'limited' : undefined;
}

/** ffmpeg as an RTMP server only warns of a publisher whose application or stream key is another. */
function isWrongName(line: string): boolean {
  return /^\[rtmp @ 0x[0-9a-f]+\] \[warning\] (?:Unexpected stream |App field don't match up)/.test(line);
}

/**
 * ffmpeg's muxer says that a time is not later than the one before, both in the microseconds of our
 * output.
 */
function wentBack(line: string): boolean {
  if (!/non-monoton\w{1,10} dts/i.test(line)) return false;
  const [, previous, current] = /previous: (-?\d{1,20}), current: (-?\d{1,20})/.exec(line) ?? [];
  return previous === undefined || Number(previous) - Number(current) > MAX_BACK;
}
