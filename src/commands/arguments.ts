/** Values of command line options: text → value. Each throws commander's InvalidArgumentError, which commander prints with the option's name. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { PROFILE_NAMES } from '../config/profile.ts';
import { SOURCE_VARIANT_CHOICES } from '../egress/codec/passing.ts';
import { DEINTERLACE_CHOICES } from '../ingest/decode/deinterlacer.ts';
import { PROVIDER_CHOICES } from '../interp/providers/provider.ts';
import { parseRate } from '../media/rate.ts';
import { DELAY_CHOICES } from '../pairing/ahead.ts';
import { CADENCE_CHOICES } from '../pairing/cadence.ts';
import { LOOKAHEAD_CHOICES } from '../pairing/neighbours.ts';
import { type Micros, micros } from '../time.ts';

/** Any number. */
export const number = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('expected a number');
  return value;
};

/** Frames per second: `60`, `59.94` or `60000/1001`. */
export const framesPerSecond = (text: string): number => {
  const value = parseRate(text);
  if (value === undefined) throw new InvalidArgumentError('expected a rate such as 60, 59.94 or 60000/1001');
  return value;
};

/** A time in milliseconds: `120`, `120ms` or `0.12s`. */
export const milliseconds = (text: string): number => {
  const match = /^(\d+(?:\.\d+)?)(ms|s)?$/.exec(text.trim());
  if (!match) throw new InvalidArgumentError('expected a time such as 120ms');
  return Number(match[1]) * (match[2] === 's' ? 1000 : 1);
};

/** A time: seconds, `mm:ss` or `hh:mm:ss`, each with a fraction of a second or without. */
export const time = (text: string): Micros => {
  const match = /^(?:(?:(\d+):)?([0-5]?\d):)?(\d+(?:\.\d+)?)$/.exec(text.trim());
  const [hours, minutes, seconds] = [match?.[1], match?.[2], match?.[3]].map((part) => Number(part ?? 0));
  if (!match || (match[2] !== undefined && (seconds ?? 0) >= 60)) {
    throw new InvalidArgumentError('expected a time such as 90.5, 1:30.5 or 0:01:30.5');
  }
  return micros((((hours ?? 0) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0)) * 1e6);
};

/** A number from 0 to 1. */
export const share = (text: string): number => {
  const value = number(text);
  if (value < 0 || value > 1) throw new InvalidArgumentError('expected a number from 0 to 1');
  return value;
};

/** Values of an option that may be repeated. */
export const collect = (text: string, before: readonly string[]): readonly string[] => [...before, text];

/** Of `serve` without a default: that is the configuration's. */
export const deinterlaceOption = (): Option =>
  new Option('--deinterlace <mode>', 'make a frame of each field of interlaced video; auto: where it is found').choices(
    DEINTERLACE_CHOICES,
  );

/** As {@link deinterlaceOption}. */
export const delayOption = (): Option =>
  new Option(
    '--delay <mode>',
    'none: show source frames at once and extrapolate those after each; auto (default): interpolate, which delays them',
  ).choices(DELAY_CHOICES);

/** As {@link deinterlaceOption}. */
export const sourceVariantOption = (): Option =>
  new Option(
    '--source-variant <mode>',
    "pass: send the source's own H.264 to viewers of the source, or nothing; encode: encode it again; auto: pass where it can be",
  ).choices(SOURCE_VARIANT_CHOICES);

/** As {@link deinterlaceOption}. */
export const cadenceOption = (): Option =>
  new Option(
    '--cadence <mode>',
    'auto: find repeated pictures (twos, film in 30 fps), interpolate across them',
  ).choices(CADENCE_CHOICES);

/** Of commands that read files. */
export const lookaheadOption = (): Option =>
  new Option(
    '--lookahead <mode>',
    'on: motion that speeds up or turns is told by the gaps before and after; off: by the one before, as live',
  ).choices(LOOKAHEAD_CHOICES);

/** Adds the options that `serve` and `convert` share: the output rate, and how frames are interpolated. */
export const rateOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--fps <rate>', 'exact output rate in frames per second: 60, 59.94, 60000/1001')
        .argParser(framesPerSecond)
        .conflicts('factor'),
    )
    .addOption(new Option('--factor <n>', 'output frames for each source frame, source frames kept').argParser(number))
    .addOption(new Option('--model <name>', 'model id, search, blend, repeat, or an .onnx file (default: flow-s)'))
    .addOption(new Option('--profile <name>', 'model, rate and rules for what the video shows').choices(PROFILE_NAMES))
    .addOption(
      new Option(
        '--provider <name>',
        'where networks run; auto: the fastest that agrees with the CPU (default: auto)',
      ).choices(PROVIDER_CHOICES),
    )
    .addOption(new Option('--threads <n>', 'threads of one worker').argParser(number))
    .addOption(
      new Option(
        '--grain <share>',
        'noise of real frames given back to made ones, 0 (none) to 1 (default: as the model says)',
      ).argParser(share),
    );
