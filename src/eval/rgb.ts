/** RGB pictures as I420 planes. Pure. */
import type { PlaneLayout } from '../media/frame.ts';

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
      planes[layout.u + at] = Math.min(Math.max(Math.round(cb), 0), 255);
      planes[layout.v + at] = Math.min(Math.max(Math.round(cr), 0), 255);
    }
  }
}

const CORNERS = [
  [0, 0],
  [1, 0],
  [0, 1],
  [1, 1],
] as const;
