import { expect, it } from 'vitest';
import { changedChoice, recordingSettings } from '../../../../src/egress/recording/settings.ts';

const CHOICE = { enabled: true, variant: 'both', segmentSeconds: 10, format: 'mkv', keepHours: 2, maxGb: 3 } as const;

it('has defaults for all that is not said', () => {
  expect(recordingSettings(true, 'recordings')).toEqual({
    ...{ enabled: true, variants: ['upconverted'], directory: 'recordings', format: 'mp4' },
    ...{ segment: 60e6, keep: 24 * 3600e6 },
  });
  expect(recordingSettings({ ...CHOICE, directory: '/a' }, '/b')).toEqual({
    ...{ enabled: true, variants: ['source', 'upconverted'], directory: '/a', format: 'mkv' },
    ...{ segment: 10e6, keep: 2 * 3600e6, maxBytes: 3e9 },
  });
});

it('is stopped and started again as it was, and stays where it is', () => {
  const chosen = { ...CHOICE, directory: '/a' };
  const stopped = changedChoice(chosen, false);
  expect(stopped).toEqual({ ...chosen, enabled: false });
  expect(changedChoice(stopped, true)).toEqual(chosen);
  expect(changedChoice(chosen, { ...CHOICE, maxGb: 5 })).toEqual({ ...CHOICE, maxGb: 5, directory: '/a' });
  expect(changedChoice(false, true)).toBe(true);
});
