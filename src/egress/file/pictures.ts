/** Frames as the encoder of a file takes them, and how it is told what they are. An adapter of node-av's frames. */
import {
  AV_PKT_DATA_CONTENT_LIGHT_LEVEL,
  AV_PKT_DATA_MASTERING_DISPLAY_METADATA,
  type AVPacketSideDataType,
  type Frame as AvFrame,
  avGetPixFmtFromName,
  avGetPixFmtName,
  Codec,
  type CodecContext,
  type CodecParameters,
  FFmpegError,
  type FFVideoEncoder,
} from 'node-av';
import { FrameliftError } from '../../errors.ts';
import { deepWords, type SampleForm } from '../../media/deep-layout.ts';
import type { Frame } from '../../media/frame.ts';
import type { PictureTraits, StoredTraits } from '../../media/picture-traits.ts';
import { pixelFormatOf } from '../../media/pixel-format.ts';
import type { FrameSize } from '../../media/size.ts';
import { tagAspect, tagCodes } from '../codec/tags.ts';
import { choosePixels, holdsAlpha, noAlpha, type PixelChoice, type PixelTarget } from './picture/choice.ts';
import { storedOf, type WrittenColour, writtenColour } from './picture/colour.ts';
import { type EncoderOption, hdrSettings } from './picture/hdr.ts';
import { Samples } from './picture/samples.ts';

/** What the pictures are for. */
export interface PictureTarget extends PixelTarget {
  /** FFmpeg's name of the encoder. */
  readonly encoder: string;
}

/** What an encoder of FFmpeg's takes. @param codec its codec's name among people. @throws FrameliftError `config.invalid`. */
export function pictureTarget(codec: string, encoder: string): PictureTarget {
  const found = Codec.findEncoderByName(encoder as FFVideoEncoder); // any name may be asked for
  if (!found) throw new FrameliftError('config.invalid', `the FFmpeg that node-av carries has no ${encoder}`);
  const names = (found.pixelFormats ?? []).map((format) => avGetPixFmtName(format) ?? '');
  const alpha = ALPHA[encoder];
  const isUsable = (name: string) => !alpha || !pixelFormatOf(name)?.form.alpha || alpha.includes(name);
  return { codec, encoder, formats: names.filter(isUsable) };
}

/** The formats with alpha of encoders that list more: libvpx opens no other, and few players know of HEVC's alpha layer. */
const ALPHA: Readonly<Record<string, readonly string[]>> = { 'libvpx-vp9': ['yuva420p'], libx265: [] };

/** Encoders that take no picture which ends within a chroma sample. */
const WHOLE_CHROMA: ReadonlySet<string> = new Set(['libx264', 'libx265']);
/** Encoders whose players take every sample for full range. */
const FULL_ONLY: ReadonlySet<string> = new Set(['png', 'apng', 'mjpeg']);
/** Encoders of codecs whose players mostly know no picture without chroma. */
const ALWAYS_COLOUR: ReadonlySet<string> = new Set(['libx264', 'libx265']);

/** Brings frames of one size into the form that an encoder takes. Close it at the end. */
export class Pictures {
  /** What the output does not hold of the source, a sentence each. Known from the first frame on, and growing. */
  readonly lost: string[];
  readonly #target: PictureTarget;
  readonly #traits: PictureTraits;
  readonly #stored: StoredTraits;
  readonly #choice: PixelChoice;
  readonly #colour: WrittenColour;
  readonly #samples: Samples;
  readonly #frameSize: FrameSize;
  readonly #size: FrameSize;
  /** The source has alpha, all of it opaque so far, and the codec none. */
  readonly #mustBeOpaque: boolean;
  #saidCoarse = false;

  /**
   * @param first of the frames to come.
   * @throws FrameliftError `config.invalid` for transparent pictures where the codec holds no alpha.
   */
  constructor(first: Frame, traits: PictureTraits | undefined, target: PictureTarget) {
    const { width, height } = first;
    this.#target = target;
    this.#frameSize = { width, height };
    this.#stored = storedOf(traits);
    this.#traits = traits ?? { colour: { matrix: 'bt601', range: 'limited' } };
    const { form } = this.#stored;
    this.#choice = choose(form, isTransparent(first), { ...target, alwaysColour: ALWAYS_COLOUR.has(target.encoder) });
    const { form: to, format } = this.#choice;
    this.#mustBeOpaque = form.alpha && !to.alpha;
    this.#size = WHOLE_CHROMA.has(target.encoder) ? wholeChroma(to, width, height) : { width, height };
    this.#colour = writtenColour(this.#traits, to, height, FULL_ONLY.has(target.encoder));
    this.#samples = new Samples({
      ...{ form, colour: this.#colour.from, i420: this.#traits.colour },
      ...{ format, target: to, targetColour: this.#colour.to },
      ...this.#size,
    });
    this.lost = [...this.#choice.lost, ...this.#sizeNote(), ...this.#leftNote()];
  }

  /**
   * The size of pictures: a frame's, or one more where the codec has no odd sizes. No container is told to cut that off:
   * FFmpeg would cut off two, since it crops whole chroma samples.
   */
  get size(): FrameSize {
    return this.#size;
  }

  /** FFmpeg's name of their pixel format. */
  get format(): string {
    return this.#choice.format;
  }

  /** The encoder's option that writes HDR's metadata into its stream; undefined where there is nothing to write. */
  get hdr(): EncoderOption | undefined {
    return hdrSettings(this.#target.encoder, this.#stored.hdr);
  }

  /**
   * The picture without its times; the caller frees it. `frame` stays the caller's.
   * @throws FrameliftError `encode.failed` for a frame of another size, `config.invalid` for one that is transparent
   * where none before was and the codec holds no alpha.
   */
  of(frame: Frame): AvFrame {
    this.#checkSize(frame);
    if (this.#mustBeOpaque && isTransparent(frame)) throw noAlpha(this.#target.codec);
    if (!this.#saidCoarse && this.#samples.isCoarse(frame)) {
      this.#saidCoarse = true;
      const isAll = frame.provenance.kind === 'enlarged';
      this.lost.push(
        `the model made ${isAll ? 'all' : 'its'} frames in 8-bit 4:2:0${isAll ? '' : '; source frames are as they came'}`,
      );
    }
    const picture = this.#samples.of(frame);
    tagCodes(picture, this.#colour.codes);
    tagAspect(picture, this.#traits.sampleAspect);
    return picture;
  }

  /** Tells an encoder that is not open yet what comes: size, form, colour, shape of samples. */
  describeTo(context: CodecContext): void {
    context.width = this.#size.width;
    context.height = this.#size.height;
    context.pixelFormat = avGetPixFmtFromName(this.#choice.format);
    tagCodes(context, this.#colour.codes);
    tagAspect(context, this.#traits.sampleAspect);
  }

  /** Tells a container, before its header is written, what its stream of the pictures cannot say. @throws FFmpegError. */
  describeStream(parameters: CodecParameters): void {
    const { mastering, light } = this.#stored.hdr ?? {};
    tagCodes(parameters, this.#colour.codes);
    if (mastering) addSideData(parameters, AV_PKT_DATA_MASTERING_DISPLAY_METADATA, mastering);
    if (light) addSideData(parameters, AV_PKT_DATA_CONTENT_LIGHT_LEVEL, light);
  }

  close(): void {
    this.#samples.close();
  }

  #checkSize({ width, height }: Frame): void {
    const first = this.#frameSize;
    if (first.width === width && first.height === height) return;
    throw new FrameliftError(
      'encode.failed',
      `the video changes its size from ${first.width}x${first.height} to ${width}x${height}`,
      { remedy: 'Convert the parts one by one, or scale the input to one size first.' },
    );
  }

  #sizeNote(): string[] {
    const [from, to] = [this.#frameSize, this.#size];
    const doubled = [from.width < to.width && 'column', from.height < to.height && 'row'].filter(Boolean).join(' and ');
    if (doubled === '') return [];
    const sizes = `${from.width}x${from.height} is stored as ${to.width}x${to.height}`;
    return [`${sizes}, its last ${doubled} doubled: ${this.#target.codec} has even sizes only here`];
  }

  #leftNote(): string[] {
    return (this.#stored.left ?? []).map((what) => `not carried over: ${what}`);
  }
}

/**
 * Transparent pictures need a format with alpha. Those that could be, and are not so far, get one where that costs
 * nothing else.
 */
function choose(form: SampleForm, transparent: boolean, target: PixelTarget): PixelChoice {
  if (!form.alpha || transparent) return choosePixels(form, target);
  const opaque = choosePixels({ ...form, alpha: false }, target);
  if (!holdsAlpha(target)) return opaque;
  const kept = choosePixels(form, target);
  return kept.lost.length <= opaque.lost.length ? kept : opaque;
}

/** Whole chroma samples: as many luma samples as they cover. */
function wholeChroma({ shiftX, shiftY }: SampleForm, width: number, height: number): FrameSize {
  const up = (size: number, shift: number) => ((size + (1 << shift) - 1) >> shift) << shift;
  return { width: up(width, shiftX), height: up(height, shiftY) };
}

/** True when something of the frame is not opaque. */
function isTransparent({ deep }: Frame): boolean {
  const plane = deep?.layout.form.alpha ? deep.layout.planes.at(-1) : undefined;
  if (!deep || !plane) return false;
  const words = deepWords(deep, plane);
  const opaque = 2 ** deep.layout.form.bits - 1;
  for (let row = 0; row < plane.height; row += 1) {
    const start = (row * plane.stride) / 2;
    for (let at = start; at < start + plane.width; at += 1) if (words[at] !== opaque) return true;
  }
  return false;
}

function addSideData(parameters: CodecParameters, type: AVPacketSideDataType, bytes: Uint8Array): void {
  FFmpegError.throwIfError(parameters.addCodedSideData(type, Buffer.from(bytes)), 'metadata of the stream');
}
