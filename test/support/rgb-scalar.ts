/** I420 images and their colours, one pixel at a time, with the published decimals: what the `rgb` kind is compared with. */
import type { I420Image } from './i420-images.ts';

/** Red, green and blue of one pixel; 0…1 inside the colour cube. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** JFIF 1.02, page 3. */
export const BT601 = {
  toRgb: (y: number, cb: number, cr: number): Rgb => [
    y + 1.402 * cr,
    y - 0.344136 * cb - 0.714136 * cr,
    y + 1.772 * cb,
  ],
  fromRgb: ([r, g, b]: Rgb): readonly number[] => [
    0.299 * r + 0.587 * g + 0.114 * b,
    -0.168736 * r - 0.331264 * g + 0.5 * b,
    0.5 * r - 0.418688 * g - 0.081312 * b,
  ],
};

/** ITU-R BT.709-6, with the decimals of its inverse. */
export const BT709: typeof BT601 = {
  toRgb: (y, cb, cr) => [y + 1.5748 * cr, y - 0.187324 * cb - 0.468124 * cr, y + 1.8556 * cb],
  fromRgb: ([r, g, b]) => [
    0.2126 * r + 0.7152 * g + 0.0722 * b,
    -0.114572 * r - 0.385428 * g + 0.5 * b,
    0.5 * r - 0.454153 * g - 0.045847 * b,
  ],
};

/** The colour at a pixel; each chroma sample covers 2 × 2. */
export function colourAt({ width, height, samples }: I420Image, x: number, y: number, matrix = BT601): Rgb {
  const [columns, rows] = [Math.ceil(width / 2), Math.ceil(height / 2)];
  const chroma = width * height + Math.floor(y / 2) * columns + Math.floor(x / 2);
  const [luma = 0, cb = 0, cr = 0] = [y * width + x, chroma, chroma + columns * rows].map((at) => samples[at]);
  return matrix.toRgb(luma / 255, (cb - 128) / 255, (cr - 128) / 255);
}

/** The image of these colours, not rounded: chroma is the mean of the pixels of each 2 × 2 that there are. */
export function imageOf(
  width: number,
  height: number,
  colour: (x: number, y: number) => Rgb,
  matrix = BT601,
): I420Image {
  const planes: [number[], number[], number[]] = [[], [], []];
  const level = (value: number): number => Math.min(255, Math.max(0, value));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) planes[0].push(level(255 * (matrix.fromRgb(colour(x, y))[0] ?? 0)));
  }
  for (let y = 0; y < height; y += 2) {
    for (let x = 0; x < width; x += 2) {
      const pixels = [
        [x, y],
        [x + 1, y],
        [x, y + 1],
        [x + 1, y + 1],
      ].filter(([px = 0, py = 0]) => px < width && py < height);
      for (const plane of [1, 2] as const) {
        const values = pixels.map(([px = 0, py = 0]) => matrix.fromRgb(colour(px, py))[plane] ?? 0);
        planes[plane].push(level(128 + (255 * values.reduce((sum, value) => sum + value, 0)) / values.length));
      }
    }
  }
  return { width, height, samples: planes.flat() };
}
