import { expect, it } from 'vitest';
import { selectEncoder } from '../../../../../src/egress/codec/hardware/trial.ts';

it('takes x264 untried, and says so', async () => {
  expect(await selectEncoder('x264', { script: '/nowhere.ts' })).toEqual({
    ...{ wanted: 'x264', encoder: 'x264' },
    detail: 'works on any processor',
  });
});

it.each([
  [
    'videotoolbox',
    'linux',
    ['renderD128'],
    /^videotoolbox cannot be used: it is part of macOS, and this is linux; x264/,
  ],
  ['vaapi', 'linux', [], /^vaapi cannot be used: there is no \/dev\/dri\/renderD\*: no GPU can be reached; x264/],
  ['qsv', 'linux', ['card0'], /^qsv cannot be used: there is no \/dev\/dri\/renderD\*/],
  ['nvenc', 'darwin', [], /^nvenc cannot be used: macOS has none; videotoolbox is its own; x264 takes its place$/],
] as const)('does not try %s on %s with %j, and says why and what helps', async (wanted, platform, devices, detail) => {
  const selection = await selectEncoder(wanted, { script: '/nowhere.ts', platform, devices: () => devices });
  expect(selection).toMatchObject({ wanted, encoder: 'x264', detail: expect.stringMatching(detail) });
  expect(selection.remedy).toMatch(/encoder: x264\.$/);
});
