import { describe, expect, it } from 'vitest';
import { profileOf, targetOf } from '../../../src/config/profile.ts';

describe('targetOf', () => {
  const fluoroscopy = profileOf('fluoroscopy');

  it('is what was asked for, else the profile’s, else the usual one', () => {
    expect(targetOf({ fps: 60 }, fluoroscopy)).toEqual({ kind: 'fps', fps: 60 });
    expect(targetOf({ factor: 2 }, fluoroscopy)).toEqual({ kind: 'factor', factor: 2 });
    expect(targetOf({}, fluoroscopy)).toEqual({ kind: 'factor', factor: 4, maxFps: 60 });
    expect(targetOf({}, profileOf(undefined))).toEqual({ kind: 'factor', factor: 2 });
  });
});

it('fluoroscopy says that it is not for diagnosis', () => {
  expect(profileOf('fluoroscopy')).toMatchObject({ badge: true, notice: expect.stringMatching(/^Not for diagnosis/) });
});
