import type { Frame as AvFrame } from 'node-av';
import { afterAll, expect, test } from 'vitest';
import { DeepWriter } from '../../../../src/ingest/decode/deep-writer.ts';
import { formOf } from '../../../../src/ingest/decode/stored.ts';
import { Arena } from '../../../../src/media/arena.ts';
import { deepWords } from '../../../../src/media/deep-layout.ts';
import { Frame, SOURCE } from '../../../../src/media/frame.ts';
import { planarFormat } from '../../../../src/media/pixel-format.ts';
import { emptyPicture, Scaler } from '../../../../src/media/scaler.ts';
import { ZERO } from '../../../../src/time.ts';
import { seededRandom } from '../../../support/random.ts';

const arena = new Arena(16);
const scaler = new Scaler();
const writer = new DeepWriter();
const [WIDTH, HEIGHT] = [64, 46];
const SAME = { matrix: 2, range: 'full' } as const;
const RGB = { matrix: 0, range: 'full' } as const;

afterAll(() => {
  scaler.close();
  writer.close();
  expect(arena.liveFrames).toBe(0);
});

/** A planar picture of random samples; of these bits. */
function noise(format: string, bits: number): AvFrame {
  const picture = emptyPicture(format, WIDTH, HEIGHT);
  const random = seededRandom(bits);
  for (const plane of picture.data ?? []) {
    if (bits === 8) for (let i = 0; i < plane.length; i += 1) plane[i] = random() * 256;
    else for (let i = 0; i < plane.length - 1; i += 2) plane.writeUInt16LE(Math.floor(random() * 2 ** bits), i);
  }
  return picture;
}

/** The samples of a planar picture, plane by plane. */
function samples(picture: AvFrame, bits: number): number[][] {
  return (picture.data ?? []).map((plane, index) => {
    const stride = picture.linesize[index] ?? 0;
    const { width, height } = planeSizes(picture)[index] ?? { width: 0, height: 0 };
    return Array.from({ length: width * height }, (_, i) => {
      const at = Math.floor(i / width) * stride + (i % width) * (bits === 8 ? 1 : 2);
      return bits === 8 ? (plane[at] ?? 0) : plane.readUInt16LE(at);
    });
  });
}

function planeSizes(picture: AvFrame): readonly { width: number; height: number }[] {
  const frame = deepOf(picture);
  const planes = frame.deep?.layout.planes ?? [];
  frame.release();
  return planes;
}

/** A frame of the form of a picture. */
function deepOf(picture: AvFrame): Frame {
  const info = { pts: ZERO, arrival: ZERO, capture: ZERO, discontinuity: false, provenance: SOURCE };
  return Frame.allocate(arena, WIDTH, HEIGHT, info, formOf(picture));
}

test.each([
  ...['nv16', 'nv24', 'nv42', 'p010le', 'p010be', 'p012le', 'p016le', 'p210le', 'p212le', 'p216le', 'p410le', 'p416le'],
  ...['y210le', 'y212le', 'y216le', 'xv30le', 'xv36le', 'xv48le', 'v30xle', 'vuya', 'vuyx', 'ayuv', 'uyva', 'vyu444'],
  ...['ayuv64le', 'nv20le', 'x2rgb10le', 'x2bgr10le', 'yuv444p10msble', 'yuv444p12msbbe', 'yuyv422'],
  ...['yuv440p10le', 'yuv440p12be', 'gbrap14be', 'gray14be', 'yuva422p12le', 'rgba64be', 'bgr48be', 'gbrp', 'yuv411p'],
])('%s keeps every sample', (format) => {
  using named = emptyPicture(format, WIDTH, HEIGHT);
  const form = formOf(named);
  const same = form.model === 'rgb' ? RGB : SAME;
  using planar = noise(planarFormat(form), form.bits);
  using picture = scaler.convert(planar, same, format, same);
  const frame = deepOf(picture);
  const { deep } = frame;
  if (!deep) throw new Error('no form of its own');
  deep.bytes.fill(0xaa);
  writer.write(deep, picture);
  const written = deep.layout.planes.map((plane) => {
    const words = deepWords(deep, plane);
    return Array.from({ length: plane.width * plane.height }, (_, i) => {
      return words[Math.floor(i / plane.width) * (plane.stride / 2) + (i % plane.width)];
    });
  });
  expect(written).toEqual(samples(planar, form.bits));
  frame.release();
});
