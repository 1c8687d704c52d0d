/** `framelift inspect`: what a file says of its own pictures. */
import type { Command } from 'commander';
import { print } from '../print.ts';
import { openCoded } from './access-units.ts';
import { Inspection, inspectionText } from './inspection.ts';

/** What the command line says. */
interface InspectFlags {
  readonly frames?: boolean;
  readonly json?: boolean;
}

/** Marks are missing or wrong. */
const FAULTY = 1;

/** Adds `inspect` to the program. */
export function addInspect(program: Command): void {
  program
    .command('inspect')
    .description(
      'print and check what a file says of its pictures: which are the source’s, which were made, and by what',
    )
    .argument('<file>', 'H.264 or H.265 that framelift has encoded, in any container: a recording, a converted file')
    .option('--frames', 'also a line of JSON for each picture')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Exit code 0: each picture has one mark, and nothing is wrong with it. 1: marks are missing or wrong, or the file cannot be
read. A mark says what who encoded the file knew; it is no proof against one who wants to deceive. What is in it:
docs/provenance.md.

Examples:
  framelift inspect upconverted.mp4
  framelift inspect upconverted.mp4 --frames | jq 'select(.mark.kind == "interpolated")'`,
    )
    .action(async (path: string, { frames, json }: InspectFlags) => {
      await using file = await openCoded(path);
      const inspection = new Inspection(file.codec);
      for await (const unit of file.units()) {
        const picture = inspection.take(unit);
        if (frames) await print(process.stdout, JSON.stringify(picture));
      }
      const { result } = inspection;
      if (json) await print(process.stdout, JSON.stringify(result, null, frames ? 0 : 2));
      else if (!frames) await print(process.stdout, inspectionText(path, result));
      process.exitCode = result.sound ? 0 : FAULTY;
    });
}
