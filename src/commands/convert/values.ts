/** Values of `convert`'s options: text → value. Each throws commander's InvalidArgumentError. */
import { InvalidArgumentError } from 'commander';
import { parseRate, type Rational, rateFrom } from '../../media/rate.ts';

/** Bits per second: `6M`, `800k`, `6000000`. */
export function bitsPerSecond(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([kKmM]?)$/.exec(text.trim());
  if (!match) throw new InvalidArgumentError('expected bits per second such as 6M or 800k');
  const unit = match[2]?.toLowerCase();
  return Math.round(Number(match[1]) * (unit === 'm' ? 1e6 : unit === 'k' ? 1e3 : 1));
}

/** Most images per second that can be meant. */
const MAX_RATE = 1000;

/** A rate as `--fps` takes it, as the fraction that it means: `24`, `23.976` (24000/1001), `24000/1001`. */
export function imageRate(text: string): Rational {
  const fps = parseRate(text);
  if (fps !== undefined && fps > 0 && fps <= MAX_RATE) return rateFrom(fps, undefined);
  throw new InvalidArgumentError('expected images per second such as 24 or 24000/1001');
}
