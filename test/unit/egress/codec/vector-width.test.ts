import { expect, it } from 'vitest';
import { hasAvx512, vectorSettings } from '../../../../src/egress/codec/vector-width.ts';

it.each([
  ['processor\t: 0\nflags\t\t: fpu sse2 avx2 avx512f avx512bw\n', true],
  ['processor\t: 0\nflags\t\t: fpu sse2 avx2\nbugs\t\t: avx512f\n', false],
  ['Features\t: fp asimd sve\n', false],
  ['', false],
])('knows AVX-512 from /proc/cpuinfo (%#)', (info, has) => expect(hasAvx512(info)).toBe(has));

it('speaks to the encoders that use it, in their own words', () => {
  expect(vectorSettings('ffv1')).toBeUndefined();
  for (const encoder of ['libx264', 'libsvtav1']) {
    expect([undefined, 'asm=avx2']).toContain(vectorSettings(encoder)?.value);
  }
});
