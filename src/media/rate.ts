/** Frame rates as exact fractions. Pure. */

/** A fraction, as containers give rates: `num` frames in `den` seconds. Both are above 0. */
export interface Rational {
  readonly num: number;
  readonly den: number;
}

/** NTSC's rates are whole ones times 1000/1001. */
const NTSC = 1001;
/** `59.94` and `23.976` are off the rates that they mean by one in a million; two decimals, by less than this. */
const ROUNDED = 2e-5;
/** Off by less, a number was computed from the fraction. */
const COMPUTED = 1e-9;
/** Fractions of rates that people write as decimals have denominators up to this. */
const MAX_DENOMINATOR = 100_000;

/** Frames per second as a number. */
export function perSecond({ num, den }: Rational): number {
  return num / den;
}

/** `rate` times a whole number. */
export function times({ num, den }: Rational, factor: number): Rational {
  return reduced(num * factor, den);
}

/** The fraction that a rate of a container means: 2997/100 and 23976/1000 are rounded NTSC rates. */
export function exactRate(rate: Rational): Rational {
  return ntscRate(perSecond(rate), ROUNDED) ?? reduced(rate.num, rate.den);
}

/**
 * The fraction that a number of frames per second means: 60000/1001 where it was computed from that, and where it is
 * 59.94 and the `source` runs at such a rate, or declares none. 23.976, 29.97, 119.88 likewise.
 */
export function rateFrom(fps: number, source: Rational | undefined): Rational {
  const computed = ntscRate(fps, COMPUTED);
  if (computed) return computed;
  const rounded = source === undefined || exactRate(source).den % NTSC === 0 ? ntscRate(fps, ROUNDED) : undefined;
  return rounded ?? fractionOf(fps);
}

/** Frames per second from `60`, `59.94` or `60000/1001`; undefined for anything else. */
export function parseRate(text: string): number | undefined {
  const [, num, den = '1'] = /^\s*(\d+(?:\.\d+)?)\s*(?:[/:]\s*(\d+(?:\.\d+)?))?\s*$/.exec(text) ?? [];
  const value = num === undefined ? Number.NaN : Number(num) / Number(den);
  return Number.isFinite(value) ? value : undefined;
}

/** n·1000/1001 within `tolerance` (a share) of `fps`. Whole rates are none: they are farther off. */
function ntscRate(fps: number, tolerance: number): Rational | undefined {
  const whole = Math.round((fps * NTSC) / 1000);
  const exact = (whole * 1000) / NTSC;
  return whole > 0 && Math.abs(fps - exact) <= tolerance * exact ? { num: whole * 1000, den: NTSC } : undefined;
}

/** The simplest fraction that is this number (continued fractions). */
function fractionOf(value: number): Rational {
  let [a, b, c, d] = [1, 0, Math.floor(value), 1];
  let rest = value - c;
  while (Math.abs(value - c / d) > COMPUTED * value && rest > 0) {
    const inverse = 1 / rest;
    const whole = Math.floor(inverse);
    if (whole * d + b > MAX_DENOMINATOR) break;
    [a, b, c, d] = [c, d, whole * c + a, whole * d + b];
    rest = inverse - whole;
  }
  return reduced(c, d);
}

function reduced(num: number, den: number): Rational {
  let [a, b] = [num, den];
  while (b > 0) [a, b] = [b, a % b];
  return { num: num / a, den: den / a };
}
