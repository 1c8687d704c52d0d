/** Tries encoders of hardware before they are used, each in a child process; x264 takes the place of what does not work. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { askChild } from '../../../interp/providers/child-probe.ts';
import type { EncoderChoice, HardwareEncoder } from '../encoder-name.ts';

const PROBE = fileURLToPath(new URL('./probe.ts', import.meta.url));
const LIMIT_MS = 20_000;
/** Characters of a driver's message. */
const MAX_REASON = 300;

/** What a child is asked. */
export interface EncoderProbeRequest {
  readonly encoder: HardwareEncoder;
}

/** What it answers: the time that a frame takes, or what went wrong. */
export type EncoderProbeReply = { readonly frameMs: number } | { readonly failure: string };

/** The encoder that was taken, and why. */
export interface EncoderSelection {
  readonly wanted: EncoderChoice;
  readonly encoder: EncoderChoice;
  /** For people. */
  readonly detail: string;
  /** What helps where it is not the wanted one. */
  readonly remedy?: string;
}

/** Options of {@link selectEncoder}, for tests. */
export interface EncoderTrialOptions {
  /** Script of the child process. */
  readonly script?: string;
  readonly limitMs?: number;
  /** What stands in /dev/dri. */
  readonly devices?: () => readonly string[];
  readonly platform?: NodeJS.Platform;
}

/** The encoder that a person asked for, if it passes its test here, else x264. Never throws. */
export async function selectEncoder(
  wanted: EncoderChoice,
  options: EncoderTrialOptions = {},
): Promise<EncoderSelection> {
  if (wanted === 'x264') return { wanted, encoder: 'x264', detail: 'works on any processor' };
  const { script = PROBE, limitMs = LIMIT_MS } = options;
  const absent = absence(wanted, options);
  if (absent !== undefined) return fallback(wanted, absent);
  const outcome = await askChild<EncoderProbeReply>(script, { encoder: wanted }, { limitMs, awaited: 'frame' });
  if ('ended' in outcome) return fallback(wanted, outcome.ended);
  const { reply, log } = outcome;
  if ('failure' in reply) return fallback(wanted, reasonOf(reply.failure, log));
  return { wanted, encoder: wanted, detail: `${reply.frameMs.toFixed(1)} ms for a frame of 640x360` };
}

/** Why it need not be tried here; undefined when only trying tells. */
function absence(wanted: HardwareEncoder, options: EncoderTrialOptions): string | undefined {
  const { platform = process.platform, devices = renderDevices } = options;
  if (wanted === 'videotoolbox' && platform !== 'darwin') return `it is part of macOS, and this is ${platform}`;
  if (wanted !== 'videotoolbox' && platform === 'darwin') return 'macOS has none; videotoolbox is its own';
  const onRender = wanted === 'vaapi' || (wanted === 'qsv' && platform === 'linux');
  if (onRender && !devices().some((name) => name.startsWith('renderD'))) {
    return 'there is no /dev/dri/renderD*: no GPU can be reached';
  }
  return undefined;
}

function renderDevices(): readonly string[] {
  try {
    return readdirSync('/dev/dri');
  } catch {
    return []; // there is no such folder
  }
}

const REMEDIES: Readonly<Record<HardwareEncoder, string>> = {
  nvenc:
    'Install an NVIDIA driver with libcuda and libnvidia-encode (in Docker: --gpus all, NVIDIA_DRIVER_CAPABILITIES=video), or set encoder: x264.',
  vaapi:
    'Install the VA-API driver of the GPU, let this user open /dev/dri/renderD128 (group render; in Docker: --device /dev/dri), or set encoder: x264.',
  qsv: 'Install the oneVPL runtime of the Intel GPU, let this user open /dev/dri/renderD128 (group render; in Docker: --device /dev/dri), or set encoder: x264.',
  videotoolbox: 'Use it on a Mac, or set encoder: x264.',
};

function fallback(wanted: HardwareEncoder, reason: string): EncoderSelection {
  const detail = `${wanted} cannot be used: ${reason}; x264 takes its place`;
  return { wanted, encoder: 'x264', detail, remedy: REMEDIES[wanted] };
}

/** What went wrong, with what FFmpeg and the driver said of it first. */
function reasonOf(failure: string, log: string): string {
  const said = log
    .split('\n')
    .map((line) => line.replace(/^\[[^\]]*\]\s*/, '').trim())
    .find((line) => line !== '');
  return [failure, said]
    .filter((part) => part !== undefined)
    .join(': ')
    .slice(0, MAX_REASON);
}
