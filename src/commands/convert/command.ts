/** The options of `convert`, as they stand in its help. */
import { type Command, Option } from 'commander';
import type { RateFlags } from '../../config/flags.ts';
import { NAMED_CODECS } from '../../egress/file/codecs.ts';
import { STREAM_FORMATS } from '../../egress/file/formats.ts';
import type { DeinterlaceChoice } from '../../ingest/decode/deinterlacer.ts';
import type { CadenceChoice } from '../../pairing/cadence.ts';
import type { LookaheadChoice } from '../../pairing/neighbours.ts';
import type { Micros } from '../../time.ts';
import { cadenceOption, deinterlaceOption, lookaheadOption, number, rateOptions, share, time } from '../arguments.ts';
import { bitsPerSecond, imageRate } from './values.ts';

/** What the command line says. */
export interface ConvertFlags extends RateFlags {
  readonly codec?: string;
  readonly crf?: number;
  readonly bitrate?: number;
  readonly preset?: string;
  readonly format?: string;
  readonly inputFps?: { readonly num: number; readonly den: number };
  readonly deinterlace: DeinterlaceChoice;
  readonly cadence: CadenceChoice;
  readonly lookahead: LookaheadChoice;
  readonly minConfidence?: number;
  readonly scale?: number;
  readonly overwrite?: boolean;
  readonly resume?: boolean;
  /** False with `--no-audio`. */
  readonly audio: boolean;
  readonly start?: Micros;
  readonly duration?: Micros;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const FORMATS = `
Outputs, by their ending (the first codec is the default):
  .mp4            h264, h265, av1, vp9
  .m4v            h264, h265
  .mov            h264, h265, prores, ffv1
  .mkv            h264, h265, av1, vp9, prores, ffv1
  .webm           vp9, av1
  .avi            h264, ffv1          one constant rate
  .ts  .flv       h264 (.ts: h265)
  .nut            uncompressed, or ffv1, h264, h265, vp9
  .y4m            uncompressed        one constant rate
  dir/%06d.png    images, numbered from 1
  -               the standard output, see --format

Presets, slow and small to fast and large:
  h264, h265      placebo veryslow slower slow medium fast faster veryfast superfast ultrafast
                  (default: h264 veryfast, h265 fast)
  av1             0 to 13 (default: 8)
  vp9             0 to 8 (default: 4; from 6 on as for live video)
  prores          its profiles: proxy lt standard hq 4444 4444xq (default: what the picture needs)

Larger pictures: a model that enlarges (framelift models; docs/convert.md) makes every frame anew at its size, twice the
rate at once. --scale 2 takes zsm; with such a --model the scale is its own. No source frame stays as it was.

Examples:
  framelift convert talk30.mp4 talk60.mp4 --factor 2
  framelift convert film.mkv film.webm --fps 60 --codec av1 --crf 24
  framelift convert in.mov master.mov --codec prores --preset hq
  framelift convert in.mp4 small.mp4 --codec h265 --bitrate 6M
  framelift convert shot/%04d.png twice/%04d.png --input-fps 24 --factor 2
  framelift convert small360p25.mp4 large720p50.mp4 --scale 2
  framelift convert in.mp4 - | ffplay -
  framelift convert in.mp4 - --format y4m | x265 --y4m - -o out.hevc`;

/** Adds `convert` to the program. */
export function addConvert(
  program: Command,
  run: (input: string, output: string, flags: ConvertFlags) => Promise<void>,
): void {
  rateOptions(program.command('convert'))
    .description('raise the frame rate of a file, offline: every gap interpolated, source frames kept')
    .argument('<in>', 'video file, or numbered images: a pattern such as shot/%04d.png, or the first of them')
    .argument('<out>', 'what to write; its ending chooses the format, - is the standard output')
    .option('--codec <name>', `encoder: ${NAMED_CODECS.join(', ')} (default: the format's first, see below)`)
    .addOption(
      new Option(
        '--crf <n>',
        'constant quality, 0 (best) to 51 (h264: 14 by default, h265: 17) or 63 (av1, vp9: 18)',
      ).argParser(number),
    )
    .addOption(
      new Option('--bitrate <rate>', 'mean bits per second instead of a constant quality, such as 6M')
        .argParser(bitsPerSecond)
        .conflicts('crf'),
    )
    .option('--preset <name>', "the codec's own balance of speed and size, see below")
    .option('--format <name>', `of the standard output: ${STREAM_FORMATS.join(' (the default) or ')}`)
    .addOption(
      new Option('--input-fps <rate>', 'images per second of numbered images, such as 24 or 24000/1001').argParser(
        imageRate,
      ),
    )
    .addOption(deinterlaceOption().default('auto'))
    .addOption(cadenceOption().default('auto'))
    .addOption(lookaheadOption().default('on'))
    .addOption(
      new Option(
        '--min-confidence <share>',
        'show the nearer source frame where it is less sure to be right, 0 to 1 (default: 0.5, fluoroscopy 0.75)',
      ).argParser(share),
    )
    .addOption(
      new Option(
        '--scale <n>',
        'make pictures 2 or 4 times as large each way, by a model that does; source frames, too, see below',
      ).argParser(number),
    )
    .option('--no-audio', 'leave the sound out')
    .addOption(new Option('--start <time>', 'begin there: seconds, mm:ss or hh:mm:ss.ms').argParser(time))
    .addOption(new Option('--duration <time>', 'convert so much, from --start on').argParser(time))
    .option('--overwrite', 'replace an existing output, once the new one is complete (images: one by one)')
    .option('--resume', 'go on from where a run of this command stopped or was killed')
    .option('--json', 'print progress and the result as lines of JSON')
    .option('--quiet', 'no progress bar')
    .addHelpText('after', FORMATS)
    .action(run);
}
