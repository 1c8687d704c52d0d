import { describe, expect, it } from 'vitest';
import { choosePixels, type PixelTarget } from '../../../../../src/egress/file/picture/choice.ts';
import type { SampleForm } from '../../../../../src/media/deep-layout.ts';
import { pixelFormatOf } from '../../../../../src/media/pixel-format.ts';

const target = (codec: string, formats: string): PixelTarget => ({ codec, formats: formats.split(' ') });
const TARGETS: readonly PixelTarget[] = [
  {
    ...target('h264', 'yuv420p yuvj420p yuv422p yuv444p nv12 nv16 yuv420p10le yuv422p10le yuv444p10le gray gray10le'),
    alwaysColour: true,
  },
  target('av1', 'yuv420p yuv420p10le'),
  target(
    'vp9',
    'yuv420p yuva420p yuv422p yuv440p yuv444p yuv420p10le yuv422p10le yuv444p10le yuv420p12le gbrp gbrp10le',
  ),
  target('prores', 'yuv422p10le yuv444p10le yuva444p10le'),
  target('png', 'rgb24 rgba rgb48be rgba64be pal8 gray ya8 gray16be ya16be monob'),
  target(
    'ffv1',
    'yuv420p yuva420p yuv444p yuv422p yuv411p bgr0 bgra yuv420p16le yuv444p16le gray gray16le gbrp16le rgba64le ya8',
  ),
];

const SOURCES = [
  ...['yuv420p', 'yuv411p', 'yuv410p', 'yuv440p', 'yuv422p10le', 'yuv444p12le', 'yuv420p9le', 'yuv444p16le'],
  ...['gray', 'gray9le', 'gray16le', 'rgb24', 'gbrp10le', 'rgb48le', 'yuva444p12le', 'bgra', 'ya8', 'ya16le'],
];

function form(name: string): SampleForm {
  const found = pixelFormatOf(name)?.form;
  if (!found) throw new Error(name);
  return found;
}

/** Whether nothing of a source is lost in another form. */
function holds(to: SampleForm, source: SampleForm): boolean {
  if (to.bits < source.bits || (source.alpha && !to.alpha)) return false;
  if (source.model === 'grey') return true;
  return to.model === source.model && to.shiftX <= source.shiftX && to.shiftY <= source.shiftY;
}

describe.each(TARGETS)('for $codec', (codec) => {
  const forms = codec.formats.flatMap((name) => pixelFormatOf(name)?.form ?? []);
  const canAlpha = forms.some(({ alpha }) => alpha);

  it.each(SOURCES)('%s: silent exactly where the format holds it, and none that holds it is passed over', (name) => {
    const source = form(name);
    if (source.alpha && !canAlpha) {
      expect(() => choosePixels(source, codec)).toThrow(`partly transparent, which ${codec.codec} cannot hold`);
      return;
    }
    const { format, form: chosen, lost } = choosePixels(source, codec);
    expect(codec.formats).toContain(format);
    expect(form(format)).toEqual(chosen);
    expect(lost.length === 0).toBe(holds(chosen, source));
    const writable = codec.formats.filter((other) => !/^(pal8|monob|nv|yuvj)/.test(other));
    if (writable.map(form).some((other) => holds(other, source))) expect(lost).toEqual([]);
    if (source.model !== 'grey') expect(chosen.model).not.toBe('grey');
  });
});

it('takes no more than is needed', () => {
  const [h264, , vp9, prores, png, ffv1] = TARGETS as [
    PixelTarget,
    PixelTarget,
    PixelTarget,
    PixelTarget,
    PixelTarget,
    PixelTarget,
  ];
  const chosen = (name: string, of: PixelTarget) => choosePixels(form(name), of).format;
  expect(chosen('yuv420p', h264)).toBe('yuv420p');
  expect(chosen('gray', h264)).toBe('yuv420p');
  expect(chosen('gray', prores)).toBe('yuv422p10le');
  expect(chosen('gray', ffv1)).toBe('gray');
  expect(chosen('yuv420p', vp9)).toBe('yuv420p');
  expect(chosen('yuv420p9le', vp9)).toBe('yuv420p10le');
  expect(chosen('yuv420p', png)).toBe('rgb24');
  expect(chosen('rgb24', ffv1)).toBe('bgr0');
  expect(chosen('bgra', ffv1)).toBe('bgra');
});

it('takes raw video as it is', () => {
  expect(choosePixels(form('p010le'), { codec: 'raw', formats: [] }).format).toBe('yuv420p10le');
});

it('keeps alpha out of containers that lose it', () => {
  const vp9 = { ...target('vp9', 'yuv420p yuva420p'), alpha: false };
  expect(() => choosePixels(form('yuva420p'), vp9)).toThrow('partly transparent');
});
