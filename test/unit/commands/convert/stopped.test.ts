import { describe, expect, it } from 'vitest';
import { howToGoOn, inWords, stopped } from '../../../../src/commands/convert/stopped.ts';
import { FrameliftError } from '../../../../src/errors.ts';
import { fromMs } from '../../../../src/time.ts';

const made = { path: 'out.partial.mp4', frames: 193, resumesAt: 120 };
const stop = { input: 'in.mp4', source: 97, at: fromMs(3200), made };

describe('stopped', () => {
  it('says what, where, what there is and how to go on', () => {
    const error = stopped(new FrameliftError('engine.failed', 'a worker has died'), stop);
    expect(error).toMatchObject({
      code: 'engine.failed',
      message:
        'a worker has died\nStopped at 3.20 s of in.mp4 (source frame 97): "out.partial.mp4" holds the first 193 frames, playable',
      remedy: 'The same command with --resume goes on from frame 120.',
    });
  });

  it('keeps the remedy of the error before', () => {
    const full = new FrameliftError('mux.failed', 'no space', { remedy: 'Make room on the disk.' });
    expect(stopped(full, stop).remedy).toBe(
      'Make room on the disk. The same command with --resume goes on from frame 120.',
    );
  });

  it('never advises to go on from what does not fit', () => {
    const unfit = new FrameliftError('mux.failed', 'does not fit', { remedy: 'Start again with --overwrite.' });
    expect(stopped(unfit, stop).remedy).toBe('Start again with --overwrite.');
  });

  it('before the first frame it is the error alone', () => {
    const error = new FrameliftError('source.protocol', 'broken');
    expect(stopped(error, { ...stop, source: 0, at: undefined, made: undefined })).toBe(error);
  });

  it('makes typed errors of others, the cause kept', () => {
    const cause = new Error('odd');
    expect(stopped(cause, { ...stop, made: undefined })).toMatchObject({ code: 'engine.failed', cause });
    expect(stopped(cause, { ...stop, made: undefined }).remedy).toBeUndefined();
  });
});

describe('what was made', () => {
  it.each([
    [undefined, 'nothing is kept', undefined],
    [{ ...made, resumesAt: 0 }, '"out.partial.mp4" holds the first 193 frames, playable', undefined],
  ])('%j', (unfinished, words, remedy) => {
    expect([inWords(unfinished), howToGoOn(unfinished)]).toEqual([words, remedy]);
  });
});
