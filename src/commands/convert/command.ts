/** The options of `convert`, as they stand in its help. */
import { type Command, Option } from 'commander';
import type { RateFlags } from '../../config/flags.ts';
import type { Micros } from '../../time.ts';
import { number, rateOptions, time } from '../arguments.ts';

/** What the command line says. */
export interface ConvertFlags extends RateFlags {
  readonly codec: string;
  readonly crf: number;
  readonly overwrite?: boolean;
  readonly resume?: boolean;
  /** False with `--no-audio`. */
  readonly audio: boolean;
  readonly start?: Micros;
  readonly duration?: Micros;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Adds `convert` to the program. */
export function addConvert(
  program: Command,
  run: (input: string, output: string, flags: ConvertFlags) => Promise<void>,
): void {
  rateOptions(program.command('convert'))
    .description('raise the frame rate of a file, offline: every gap interpolated, source frames kept')
    .argument('<in>', 'video file')
    .argument('<out>', 'video file to write; its ending chooses the container')
    .option('--codec <name>', 'encoder: h264, or lossless ffv1', 'h264')
    .addOption(new Option('--crf <n>', 'quality of h264, 0 (lossless) to 51').argParser(number).default(14))
    .option('--no-audio', 'leave the sound out')
    .addOption(new Option('--start <time>', 'begin there: seconds, mm:ss or hh:mm:ss.ms').argParser(time))
    .addOption(new Option('--duration <time>', 'convert so much, from --start on').argParser(time))
    .option('--overwrite', 'replace an existing output, once the new one is complete')
    .option('--resume', 'go on from where a run of this command stopped or was killed')
    .option('--json', 'print progress and the result as lines of JSON')
    .option('--quiet', 'no progress bar')
    .addHelpText('after', '\nExample:\n  framelift convert talk30.mp4 talk60.mp4 --factor 2')
    .action(run);
}
