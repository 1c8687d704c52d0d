/** What `convert` tells people. Pure. */
import type { ConvertResult } from './convert.ts';
import { howToGoOn, inWords } from './stopped.ts';

/** What was done, in a line, and what is worth knowing about it, a line each. */
export function summary(result: ConvertResult): string[] {
  const { output, sourceFrames, interpolated, repeated, outputFrames, seconds, model, interrupted, notes } = result;
  const done =
    `${output}: ${outputFrames} frames (${sourceFrames} source, ${interpolated} interpolated by ${model}, ` +
    `${repeated} repeated) in ${seconds.toFixed(1)} s${interrupted ? ', interrupted' : ''}, ${(outputFrames / seconds).toFixed(1)} fps`;
  return [done, ...(interrupted ? left(result) : []), ...notes.map((note) => `note: ${note}`)];
}

function left({ unfinished }: ConvertResult): string[] {
  return [[`${inWords(unfinished)}.`, howToGoOn(unfinished)].filter((part) => part !== undefined).join(' ')];
}
