/** Pictures that I420 cannot hold: more than 8 bits, finer chroma, red-green-blue, grey, alpha. */

/** How the samples of a picture are stored. */
export interface SampleForm {
  /** Planes: luma alone; luma and two of chroma; or green, blue and red. */
  readonly model: 'grey' | 'yuv' | 'rgb';
  /** Significant bits of a sample, 8…16. */
  readonly bits: number;
  /** Chroma planes have a 2^-shiftX of luma's width (rounded up), and a 2^-shiftY of its height. 0 for `grey` and `rgb`. */
  readonly shiftX: number;
  readonly shiftY: number;
  /** A last plane, as large as luma, says how opaque the picture is. */
  readonly alpha: boolean;
}

/** One plane of 16-bit words, little-endian, their value in the low {@link SampleForm.bits}. */
export interface DeepPlane {
  /** Bytes from the start of the block. */
  readonly offset: number;
  readonly width: number;
  readonly height: number;
  /** Bytes between rows, a multiple of 64. */
  readonly stride: number;
}

/** Placement of the planes within their block. */
export interface DeepLayout {
  readonly form: SampleForm;
  readonly planes: readonly DeepPlane[];
  /** Bytes of the block, 64 bytes of read-past room included. */
  readonly bytes: number;
}

/** True when I420 holds every sample as it is, so that nothing has to be kept beside it. Its luma holds 8-bit grey. */
export function fitsI420({ model, bits, shiftX, shiftY, alpha }: SampleForm): boolean {
  if (bits !== 8 || alpha) return false;
  return model === 'grey' || (model === 'yuv' && shiftX === 1 && shiftY === 1);
}

/** The layout of a width × height picture. Pure. */
export function deepLayout(form: SampleForm, width: number, height: number): DeepLayout {
  const chroma = { width: ceilShift(width, form.shiftX), height: ceilShift(height, form.shiftY) };
  const luma = { width, height };
  const sizes = form.model === 'grey' ? [luma] : [luma, chroma, chroma];
  if (form.alpha) sizes.push(luma);
  let offset = 0;
  const planes = sizes.map((size): DeepPlane => {
    const stride = Math.ceil((2 * size.width) / 64) * 64;
    const plane = { ...size, offset, stride };
    offset += stride * size.height;
    return plane;
  });
  return { form, planes, bytes: offset + 64 };
}

/** True when pictures of both forms have the same planes. */
export function sameForm(a: SampleForm | undefined, b: SampleForm | undefined): boolean {
  if (!a || !b) return a === b;
  return (
    a.model === b.model && a.bits === b.bits && a.shiftX === b.shiftX && a.shiftY === b.shiftY && a.alpha === b.alpha
  );
}

/** The words of a plane, rows with stride, within the bytes of a picture. */
export function deepWords({ bytes }: { readonly bytes: Uint8Array }, plane: DeepPlane): Uint16Array {
  return new Uint16Array(bytes.buffer, bytes.byteOffset + plane.offset, (plane.stride / 2) * plane.height);
}

function ceilShift(size: number, shift: number): number {
  return (size + (1 << shift) - 1) >> shift;
}
