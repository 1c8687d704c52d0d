/** The options of `eval`, as they stand in its help. */
import { type Command, Option } from 'commander';
import { SET_NAMES, type SetName, setsTable } from '../../eval/set/sets.ts';
import type { LookaheadChoice } from '../../pairing/neighbours.ts';
import { collect, lookaheadOption, number } from '../arguments.ts';

/** What the command line says. */
export interface EvalFlags {
  readonly model: readonly string[];
  readonly baseline: readonly string[];
  readonly set?: SetName;
  readonly split?: readonly string[];
  readonly factor?: number;
  readonly frames?: number;
  readonly height?: number;
  readonly lookahead: LookaheadChoice;
  readonly truth?: string;
  readonly sheet?: string;
  readonly worst: number;
  readonly threads?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const HELP = `
Inputs are told apart by themselves:
  im1.png im2.png im3.png in a folder   im2 is the truth (Vimeo's triplets, or any three png files in order)
  nine png files in a folder            the inner seven are the truth, at t = 1/8 … 7/8
  a video file                          every Nth frame (--factor) is kept, the removed ones are the truth
Folders are searched through. Clips are scaled to --height lines at most and to multiples of 16; with more than 6 gaps the
first and the last one do not count. Every pair is interpolated, also across cuts and between duplicates.
Networks see what they would in a live stream: the pair and the one before; --lookahead on is as in convert.

Figures are on luma, the mean over a clip's interpolated frames, then over clips: PSNR (dB), SSIM (8x8 windows), IE (root of the mean
squared difference, grey levels), ms (milliseconds for each interpolated frame: median of a clip). Of RGB pictures the BT.601 luma
(full range) is compared, not the three channels. With --truth also e/n: error power of the
interpolated frames over the noise power of the given ones beside them (1 = as far from the truth as the input).

Published sets, as they unpack (--set and the folder):
${setsTable()}
They are measured as published, in colour: PSNR-RGB, SSIM-RGB, and MAE-RGB (mean absolute difference, grey levels: what papers
list as "IE" of Middlebury-Other; not the IE above); snu-film and xiph by their parts (--split), gopro at 8x. Two
frames are given, no more. --json says which SSIM. Networks whose frames have colour at half the resolution are named.

Examples:
  framelift eval clips/ --model flow-s --baseline blend --baseline minterpolate
  framelift eval vimeo/sequences/00001 --model flow-s --model mine.onnx --json
  framelift eval walk.mp4 --factor 4 --model flow-s --sheet worst.png --worst 6
  framelift eval phantom/*-noisy.mkv --truth phantom/ --height 1080 --model flow-s --baseline blend
  framelift eval --set vimeo90k vimeo_triplet/ --model flow-s --model rife.onnx
  framelift eval --set snu-film SNU-FILM/ --split hard --split extreme --model flow-s`;

/** Adds `eval` to the program. */
export function addEval(program: Command, run: (paths: string[], flags: EvalFlags) => Promise<void>): void {
  program
    .command('eval')
    .description('measure interpolation quality: frames are removed, interpolated by each contender, and compared')
    .argument('<paths...>', 'frame folders, video files, or folders of them; with --set the folder of the set')
    .addOption(
      new Option('--model <name>', 'model id or an .onnx file; may be repeated').argParser(collect).default([]),
    )
    .addOption(
      new Option('--baseline <name>', 'repeat, blend, search or minterpolate; may be repeated')
        .argParser(collect)
        .default([]),
    )
    .addOption(new Option('--set <name>', 'a published set, in its own layout, parts and units').choices(SET_NAMES))
    .addOption(
      new Option('--split <name>', 'a part of the set: easy, 2k …; may be repeated (default: all)').argParser(
        (text: string, before: readonly string[] | undefined) => collect(text, before ?? []),
      ),
    )
    .addOption(new Option('--factor <n>', 'clips: keep every Nth frame: 2, 4 or 8 (default: 2)').argParser(number))
    .addOption(new Option('--frames <n>', 'clips: read at most this many frames (default: 41)').argParser(number))
    .addOption(
      new Option('--height <lines>', 'clips: scale to at most this many lines (default: 480)').argParser(number),
    )
    .addOption(lookaheadOption().default('off'))
    .option('--truth <path>', 'clip or folder of clips to compare with: x-clean for x-noisy, else the same file name')
    .option('--sheet <file>', 'write a contact sheet of the worst cases, .png or .jpg')
    .addOption(new Option('--worst <n>', 'cases of each contender on the sheet').argParser(number).default(4))
    .addOption(new Option('--threads <n>', 'threads of one worker').argParser(number))
    .option('--json', 'print the figures as JSON')
    .option('--quiet', 'no progress bar')
    .addHelpText('after', HELP)
    .action(run);
}
