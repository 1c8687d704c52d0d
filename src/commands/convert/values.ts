/** Values of `convert`'s options: text → value. Each throws commander's InvalidArgumentError. */
import { InvalidArgumentError } from 'commander';

/** Bits per second: `6M`, `800k`, `6000000`. */
export function bitsPerSecond(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([kKmM]?)$/.exec(text.trim());
  if (!match) throw new InvalidArgumentError('expected bits per second such as 6M or 800k');
  const unit = match[2]?.toLowerCase();
  return Math.round(Number(match[1]) * (unit === 'm' ? 1e6 : unit === 'k' ? 1e3 : 1));
}

/** Most images per second that can be meant. */
const MAX_RATE = 1000;

/** A rate as a fraction: `24`, `23.976`, `24000/1001`. */
export function imageRate(text: string): { readonly num: number; readonly den: number } {
  const match = /^(\d+(?:\.(\d{1,6}))?)(?:\/(\d+))?$/.exec(text.trim());
  const [, value = '', decimals = '', divisor] = match ?? [];
  const scale = 10 ** decimals.length;
  const rate = { num: Math.round(Number(value) * scale), den: Number(divisor ?? 1) * scale };
  if (match && !(decimals && divisor) && rate.num > 0 && rate.num <= MAX_RATE * rate.den) return rate;
  throw new InvalidArgumentError('expected images per second such as 24 or 24000/1001');
}
