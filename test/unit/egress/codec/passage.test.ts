import { describe, expect, it } from 'vitest';
import { Passage } from '../../../../src/egress/codec/passage.ts';
import { splitNalUnits } from '../../../../src/egress/rtp/packetizer.ts';
import type { CodedPicture } from '../../../../src/media/access-unit.ts';
import { codedPictures, h264Clip } from '../../../support/h264-clip.ts';

const PLAIN = codedPictures(h264Clip(30));
const MAIN = h264Clip(20, ['-bf', '0', '-profile:v', 'main', '-coder', '1']);
const REORDERED = h264Clip(20, ['-bf', '2', '-profile:v', 'main']);
const INTERLACED = h264Clip(20, ['-bf', '0', '-profile:v', 'main', '-flags', '+ildct+ilme']);
const HIGH_422 = h264Clip(10, ['-bf', '0', '-pix_fmt', 'yuv422p']);

/** For each frame: k keyframe, p passed, - not. */
function run(passage: Passage, pictures: readonly (CodedPicture | undefined)[]): string {
  return pictures
    .map((coded) => {
      const passed = passage.next(coded);
      return passed ? (passed.keyframe ? 'k' : 'p') : '-';
    })
    .join('');
}

const GROUP = 'kppppppppp';

/** Without their parameter sets. */
function bare(coded: CodedPicture): { coded: CodedPicture; sets: Buffer[] } {
  const nals = splitNalUnits(Buffer.from(coded.data));
  const isSet = (nal: Buffer): boolean => [7, 8].includes((nal[0] ?? 0) & 31);
  const join = (of: Buffer[]): Buffer => Buffer.concat(of.flatMap((nal) => [Buffer.from([0, 0, 0, 1]), nal]));
  const sets = nals.filter(isSet);
  const data = join(nals.filter((nal) => !isSet(nal)));
  return { coded: { ...coded, data, parameterSets: join(sets) }, sets };
}

describe('a stream without B-frames', () => {
  it('passes from its first keyframe on, byte for byte', () => {
    const passage = new Passage();
    expect(passage.hindrance).toBe('start');
    for (const coded of PLAIN) expect(passage.next(coded)?.data.equals(coded.data)).toBe(true);
    expect(passage.profile).toBe('constrained baseline');
    expect(run(new Passage(), PLAIN.slice(3))).toBe(`-------${GROUP}${GROUP}`);
  });

  it('passes on from the next keyframe after a unit is missing, or another decoder begins', () => {
    const passage = new Passage();
    expect(run(passage, PLAIN.toSpliced(5, 1))).toBe(`kpppp----${GROUP}${GROUP}`);
    expect(run(passage, codedPictures(h264Clip(30).slice(4), 500))).toBe(`------${GROUP}${GROUP}`);
  });

  it('passes on from the next keyframe after frames that are of no one unit, once a group was without', () => {
    expect(run(new Passage(), [...PLAIN.slice(0, 5), undefined, ...PLAIN.slice(6)])).toBe(
      `kpppp-----${'-'.repeat(10)}${GROUP}`,
    );
  });

  it('has its parameter sets before each keyframe, where they were told beside it', () => {
    const passage = new Passage();
    const first = PLAIN[0];
    if (!first) throw new Error('no unit');
    const { coded, sets } = bare(first);
    expect(sets.length).toBe(2);
    const passed = passage.next(coded);
    expect(passed?.keyframe).toBe(true);
    const types = splitNalUnits(passed?.data ?? Buffer.alloc(0)).map((nal) => (nal[0] ?? 0) & 31);
    expect(types.filter((type) => type !== 6)).toEqual([9, 7, 8, 5]);
    expect(new Passage().next({ ...coded, parameterSets: new Uint8Array(0) })).toBeUndefined();
  });
});

describe('a stream that players may not take as it is', () => {
  it('tells its profile', () => {
    const passage = new Passage();
    expect(run(passage, codedPictures(MAIN))).toBe(GROUP + GROUP);
    expect(passage.profile).toBe('main');
  });

  it.each([
    ['interlaced', INTERLACED],
    ['of 4:2:2', HIGH_422],
  ])('is not passed where it is %s', (_name, units) => {
    const passage = new Passage();
    expect(run(passage, codedPictures(units))).toMatch(/^-+$/);
    expect(passage.hindrance).toBe('profile');
  });

  it('is not passed where it reorders, and again once a whole group was without B-frames', () => {
    const passage = new Passage();
    expect(run(passage, PLAIN)).toBe(GROUP + GROUP + GROUP);
    const before = PLAIN.length;
    expect(run(passage, codedPictures(REORDERED, before + 1))).toMatch(/^-+$/);
    expect(['b-frames', 'reordered']).toContain(passage.hindrance);
    expect(run(passage, codedPictures(h264Clip(30), 100))).toBe(`${'-'.repeat(10)}${GROUP}${GROUP}`);
  });

  it('survives any bytes', () => {
    const passage = new Passage();
    for (let i = 0; i < 500; i += 1) {
      const data = Buffer.from(PLAIN[i % 10]?.data ?? []);
      for (let k = 0; k < 8; k += 1) data[(i * 31 + k * k * 7) % Math.min(80, data.length)] = (i * 13 + k) & 255;
      expect(() => passage.next({ data, serial: i, parameterSets: data })).not.toThrow();
    }
  });
});
