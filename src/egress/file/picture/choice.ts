/** Which of a codec's pixel formats holds pictures of a form, or loses least of them. Pure. */
import { FrameliftError } from '../../../errors.ts';
import type { SampleForm } from '../../../media/deep-layout.ts';
import { nameOfSampling, pixelFormatOf, planarFormat } from '../../../media/pixel-format.ts';

/** What pictures are written as. */
export interface PixelChoice {
  /** FFmpeg's name of the pixel format. */
  readonly format: string;
  readonly form: SampleForm;
  /** What it does not hold, a sentence each. */
  readonly lost: readonly string[];
}

/** A codec as people name it, and what FFmpeg's encoder of it takes. */
export interface PixelTarget {
  readonly codec: string;
  /** FFmpeg's names, the encoder's favourite first; empty = any (raw video). */
  readonly formats: readonly string[];
  /** True where players of the codec expect colour: grey is then written as 4:2:0 without any. Default false. */
  readonly alwaysColour?: boolean;
  /** False where the container loses alpha, as MP4 does of VP9. Default true. */
  readonly alpha?: boolean;
}

/** Formats that pictures are written as: whole samples, in planes or, of RGB, in pixels. */
const WRITABLE = /^(yuva?4\d\dp|gbra?p|gray|ya)\d*(le|be)?$|^(bgr0|bgra|rgb24|bgr24|rgba)$|^(rgb48|rgba64)(le|be)$/;

/**
 * The first in the order of what matters: alpha, colour, the kind of colour, chroma's resolution, bits; then what is
 * not larger than it has to be.
 * @throws FrameliftError `config.invalid` for pictures with alpha where the codec holds none.
 */
export function choosePixels(source: SampleForm, target: PixelTarget): PixelChoice {
  if (source.alpha && !holdsAlpha(target)) throw noAlpha(target.codec);
  const [first, ...others] = candidatesOf(source, target);
  if (!first) throw new FrameliftError('config.invalid', `no pixel format of ${target.codec} is known`);
  const best = others.reduce((a, b) => (isLess(costs(source, b.form), costs(source, a.form)) ? b : a), first);
  return { ...best, lost: losses(source, best.form, target.codec) };
}

/** True for a codec that can hold transparent pictures. */
export function holdsAlpha({ formats, alpha = true }: PixelTarget): boolean {
  if (!alpha) return false;
  return formats.length === 0 || formats.some((name) => WRITABLE.test(name) && pixelFormatOf(name)?.form.alpha);
}

/** For pictures that are transparent where the codec is not. */
export function noAlpha(codec: string): FrameliftError {
  return new FrameliftError('config.invalid', `the input is partly transparent, which ${codec} cannot hold`, {
    remedy: 'Use --codec ffv1, prores or vp9, or write PNG pictures; or lay it over a background first.',
  });
}

function candidatesOf(source: SampleForm, { formats, alwaysColour = false }: PixelTarget): Omit<PixelChoice, 'lost'>[] {
  const names = formats.length > 0 ? formats.filter((name) => WRITABLE.test(name)) : [planarFormat(source)];
  return names.flatMap((format) => {
    const form = pixelFormatOf(format)?.form;
    return form && !(alwaysColour && form.model === 'grey') ? [{ format, form }] : [];
  });
}

/** Costs in falling order of weight. */
function costs(source: SampleForm, to: SampleForm): number[] {
  const colourless = to.model === 'grey' && source.model !== 'grey';
  const otherModel = to.model !== source.model && source.model !== 'grey';
  // Red, green and blue hold every chroma; grey needs none.
  const [x, y] = source.model === 'grey' || to.model === 'rgb' ? [0, 0] : [to.shiftX, to.shiftY];
  const coarser = Math.max(0, x - source.shiftX) + Math.max(0, y - source.shiftY);
  return [
    Number(source.alpha && !to.alpha),
    Number(colourless),
    Number(otherModel),
    coarser,
    Math.max(0, source.bits - to.bits),
    // From here on nothing is lost any more, only room.
    Number(!source.alpha && to.alpha),
    Number(source.model === 'grey' && to.model !== 'grey') + Number(source.model === 'grey' && to.model === 'rgb'),
    Math.max(0, to.bits - source.bits),
    to.model === 'yuv' ? Math.abs(source.shiftX - x) + Math.abs(source.shiftY - y) + greyWaste(source, to) : 0,
  ];
}

/** Chroma that grey does not have should be as small as it may. */
function greyWaste(source: SampleForm, to: SampleForm): number {
  return source.model === 'grey' ? Math.abs(1 - to.shiftX) + Math.abs(1 - to.shiftY) : 0;
}

function isLess(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((cost, index) => cost !== b[index]);
  return at >= 0 && (a[at] ?? 0) < (b[at] ?? 0);
}

function losses(source: SampleForm, to: SampleForm, codec: string): string[] {
  const [from, into] = [nameOfSampling(source), nameOfSampling(to)];
  const lost: string[] = [];
  if (source.model === 'rgb' && to.model === 'yuv') {
    lost.push(`red, green and blue become luma and chroma (${into}): ${codec} holds nothing else`);
  } else if (source.model === 'yuv' && to.model === 'rgb') {
    lost.push(`luma and chroma become red, green and blue: ${codec} holds nothing else`);
  } else if (source.model !== 'grey' && (to.shiftX > source.shiftX || to.shiftY > source.shiftY)) {
    lost.push(`${from} becomes ${into}: ${codec} holds nothing finer here`);
  }
  if (to.bits < source.bits) lost.push(`${source.bits} bits become ${to.bits}: ${codec} holds no more here`);
  return lost;
}
