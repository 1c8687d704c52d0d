/** Profiles: settings that belong together for one use, under one name (docs/fluoroscopy.md). */

import { type RateTarget, rateTarget } from '../pairing/scheduler.ts';

/** Names of the profiles. */
export const PROFILE_NAMES = ['fluoroscopy'] as const;

/** One of {@link PROFILE_NAMES}. */
export type ProfileName = (typeof PROFILE_NAMES)[number];

/** Model where neither a person nor a profile names one. */
export const DEFAULT_MODEL = 'flow-s';

/**
 * Confidence below which an interpolated frame, or a cell of it, gives way to the nearer source frame, where no
 * profile says more: rather broken than not.
 */
const DEFAULT_MIN_CONFIDENCE = 0.5;

/** What a profile changes. */
export interface Profile {
  /** Model unless one is named. */
  readonly model: string;
  /** Output rate unless one is given. */
  readonly target: RateTarget;
  /** Made frames take over the colour of the nearer source frame. */
  readonly lumaOnly: boolean;
  /** Frames that repeat an X-ray pulse are dropped before pairs are formed. */
  readonly pulses: boolean;
  /** Confidence unless one is given, as {@link minConfidenceOf}. */
  readonly minConfidence: number;
  /** Players mark interpolated frames unless their viewer says otherwise. */
  readonly badge: boolean;
  /** What viewers have to be told, always. */
  readonly notice: string;
}

const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  fluoroscopy: {
    model: 'fluoro-s',
    target: { kind: 'factor', factor: 4, maxFps: 60 },
    lumaOnly: true,
    pulses: true,
    // What was not there does more harm here than what stands still.
    minConfidence: 0.75,
    badge: true,
    notice:
      'Not for diagnosis. Most frames of the upconverted stream are interpolated by a network from two X-ray pulses ' +
      'and may show what was not there, or not show what was.',
  },
};

/** A profile by its name; undefined for none. */
export function profileOf(name: ProfileName | undefined): Profile | undefined {
  return name === undefined ? undefined : PROFILES[name];
}

/**
 * The confidence that was asked for, else the profile's, else the usual one: below it the nearer source frame is
 * shown, of cells or of all.
 */
export function minConfidenceOf(asked: number | undefined, profile: Profile | undefined): number {
  return asked ?? profile?.minConfidence ?? DEFAULT_MIN_CONFIDENCE;
}

/**
 * The output rate that was asked for, else the profile's, else the usual one.
 * @throws FrameliftError `config.invalid` as {@link rateTarget}.
 */
export function targetOf(want: Parameters<typeof rateTarget>[0], profile: Profile | undefined): RateTarget {
  const asked = want.fps !== undefined || want.factor !== undefined;
  return profile && !asked ? profile.target : rateTarget(want);
}
