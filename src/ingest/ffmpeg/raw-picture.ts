/** The formats in which ffmpeg may hand frames over, and how their bytes lie in the pipe. Pure. */

/** A plane: samples a row and rows by powers of two of the picture's, and bytes of each sample. */
type Plane = readonly [columnsShift: number, rowsShift: number, bytes: number];

const threePlanes = (columnsShift: number, rowsShift: number, bytes: number): readonly Plane[] => [
  [0, 0, bytes],
  [columnsShift, rowsShift, bytes],
  [columnsShift, rowsShift, bytes],
];

/**
 * By FFmpeg's names, those first that need no conversion. What is not in here ffmpeg itself
 * converts to what is nearest: formats that only screens, scanners and film have.
 */
const FORMATS: Readonly<Record<string, readonly Plane[]>> = {
  yuv420p: threePlanes(1, 1, 1),
  yuvj420p: threePlanes(1, 1, 1),
  yuv422p: threePlanes(1, 0, 1),
  yuvj422p: threePlanes(1, 0, 1),
  yuv440p: threePlanes(0, 1, 1),
  yuvj440p: threePlanes(0, 1, 1),
  yuv444p: threePlanes(0, 0, 1),
  yuvj444p: threePlanes(0, 0, 1),
  yuv411p: threePlanes(2, 0, 1),
  yuvj411p: threePlanes(2, 0, 1),
  yuv420p10le: threePlanes(1, 1, 2),
  yuv422p10le: threePlanes(1, 0, 2),
  yuv444p10le: threePlanes(0, 0, 2),
  yuv420p12le: threePlanes(1, 1, 2),
  yuv422p12le: threePlanes(1, 0, 2),
  yuv444p12le: threePlanes(0, 0, 2),
  yuva420p: [...threePlanes(1, 1, 1), [0, 0, 1]],
  yuva422p: [...threePlanes(1, 0, 1), [0, 0, 1]],
  yuva444p: [...threePlanes(0, 0, 1), [0, 0, 1]],
  gray: [[0, 0, 1]],
  gray10le: [[0, 0, 2]],
  gray12le: [[0, 0, 2]],
  gray16le: [[0, 0, 2]],
  nv12: [
    [0, 0, 1],
    [1, 1, 2],
  ],
  yuyv422: [[1, 0, 4]],
  uyvy422: [[1, 0, 4]],
  rgb24: [[0, 0, 3]],
  bgr24: [[0, 0, 3]],
  rgba: [[0, 0, 4]],
  bgra: [[0, 0, 4]],
  bgr0: [[0, 0, 4]],
  gbrp: threePlanes(0, 0, 1),
  gbrp10le: threePlanes(0, 0, 2),
  gbrp12le: threePlanes(0, 0, 2),
};

/** Names of all of them. */
export const RAW_FORMATS: readonly string[] = Object.keys(FORMATS);

interface PlaneSize {
  readonly stride: number;
  readonly rows: number;
}

/** @returns undefined for a format that is not one of {@link RAW_FORMATS}. */
function planesOf(format: string, width: number, height: number): readonly PlaneSize[] | undefined {
  const planes = Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined;
  return planes?.map(([columnsShift, rowsShift, bytes]) => ({
    stride: -(-width >> columnsShift) * bytes,
    rows: -(-height >> rowsShift),
  }));
}

/** Bytes of a picture without padding; undefined for an unknown format. */
export function rawBytes(format: string, width: number, height: number): number | undefined {
  return planesOf(format, width, height)?.reduce((sum, { stride, rows }) => sum + stride * rows, 0);
}

/**
 * Views of the planes in `bytes`, and their strides. The views go on to the end of the memory, for
 * converters that read in whole vectors.
 */
export function rawPlanes(
  format: string,
  width: number,
  height: number,
  bytes: Buffer,
): { readonly data: Buffer[]; readonly linesize: number[] } {
  const data: Buffer[] = [];
  const linesize: number[] = [];
  let at = 0;
  for (const { stride, rows } of planesOf(format, width, height) ?? []) {
    data.push(bytes.subarray(at));
    linesize.push(stride);
    at += stride * rows;
  }
  return { data, linesize };
}
