/** The options of `convert`, as they stand in its help. */
import { type Command, Option } from 'commander';
import type { RateFlags } from '../../config/flags.ts';
import { DEFAULT_MIN_CONFIDENCE } from '../../config/profile.ts';
import type { DeinterlaceChoice } from '../../ingest/decode/deinterlacer.ts';
import type { CadenceChoice } from '../../pairing/cadence.ts';
import { cadenceOption, deinterlaceOption, number, rateOptions, share } from '../arguments.ts';

/** What the command line says. */
export interface ConvertFlags extends RateFlags {
  readonly codec: string;
  readonly crf: number;
  readonly deinterlace: DeinterlaceChoice;
  readonly cadence: CadenceChoice;
  readonly minConfidence: number;
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
    .addOption(deinterlaceOption().default('auto'))
    .addOption(cadenceOption().default('auto'))
    .addOption(
      new Option('--min-confidence <share>', 'repeat the nearer source frame where the model is less sure, 0 to 1')
        .argParser(share)
        .default(DEFAULT_MIN_CONFIDENCE),
    )
    .option('--json', 'print the result as JSON')
    .option('--quiet', 'no progress bar')
    .addHelpText('after', '\nExample:\n  framelift convert talk30.mp4 talk60.mp4 --factor 2')
    .action(run);
}
