import { expect, it } from 'vitest';
import { hdrSettings } from '../../../../../src/egress/file/picture/hdr.ts';

/** FFmpeg's `AVMasteringDisplayMetadata`: red, green, blue and white by x and y, least and most light, two flags. */
function mastering(flags = 1): Uint8Array {
  const view = new DataView(new ArrayBuffer(88));
  const fractions = [34000, 16000, 13250, 34500, 7500, 3000, 15635, 16450].map((value) => [value, 50_000] as const);
  for (const [i, [num, den]] of [...fractions, [50, 10_000] as const, [1000, 1] as const].entries()) {
    view.setInt32(8 * i, num, true);
    view.setInt32(8 * i + 4, den, true);
  }
  view.setInt32(80, flags, true);
  view.setInt32(84, flags, true);
  return new Uint8Array(view.buffer);
}
const light = new Uint8Array(new Uint32Array([1000, 400]).buffer);

it('tells each encoder in its own words and units', () => {
  const hdr = { mastering: mastering(), light };
  const units = 'G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)';
  expect(hdrSettings('libx265', hdr)).toEqual({
    name: 'x265-params',
    value: `master-display=${units}:max-cll=1000,400`,
  });
  expect(hdrSettings('libx264', hdr)).toEqual({
    name: 'x264-params',
    value: `mastering-display=${units}:cll=1000,400`,
  });
  expect(hdrSettings('libsvtav1', hdr)).toEqual({
    name: 'svtav1-params',
    value:
      'mastering-display=G(0.265,0.69)B(0.15,0.06)R(0.68,0.32)WP(0.3127,0.329)L(1000,0.005):content-light=1000,400',
  });
});

it('says nothing where there is nothing, or no place for it', () => {
  expect(hdrSettings('libx265', undefined)).toBeUndefined();
  expect(hdrSettings('libx265', { mastering: mastering(0) })).toBeUndefined();
  expect(hdrSettings('libx265', { mastering: new Uint8Array(4) })).toBeUndefined();
  expect(hdrSettings('libvpx-vp9', { light })).toBeUndefined();
  expect(hdrSettings('libx265', { light })?.value).toBe('max-cll=1000,400');
});
