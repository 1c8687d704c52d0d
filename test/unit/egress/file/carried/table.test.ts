import { describe, expect, it } from 'vitest';
import { CARRYING_ENDINGS, holdingOf, holds, leftOut } from '../../../../../src/egress/file/carried/table.ts';

const stream = (kind: Parameters<typeof holds>[0]['kind'], codec: string, more = {}): Parameters<typeof holds>[0] => ({
  ...{ kind, codec, codecTag: '', ...more },
});

describe('the table of what is carried', () => {
  it('knows text subtitles in any form, where a container has one', () => {
    for (const ending of CARRYING_ENDINGS) {
      const held = ['subrip', 'webvtt', 'mov_text'].map((codec) => holds(stream('subtitle', codec), holdingOf(ending)));
      expect(new Set(held).size, ending).toBe(1);
    }
  });

  it('an unknown ending, pictures one by one and raw video hold nothing', () => {
    for (const ending of ['.png', '.y4m', '', '.xyz']) expect(holdingOf(ending).audio).toEqual([]);
  });

  it('a further video stream has no place anywhere', () => {
    for (const ending of CARRYING_ENDINGS) expect(holds(stream('video', 'h264'), holdingOf(ending))).toBe(false);
  });

  it('says in a sentence what is left out, and where it would fit', () => {
    expect(leftOut(stream('audio', 'vorbis', { language: 'ger' }), '.ts')).toBe(
      'sound (vorbis, ger) was left out: a .ts file cannot hold it; .mkv, .webm, .avi can hold it',
    );
    expect(leftOut(stream('data', 'bin_data', { codecTag: 'gpmd' }), '.mkv')).toBe(
      'data (gpmd) was left out: a .mkv file cannot hold it; .mp4, .m4v, .mov can hold it',
    );
    expect(leftOut(stream('data', 'none', { language: 'und' }), '.ts')).toBe(
      'data (of an unknown kind) was left out: a .ts file cannot hold it',
    );
  });
});
