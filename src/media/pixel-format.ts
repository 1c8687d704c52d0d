/** What FFmpeg's pixel formats hold, by their names. Pure. */
import type { SampleForm } from './deep-layout.ts';

/** What a pixel format holds. */
export interface PixelFormat {
  readonly form: SampleForm;
  /** What {@link form} cannot hold of it, such as `floating-point samples`; absent = nothing. */
  readonly beyond?: string;
}

/** Chroma's part of luma's width and height, as powers of two. */
const SHIFTS: Readonly<Record<string, readonly [x: number, y: number]>> = {
  '444': [0, 0],
  '440': [0, 1],
  '422': [1, 0],
  '420': [1, 1],
  '411': [2, 0],
  '410': [2, 2],
};

/** Packed and half-packed luma and chroma, as the planar format of the same samples. */
const PACKED_YUV: Readonly<Record<string, string>> = {
  ...{ yuyv422: 'yuv422p', uyvy422: 'yuv422p', yvyu422: 'yuv422p', uyyvyy411: 'yuv411p' },
  ...{ nv12: 'yuv420p', nv21: 'yuv420p', nv16: 'yuv422p', nv24: 'yuv444p', nv42: 'yuv444p' },
  ...{ nv15: 'yuv420p10', nv20: 'yuv422p10' },
  ...{ p010: 'yuv420p10', p012: 'yuv420p12', p016: 'yuv420p16' },
  ...{ p210: 'yuv422p10', p212: 'yuv422p12', p216: 'yuv422p16' },
  ...{ p410: 'yuv444p10', p412: 'yuv444p12', p416: 'yuv444p16' },
  ...{ y210: 'yuv422p10', y212: 'yuv422p12', y216: 'yuv422p16' },
  ...{ xv30: 'yuv444p10', v30x: 'yuv444p10', xv36: 'yuv444p12', xv48: 'yuv444p16' },
  ...{ vuya: 'yuva444p', ayuv: 'yuva444p', uyva: 'yuva444p', vuyx: 'yuv444p', vyu444: 'yuv444p' },
  ...{ ayuv64: 'yuva444p16', yuv444p10msb: 'yuv444p10', yuv444p12msb: 'yuv444p12' },
};

/** Packed red, green and blue by bits; `a`: with alpha. */
const PACKED_RGB: readonly (readonly [RegExp, bits: number])[] = [
  [/^(x2rgb10|x2bgr10|gbrp10msb)$/, 10],
  [/^gbrp12msb$/, 12],
  [/^(rgb|bgr)48$|^(rgba|bgra)64$/, 16],
  [/^(rgb24|bgr24|rgb0|bgr0|0rgb|0bgr|rgba|bgra|argb|abgr|pal8)$/, 8],
  [/^(rgb|bgr)(8|4|4_byte|444|555|565)$|^mono[wb]$/, 8],
];

/** What is brought to 16 bits with something lost. */
const BEYOND: readonly (readonly [RegExp, string, SampleForm['model'], bits: number])[] = [
  [/^(gbra?p|rgba?)f(16|32)$/, 'floating-point samples', 'rgb', 16],
  [/^(gray|ya)f(16|32)$/, 'floating-point samples', 'grey', 16],
  [/^xyz12$/, 'XYZ samples', 'rgb', 16],
  [/^bayer_.*16$/, "the sensor's raw pattern", 'rgb', 16],
  [/^bayer_.*8$/, "the sensor's raw pattern", 'rgb', 8],
];

/** What the pixel format of this name holds, such as `yuv422p10le`; undefined for one that is not known. */
export function pixelFormatOf(name: string): PixelFormat | undefined {
  const plain = name.replace(/(le|be)$/, '');
  const form = planarForm(PACKED_YUV[plain] ?? plain) ?? packedForm(plain);
  if (form) return { form };
  for (const [pattern, beyond, model, bits] of BEYOND) {
    const alpha = /^(gbrap|rgba|ya)f/.test(plain);
    if (pattern.test(plain)) return { form: { model, bits, shiftX: 0, shiftY: 0, alpha }, beyond };
  }
  return undefined;
}

/** The name of the format that holds a form in planes (grey with alpha: in pairs), little-endian. */
export function planarFormat({ model, bits, shiftX, shiftY, alpha }: SampleForm): string {
  const depth = bits === 8 ? '' : `${bits}le`;
  if (model === 'grey') return `${alpha ? 'ya' : 'gray'}${alpha && bits === 8 ? '8' : depth}`;
  if (model === 'rgb') return `gbr${alpha ? 'a' : ''}p${depth}`;
  const sampling = Object.keys(SHIFTS).find((key) => SHIFTS[key]?.[0] === shiftX && SHIFTS[key]?.[1] === shiftY);
  return `yuv${alpha ? 'a' : ''}${sampling}p${depth}`;
}

/** `4:2:0`, `RGB`, `grey`. */
export function nameOfSampling({ model, shiftX, shiftY }: SampleForm): string {
  if (model === 'grey') return 'grey';
  if (model === 'rgb') return 'RGB';
  const sampling = Object.keys(SHIFTS).find((key) => SHIFTS[key]?.[0] === shiftX && SHIFTS[key]?.[1] === shiftY);
  return [...(sampling ?? '')].join(':');
}

function planarForm(name: string): SampleForm | undefined {
  const yuv = /^yuv([aj]?)(4\d\d)p(\d*)$/.exec(name);
  const shifts = yuv && SHIFTS[yuv[2] ?? ''];
  if (yuv && shifts) {
    const [shiftX, shiftY] = shifts;
    return { model: 'yuv', bits: Number(yuv[3] || 8), shiftX, shiftY, alpha: yuv[1] === 'a' };
  }
  const flat = /^(?<rgb>gbra?p)(\d*)$|^(?<grey>gray|ya)(\d*)$/.exec(name);
  if (!flat) return undefined;
  const { rgb, grey } = flat.groups ?? {};
  const bits = Number((rgb ? flat[2] : flat[4]) || 8);
  if (bits > 16) return undefined;
  const alpha = rgb === 'gbrap' || grey === 'ya';
  return { model: rgb ? 'rgb' : 'grey', bits, shiftX: 0, shiftY: 0, alpha };
}

function packedForm(name: string): SampleForm | undefined {
  const bits = PACKED_RGB.find(([pattern]) => pattern.test(name))?.[1];
  if (bits === undefined) return undefined;
  // A palette's colours may be transparent.
  const alpha = /^(rgba|bgra|argb|abgr|pal8)/.test(name);
  return { model: 'rgb', bits, shiftX: 0, shiftY: 0, alpha };
}
