/** Profiles: settings that belong together for one use, under one name (docs/fluoroscopy.md). */

import type { InterpJob, InterpResult, Tier } from '../interp/engine/job.ts';
import type { ModelSource } from '../interp/models/auto-select.ts';
import { type RateTarget, rateTarget } from '../pairing/scheduler.ts';

/** Names of the profiles. */
export const PROFILE_NAMES = ['fluoroscopy'] as const;

/** One of {@link PROFILE_NAMES}. */
export type ProfileName = (typeof PROFILE_NAMES)[number];

/** Model where neither a person nor a profile names one. */
export const DEFAULT_MODEL = 'flow-s';

/** What a profile changes. */
export interface Profile {
  /** Model unless one is named. */
  readonly model: string;
  /** Output rate unless one is given. */
  readonly target: RateTarget;
  /** Made frames take over the colour of the nearer source frame. */
  readonly lumaOnly: boolean;
  /** Frames that repeat an X-ray pulse are left out before pairs are formed. */
  readonly pulses: boolean;
  /** Players mark made pictures unless their viewer says otherwise. */
  readonly badge: boolean;
  /** What viewers have to be told, always. */
  readonly notice: string;
}

const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  fluoroscopy: {
    model: 'fluoro-s',
    target: { kind: 'factor', factor: 4, mostFps: 60 },
    lumaOnly: true,
    pulses: true,
    badge: true,
    notice:
      'Not for diagnosis. Most pictures of the upconverted stream are made by a network from two X-ray pulses and may show what was not there, or not show what was.',
  },
};

/** A profile by its name; undefined for none. */
export function profileOf(name: ProfileName | undefined): Profile | undefined {
  return name === undefined ? undefined : PROFILES[name];
}

/** The output rate that was asked for, else the profile's, else the usual one. @throws FrameliftError `config.invalid` as {@link rateTarget}. */
export function targetOf(want: Parameters<typeof rateTarget>[0], profile: Profile | undefined): RateTarget {
  const asked = want.fps !== undefined || want.factor !== undefined;
  return profile && !asked ? profile.target : rateTarget(want);
}

/** Models that are all {@link lumaOnly}. */
export function lumaOnlyPool(pool: ModelSource): ModelSource {
  return {
    providerOf: (name) => pool.providerOf(name),
    async acquire(name) {
      const lease = await pool.acquire(name);
      return { ...lease, tiers: lease.tiers.map(lumaOnly) };
    },
  };
}

/** A model whose frames have no colour of their own: chroma is that of the nearer parent, untouched. */
export function lumaOnly(tier: Tier): Tier {
  const { model, times, workers } = tier;
  return {
    model,
    times,
    workers,
    interpolate: async (job) => withParentsChroma(await tier.interpolate(job), job),
    warmUp: (width, height) => tier.warmUp(width, height),
  };
}

/** Frames that were just made are nobody else's yet: they may still be written. */
function withParentsChroma(result: InterpResult, { a, b, timesteps }: InterpJob): InterpResult {
  if (result.status !== 'done') return result;
  result.frames.forEach((frame, i) => {
    if (frame.provenance.kind !== 'synthetic') return;
    const parent = (timesteps[i] ?? 0) < 0.5 ? a : b;
    // Both chroma planes lie behind the luma plane, in the same places for all frames of a size.
    const from = frame.layout.u;
    frame.bytes.set(parent.bytes.subarray(from), from);
  });
  return result;
}
