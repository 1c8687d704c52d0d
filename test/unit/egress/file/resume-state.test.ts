import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  appendSegment,
  createState,
  differences,
  lastSegment,
  parseState,
  readState,
} from '../../../../src/egress/file/resume-state.ts';

const SEGMENTS = [121, 241, 361].map((frames) => ({ frames, counts: { interpolated: frames >> 1, cut: 1 } }));

function stateFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'framelift-state-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'out.partial.mp4.json');
  createState(path, { framelift: '1', '--crf': 14 }, true);
  for (const segment of SEGMENTS) appendSegment(path, segment);
  return path;
}

describe('the state of an unfinished output', () => {
  it('is read as it was written', () => {
    expect(readState(stateFile())).toEqual({
      identity: { framelift: '1', '--crf': 14 },
      overwrite: true,
      segments: SEGMENTS,
    });
  });

  it('cut off at any byte it is a state with fewer segments, or none', () => {
    const text = readFileSync(stateFile(), 'utf8');
    const head = text.indexOf('\n');
    for (let length = 0; length <= text.length; length++) {
      const state = parseState(text.slice(0, length));
      if (length < head) expect(state).toBeUndefined();
      else expect(SEGMENTS).toEqual(expect.arrayContaining([...(state?.segments ?? [{}])]));
    }
  });

  it('noted twice, by a run and by the one that went on, is one', () => {
    const path = stateFile();
    for (const segment of SEGMENTS.slice(1)) appendSegment(path, segment);
    expect(readState(path)?.segments).toEqual(SEGMENTS);
  });

  it('is none where there is no file, or one of somebody else', () => {
    expect(readState('/nowhere/at/all.json')).toBeUndefined();
    for (const text of ['', '[]', 'null', '{"identity":3}', 'a video']) expect(parseState(text)).toBeUndefined();
  });
});

describe('lastSegment', () => {
  it.each([
    [0, undefined],
    [120, undefined],
    [121, 121],
    [240, 121],
    [360, 241],
    [9999, 361],
  ])('of %i frames ends at %s', (frames, expected) => {
    expect(lastSegment(SEGMENTS, frames)?.frames).toBe(expected);
  });
});

describe('differences', () => {
  it('are none between the same, in any order, with what is not given', () => {
    expect(differences({ a: 1, b: 'x' }, { b: 'x', a: 1, c: null })).toEqual([]);
  });

  it('are said in words, each', () => {
    expect(differences({ a: 1, b: 'x' }, { a: 2, c: true })).toEqual([
      'a was 1, is 2',
      'b was x, is not given',
      'c was not given, is true',
    ]);
  });
});
