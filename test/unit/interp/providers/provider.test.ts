import { describe, expect, it } from 'vitest';
import {
  chooseProvider,
  describeSelection,
  difference,
  explainFailure,
  type Provider,
  type ProviderChoice,
  type Sample,
  type Trial,
} from '../../../../src/interp/providers/provider.ts';
import { planesOf, testPair } from '../../../../src/interp/providers/test-pair.ts';
import { Arena } from '../../../../src/media/arena.ts';

const arena = new Arena(16);
const [before, after] = testPair(arena, 128, 72);
const FRAME = planesOf(before);
const OTHER = planesOf(after);
before.release();
after.release();

/** A picture that differs by `levels` in every `nth` sample. */
function off(levels: number, nth: number): Uint8Array[] {
  return FRAME.map((plane) => plane.map((value, i) => (i % nth === 0 ? value + levels : value)));
}

const ran = (pairMs: number | undefined, changes: Partial<Sample> = {}): Trial => ({
  sample: { planes: FRAME, confidence: 0.8, pairMs, ...changes },
});
const refused = (reason: string, remedy?: string): Trial => ({ refusal: { reason, remedy } });
const choose = (wanted: ProviderChoice, trials: Partial<Record<Provider, Trial>>) =>
  // Keys of the record are providers.
  chooseProvider({ model: 'flow-s', wanted, trials: new Map(Object.entries(trials) as [Provider, Trial][]) });
const verdict = (selection: ReturnType<typeof choose>, provider: Provider) =>
  selection.verdicts.find((v) => v.provider === provider);

describe('auto', () => {
  it('takes the fastest that agrees, and says why the others were not taken', () => {
    const selection = choose('auto', {
      cpu: ran(12),
      webgpu: ran(5),
      cuda: ran(3, { planes: OTHER }),
      tensorrt: refused('the library libnvinfer.so.10 is missing', 'Install TensorRT 10.'),
    });
    expect(selection.provider).toBe('webgpu');
    expect(verdict(selection, 'cpu')).toMatchObject({ state: 'works', detail: '12.0 ms for the test pair' });
    expect(verdict(selection, 'cuda')).toMatchObject({
      state: 'unusable',
      detail: expect.stringMatching(/differs from the CPU's by \d+\.\d\d grey levels/),
    });
    expect(verdict(selection, 'tensorrt')).toMatchObject({ state: 'unusable', remedy: 'Install TensorRT 10.' });
    expect(describeSelection(selection)).toEqual([
      'webgpu: the fastest that agrees with the CPU, 5.0 ms for the test pair',
      'cpu: 12.0 ms for the test pair',
      expect.stringMatching(/^cuda: not usable: its frame differs/),
      'tensorrt: not usable: the library libnvinfer.so.10 is missing',
    ]);
  });

  it('stays on the CPU when that is faster', () => {
    expect(choose('auto', { cpu: ran(4), webgpu: ran(5), cuda: ran(4.1) }).provider).toBe('cpu');
  });

  it('stays on the CPU, untried, when nothing else works', () => {
    const selection = choose('auto', { webgpu: refused('no Vulkan driver offers a GPU') });
    expect(selection.provider).toBe('cpu');
    expect(verdict(selection, 'cpu')).toMatchObject({ state: 'untried', detail: 'no other one works' });
    expect(verdict(selection, 'cuda')).toMatchObject({ state: 'untried' });
  });

  it('takes nothing that is too slow to be timed, even where the CPU is slow as well', () => {
    const selection = choose('auto', { cpu: ran(undefined), webgpu: ran(undefined) });
    expect(selection.provider).toBe('cpu');
    expect(verdict(selection, 'webgpu')).toMatchObject({ state: 'works', detail: 'far too slow for live video' });
    expect(choose('auto', { cpu: ran(undefined), webgpu: ran(30) }).provider).toBe('webgpu');
  });

  it('takes nothing that cannot be compared with the CPU', () => {
    const selection = choose('auto', { cpu: refused('the model cannot be loaded'), webgpu: ran(1) });
    expect(selection.provider).toBe('cpu');
    expect(verdict(selection, 'webgpu')?.detail).toMatch(/no frame of the CPU to compare with: the model cannot/);
  });
});

describe('a named provider', () => {
  it('is taken when it agrees, though another is faster', () => {
    expect(choose('webgpu', { cpu: ran(1), webgpu: ran(50) }).provider).toBe('webgpu');
  });

  it('is never replaced: absent or wrong is an error with a remedy', () => {
    expect(() => choose('cuda', { cuda: refused('not installed', 'Run: framelift install-cuda.') })).toThrow(
      expect.objectContaining({
        code: 'provider.unusable',
        message: 'provider "cuda" cannot run flow-s: not installed',
        remedy: expect.stringMatching(/install-cuda.*--provider auto/),
      }),
    );
    expect(() => choose('webgpu', { cpu: ran(9), webgpu: ran(1, { planes: OTHER }) })).toThrow(/grey levels/);
    expect(() => choose('webgpu', { cpu: ran(9), webgpu: ran(1, { confidence: 0.2 }) })).toThrow(
      /confidence is 0\.200/,
    );
  });

  it('cpu needs no trial', () => {
    expect(choose('cpu', {})).toMatchObject({ provider: 'cpu', wanted: 'cpu' });
  });
});

describe('agreement with the CPU', () => {
  it.each([
    ['one level in every fifth sample, as other roundings give', off(1, 5), 'works'],
    ['some samples far off, as at the edge of a motion', off(16, 100), 'works'],
    ['one level in every third sample', off(1, 3), 'unusable'],
    ['the frame before in its place', OTHER, 'unusable'],
    ['one plane that is empty', [FRAME[0] ?? new Uint8Array(0), new Uint8Array(0), new Uint8Array(0)], 'unusable'],
    ['too few planes', FRAME.slice(1), 'unusable'],
  ])('%s', (_name, planes, state) => {
    expect(verdict(choose('auto', { cpu: ran(9), webgpu: ran(1, { planes }) }), 'webgpu')?.state).toBe(state);
  });

  it('is lost in no single plane: only chroma is wrong', () => {
    const planes = [FRAME[0] ?? new Uint8Array(0), OTHER[1] ?? new Uint8Array(0), FRAME[2] ?? new Uint8Array(0)];
    expect(difference(planes, FRAME)).toBe(difference(OTHER.slice(1, 2), FRAME.slice(1, 2)));
    expect(difference(planes, FRAME)).toBeGreaterThan(5);
  });
});

describe('failures in plain words', () => {
  it.each([
    [
      'cuda',
      'Failed to load shared library',
      'with error: libcublasLt.so.12: cannot open shared object file: No such file',
      /libcublasLt\.so\.12 is missing/,
    ],
    ['webgpu', 'x\nFailed to get a WebGPU adapter: No supported adapters', '', /no Vulkan driver offers a GPU/],
    ['webgpu', '\nDevice lost\nmore', '', /^Device lost$/],
    ['cpu', '', '', /without a word/],
  ] as const)('%s: %s', (provider, message, log, reason) => {
    expect(explainFailure(provider, message, log).reason).toMatch(reason);
  });
});
