/** The samples of frames as pictures of FFmpeg's. An adapter of node-av's frames. */
import type { Frame as AvFrame } from 'node-av';
import { type Colour, IDENTITY_MATRIX, matrixCode, UNTOLD } from '../../../media/colour.ts';
import { deepWords, fitsI420, type SampleForm, sameForm } from '../../../media/deep-layout.ts';
import { detachPlanes, type Frame } from '../../../media/frame.ts';
import { planarFormat } from '../../../media/pixel-format.ts';
import { emptyPicture, Scaler, type ScalerColour } from '../../../media/scaler.ts';

/** What {@link Samples} makes. */
export interface SamplesOptions {
  /** The form of the source. Frames in another one are brought to it. */
  readonly form: SampleForm;
  /** What its samples mean. */
  readonly colour: ScalerColour;
  /** What the I420 form of a frame means. */
  readonly i420: Colour;
  /** FFmpeg's name of the format to be made, its form, and what its samples are to mean. */
  readonly format: string;
  readonly target: SampleForm;
  readonly targetColour: ScalerColour;
  /** The size of pictures: a frame's, or larger. What is beyond the frame repeats its last row and column. */
  readonly width: number;
  readonly height: number;
}

/** One plane of a frame: samples of one size, rows with stride. */
interface Plane {
  readonly samples: Uint8Array | Uint16Array;
  /** In samples. */
  readonly stride: number;
  readonly width: number;
  readonly height: number;
}

const I420_FORM: SampleForm = { model: 'yuv', bits: 8, shiftX: 1, shiftY: 1, alpha: false };

/** Makes pictures of one format out of frames: copied where the form is the same, else converted once. */
export class Samples {
  readonly #options: SamplesOptions;
  /** The form in which frames are laid before FFmpeg: without the alpha that the target cannot hold. */
  readonly #laid: SampleForm;
  readonly #scaler = new Scaler();

  constructor(options: SamplesOptions) {
    const { form, target } = options;
    this.#options = options;
    const alpha = form.alpha && target.alpha;
    // Grey becomes luma with neutral chroma: no matrix or range changes it.
    this.#laid =
      form.model === 'grey' && target.model === 'yuv' ? { ...target, bits: form.bits, alpha } : { ...form, alpha };
  }

  /** True for a frame that holds less than its source: 8-bit 4:2:0 where that is finer. */
  isCoarse(frame: Frame): boolean {
    return !frame.deep && !fitsI420(this.#options.form);
  }

  /** The picture; the caller frees it. `frame` stays the caller's. @throws FFmpegError. */
  of(frame: Frame): AvFrame {
    const { format, target, colour, targetColour } = this.#options;
    const laid = this.#lay(frame);
    if (planarFormat(this.#laid) === format && colour.range === targetColour.range) return laid;
    using source = laid;
    return this.#convert(source, [this.#laid, colour], format, [target, targetColour]);
  }

  close(): void {
    this.#scaler.close();
  }

  /** The frame in the planar form of the source. */
  #lay(frame: Frame): AvFrame {
    const { form, colour, i420 } = this.#options;
    const own = frame.deep?.layout.form ?? I420_FORM;
    const isWhole = frame.deep ? sameForm(own, form) : fitsI420(form);
    if (isWhole) return this.#fill(this.#laid, planesOf(frame));
    using other = this.#fill(own, planesOf(frame));
    const meant = frame.deep ? colour : { matrix: matrixCode(i420.matrix), range: i420.range };
    return this.#convert(other, [own, meant], planarFormat(this.#laid), [this.#laid, colour]);
  }

  #convert(
    source: AvFrame,
    [from, fromColour]: readonly [SampleForm, ScalerColour],
    format: string,
    [to, toColour]: readonly [SampleForm, ScalerColour],
  ): AvFrame {
    // What stays luma and chroma needs no matrix, of which FFmpeg does not know all.
    const matters = (from.model === 'rgb') !== (to.model === 'rgb');
    const meaning = ({ model }: SampleForm, { matrix, range }: ScalerColour): ScalerColour =>
      model === 'rgb' ? { matrix: IDENTITY_MATRIX, range: 'full' } : { matrix: matters ? matrix : UNTOLD, range };
    return this.#scaler.convert(source, meaning(from, fromColour), format, meaning(to, toColour));
  }

  /** A picture of these planes, with neutral chroma where they are grey, and without alpha where it has none. */
  #fill(form: SampleForm, planes: readonly Plane[]): AvFrame {
    const { width, height } = this.#options;
    const picture = emptyPicture(planarFormat(form), width, height);
    const { data, linesize } = picture;
    try {
      const isPaired = form.model === 'grey' && form.alpha;
      const isGrey = this.#options.form.model === 'grey' && form === this.#laid;
      (data ?? []).forEach((bytes, index) => {
        const samples = samplesOf(bytes, form.bits);
        const isChroma = form.model === 'yuv' && (index === 1 || index === 2);
        const stride = (linesize[index] ?? 0) / samples.BYTES_PER_ELEMENT;
        const size = isChroma
          ? { width: shifted(width, form.shiftX), height: shifted(height, form.shiftY) }
          : { width, height };
        const [luma, alpha] = planes;
        const plane = isGrey && index === 3 ? alpha : planes[index];
        if (isPaired && luma && alpha) copyPairs({ samples, stride, ...size }, luma, alpha);
        else if (isGrey && isChroma) samples.fill(2 ** (form.bits - 1));
        else if (plane) copyPadded({ samples, stride, ...size }, plane);
      });
      return picture;
    } catch (error) {
      picture.free();
      throw error;
    } finally {
      detachPlanes(data ?? []);
    }
  }
}

/** The planes of a frame's own form, else of I420. */
function planesOf(frame: Frame): Plane[] {
  const { deep, bytes, layout } = frame;
  if (deep) {
    return deep.layout.planes.map((plane) => ({
      samples: deepWords(deep, plane),
      stride: plane.stride / 2,
      width: plane.width,
      height: plane.height,
    }));
  }
  const { width, height, strideY, strideC, chromaWidth, chromaHeight } = layout;
  const luma = { samples: bytes.subarray(layout.y, layout.u), stride: strideY, width, height };
  const chroma = { stride: strideC, width: chromaWidth, height: chromaHeight };
  return [
    luma,
    { ...chroma, samples: bytes.subarray(layout.u, layout.v) },
    { ...chroma, samples: bytes.subarray(layout.v) },
  ];
}

function shifted(size: number, shift: number): number {
  return (size + (1 << shift) - 1) >> shift;
}

/** FFmpeg's bytes as samples. */
function samplesOf(bytes: Buffer, bits: number): Uint8Array | Uint16Array {
  return bits === 8 ? bytes : new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1);
}

/** Copies what both have; beyond `from` its last column and row are repeated. */
function copyPadded(to: Plane, from: Plane): void {
  const width = Math.min(to.width, from.width);
  for (let row = 0; row < to.height; row += 1) {
    const source = Math.min(row, from.height - 1) * from.stride;
    const target = row * to.stride;
    to.samples.set(from.samples.subarray(source, source + width), target);
    if (to.width > width) to.samples.fill(from.samples[source + width - 1] ?? 0, target + width, target + to.width);
  }
}

/** Grey and alpha in turn. */
function copyPairs(to: Plane, grey: Plane, alpha: Plane): void {
  for (let row = 0; row < to.height; row += 1) {
    const from = Math.min(row, grey.height - 1) * grey.stride;
    for (let x = 0; x < to.width; x += 1) {
      const at = from + Math.min(x, grey.width - 1);
      to.samples[row * to.stride + 2 * x] = grey.samples[at] ?? 0;
      to.samples[row * to.stride + 2 * x + 1] = alpha.samples[at] ?? 0;
    }
  }
}
