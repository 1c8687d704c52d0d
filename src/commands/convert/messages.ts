/** What `convert` tells people. Pure. */
import type { ConvertResult } from './convert.ts';

/** What was done, in a line, and what is worth knowing about it, a line each. */
export function summary(result: ConvertResult, notice: string | undefined): string[] {
  const { output, sourceFrames, interpolated, repeated, outputFrames, seconds, model, interrupted, rotation } = result;
  const lines = [
    `${output}: ${outputFrames} frames (${sourceFrames} source, ${interpolated} interpolated by ${model}, ` +
      `${repeated} repeated) in ${seconds.toFixed(1)} s${interrupted ? ', interrupted' : ''}, ${(outputFrames / seconds).toFixed(1)} fps`,
  ];
  if (notice !== undefined) lines.push(`note: ${notice}`);
  if (rotation !== 0) lines.push(`note: the input asks to be turned by ${rotation}°; the output does not say so`);
  return lines;
}
