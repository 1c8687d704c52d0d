import { describe, expect, it } from 'vitest';
import { type FileCodec, NAMED_CODECS } from '../../../../src/egress/file/codecs.ts';
import { planOutput } from '../../../../src/egress/file/formats.ts';
import { FrameliftError } from '../../../../src/errors.ts';

/** What each format holds, the default first. */
const HOLDS: Readonly<Record<string, readonly FileCodec[]>> = {
  '.mp4': ['h264', 'h265', 'av1', 'vp9'],
  '.m4v': ['h264', 'h265'],
  '.mov': ['h264', 'h265', 'prores', 'ffv1'],
  '.mkv': ['h264', 'h265', 'av1', 'vp9', 'prores', 'ffv1'],
  '.webm': ['vp9', 'av1'],
  '.avi': ['h264', 'ffv1'],
  '.ts': ['h264', 'h265'],
  '.flv': ['h264'],
  '.nut': ['raw', 'ffv1', 'h264', 'h265', 'vp9'],
  '.y4m': ['raw'],
  '.png': ['png'],
};

function refusal(action: () => unknown): FrameliftError {
  try {
    action();
  } catch (error) {
    if (error instanceof FrameliftError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('planOutput', () => {
  it.each(Object.keys(HOLDS))('%s: every codec either fits, or the error names what does', (ending) => {
    const holds = HOLDS[ending] ?? [];
    for (const codec of NAMED_CODECS) {
      const plan = (): unknown => planOutput(`dir/out${ending}`, { codec });
      if (holds.includes(codec)) {
        expect(plan()).toMatchObject({ codec, format: { ending } });
        continue;
      }
      const { code, message, remedy } = refusal(plan);
      expect([code, message]).toEqual([
        'config.invalid',
        `"dir/out${ending}": ${codec} cannot be written to a "${ending}" file`,
      ]);
      for (const [other, codecs] of Object.entries(HOLDS)) expect(remedy?.includes(other)).toBe(codecs.includes(codec));
      for (const fitting of holds.filter((name) => name !== 'raw' && name !== 'png')) expect(remedy).toContain(fitting);
    }
  });

  it.each(Object.entries(HOLDS))('%s: without a name the first of %j', (ending, holds) => {
    expect(planOutput(`out${ending}`, {}).codec).toBe(holds[0]);
    expect(planOutput(`OUT${ending.toUpperCase()}`, {}).codec).toBe(holds[0]);
  });

  it.each(['out', 'out.', 'out.jpeg', 'out.mp5', '.mp4/out'])('%s: names the endings that it knows', (path) => {
    const { message, remedy } = refusal(() => planOutput(path, {}));
    expect(message).toContain('no format is known');
    for (const ending of Object.keys(HOLDS)) expect(remedy).toContain(ending);
  });

  it('checks the quality for the codec of the format', () => {
    expect(() => planOutput('out.webm', { crf: 60 })).not.toThrow();
    expect(() => planOutput('out.mp4', { crf: 60 })).toThrow("outside h264's range");
    expect(() => planOutput('out.y4m', { crf: 10 })).toThrow('does not apply to raw');
  });

  it('counts frames where there are no times', () => {
    const counted = Object.keys(HOLDS).filter((ending) => planOutput(`out${ending}`, {}).format.constantRate);
    expect(counted).toEqual(['.avi', '.y4m', '.png']);
  });

  it('the standard output: NUT, or what is asked for', () => {
    expect(planOutput('-', {})).toMatchObject({ codec: 'raw', format: { ending: '.nut' } });
    expect(planOutput('-', { format: 'y4m' })).toMatchObject({ codec: 'raw', format: { ending: '.y4m' } });
    expect(planOutput('-', { codec: 'ffv1' })).toMatchObject({ codec: 'ffv1', format: { ending: '.nut' } });
    expect(refusal(() => planOutput('-', { format: 'mp4' })).remedy).toBe('Use --format nut or y4m.');
    expect(() => planOutput('-', { format: 'y4m', codec: 'h264' })).toThrow('h264 cannot be written');
    expect(() => planOutput('out.mp4', { format: 'nut' })).toThrow('--format is for the standard output');
  });
});
