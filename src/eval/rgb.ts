/** RGB pictures as I420 planes and back. Pure. */
import { type DeepLayout, deepWords, type SampleForm } from '../media/deep-layout.ts';
import type { Frame, PlaneLayout } from '../media/frame.ts';

/** Samples of a picture by colour: red, green, blue, rows without gaps. */
export interface RgbPlanes {
  readonly width: number;
  readonly height: number;
  readonly planes: readonly [Uint8Array, Uint8Array, Uint8Array];
}

/** What PNG pictures hold: 8 bits of red, green and blue. */
export const RGB_FORM: SampleForm = { model: 'rgb', bits: 8, shiftX: 0, shiftY: 0, alpha: false };

/** Luma of BT.601 over the full range (JPEG): 0.299 R + 0.587 G + 0.114 B, rounded. Grey stays as it is. */
export function luma601(red: number, green: number, blue: number): number {
  return Math.round(0.299 * red + 0.587 * green + 0.114 * blue);
}

/** Fills I420 planes from RGBA pixels (four bytes each, rows without padding): BT.601 over the full range, chroma the mean of 2×2. */
export function fillFromRgba(planes: Uint8Array, layout: PlaneLayout, rgba: Uint8Array): void {
  const { width, height } = layout;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = 4 * (y * width + x);
      planes[layout.y + y * layout.strideY + x] = luma601(rgba[at] ?? 0, rgba[at + 1] ?? 0, rgba[at + 2] ?? 0);
    }
  }
  for (let y = 0; y < layout.chromaHeight; y++) {
    for (let x = 0; x < layout.chromaWidth; x++) {
      let [red, green, blue] = [0, 0, 0];
      for (const [dx, dy] of CORNERS) {
        const at = 4 * (Math.min(2 * y + dy, height - 1) * width + Math.min(2 * x + dx, width - 1));
        red += rgba[at] ?? 0;
        green += rgba[at + 1] ?? 0;
        blue += rgba[at + 2] ?? 0;
      }
      const cb = 128 + (-0.168736 * red - 0.331264 * green + 0.5 * blue) / 4;
      const cr = 128 + (0.5 * red - 0.418688 * green - 0.081312 * blue) / 4;
      const at = y * layout.strideC + x;
      planes[layout.u + at] = clamp(Math.round(cb));
      planes[layout.v + at] = clamp(Math.round(cr));
    }
  }
}

const CORNERS = [
  [0, 0],
  [1, 0],
  [0, 1],
  [1, 1],
] as const;

/** RGBA pixels as planes of {@link RGB_FORM}: green, blue, red. */
export function fillDeepFromRgba(bytes: Uint8Array, layout: DeepLayout, rgba: Uint8Array): void {
  for (const [i, plane] of layout.planes.entries()) {
    const words = deepWords({ bytes }, plane);
    const channel = CHANNEL_OF_PLANE[i] ?? 0;
    for (let y = 0; y < plane.height; y++) {
      const row = (plane.stride / 2) * y;
      for (let x = 0; x < plane.width; x++) words[row + x] = rgba[4 * (y * plane.width + x) + channel] ?? 0;
    }
  }
}

/** Deep planes are green, blue, red; pixels red, green, blue. */
const CHANNEL_OF_PLANE = [1, 2, 0] as const;

/** Whether a frame has red, green and blue at full resolution. */
export function hasRgb({ deep }: Frame): boolean {
  return deep?.layout.form.model === 'rgb' && deep.layout.form.bits === 8;
}

/** The colours of a frame: as it holds them beside I420, else of its I420 ({@link rgbOfI420}). */
export function rgbOf(frame: Frame): RgbPlanes {
  const { width, height, deep } = frame;
  if (!deep || !hasRgb(frame)) return rgbOfI420(frame);
  const planes = [new Uint8Array(0), new Uint8Array(0), new Uint8Array(0)] as [Uint8Array, Uint8Array, Uint8Array];
  for (const [i, plane] of deep.layout.planes.entries()) {
    const words = deepWords(deep, plane);
    const out = new Uint8Array(width * height);
    for (let y = 0; y < height; y++) {
      const row = (plane.stride / 2) * y;
      for (let x = 0; x < width; x++) out[y * width + x] = words[row + x] ?? 0;
    }
    planes[CHANNEL_OF_PLANE[i] ?? 0] = out;
  }
  return { width, height, planes };
}

/** The colours of I420 as {@link fillFromRgba} makes it: BT.601 over the full range, chroma interpolated linearly. */
export function rgbOfI420({ bytes, layout, width, height }: Frame): RgbPlanes {
  const [red, green, blue] = [
    new Uint8Array(width * height),
    new Uint8Array(width * height),
    new Uint8Array(width * height),
  ];
  const columns = Array.from({ length: width }, (_, x) => between(x, layout.chromaWidth));
  for (let y = 0; y < height; y++) {
    const rows = between(y, layout.chromaHeight);
    for (let x = 0; x < width; x++) {
      const luma = bytes[layout.y + y * layout.strideY + x] ?? 0;
      const column = columns[x] ?? [0, 0, 0];
      const cb = chroma(bytes, layout.u, layout.strideC, column, rows) - 128;
      const cr = chroma(bytes, layout.v, layout.strideC, column, rows) - 128;
      const at = y * width + x;
      red[at] = clamp(Math.round(luma + 1.402 * cr));
      green[at] = clamp(Math.round(luma - 0.344136 * cb - 0.714136 * cr));
      blue[at] = clamp(Math.round(luma + 1.772 * cb));
    }
  }
  return { width, height, planes: [red, green, blue] };
}

type Between = readonly [first: number, second: number, shareOfSecond: number];

/** Which chroma samples, sited between two of luma, a luma sample lies between. */
function between(at: number, samples: number): Between {
  const place = Math.min(Math.max((at - 0.5) / 2, 0), samples - 1);
  const first = Math.floor(place);
  return [first, Math.min(first + 1, samples - 1), place - first];
}

function chroma(
  bytes: Uint8Array,
  plane: number,
  stride: number,
  [x0, x1, fx]: Between,
  [y0, y1, fy]: Between,
): number {
  const row = (y: number): number =>
    (1 - fx) * (bytes[plane + y * stride + x0] ?? 0) + fx * (bytes[plane + y * stride + x1] ?? 0);
  return (1 - fy) * row(y0) + fy * row(y1);
}

function clamp(value: number): number {
  return Math.min(Math.max(value, 0), 255);
}
