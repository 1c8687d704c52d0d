/**
 * What a player says of what its viewer sees, on a data channel of its own: text from a stranger, which is
 * checked, and counted in metrics and nowhere else. Pure.
 */
import { fromMs, type Micros } from '../time.ts';

/** Label of the data channel that a player makes to tell. */
export const VIEWING_CHANNEL = 'viewing';
/** Most messages of a player that are read: one a second, and a few that were late. */
export const VIEWING_REPORTS = { perSecond: 1.1, capacity: 5 };

/** What was seen since the report before. */
export interface ViewingReport {
  /** Frames presented per second. */
  readonly fps: number;
  /** Times that the picture stood still, by the rule of WebRTC's statistics (`freezeCount`), and for how long in all. */
  readonly freezes: number;
  readonly frozen: Micros;
  /** From a frame's capture to its presentation; absent where the browser or the source does not tell. */
  readonly latency?: Micros;
}

const MAX_BYTES = 256;
/** A player that says more is wrong, or lies. */
const MOST = { fps: 1000, freezes: 100, frozenMs: 10_000, latencyMs: 60_000 } as const;

/** A message, `{"fps":59.9,"freezes":0,"frozenMs":0,"latencyMs":83}`; undefined where it is none. */
export function readViewingReport(message: string | Uint8Array): ViewingReport | undefined {
  if (typeof message !== 'string' || message.length > MAX_BYTES) return undefined;
  const said = parsed(message);
  const [fps, freezes, frozenMs] = (['fps', 'freezes', 'frozenMs'] as const).map((key) => within(said[key], MOST[key]));
  if (fps === undefined || freezes === undefined || frozenMs === undefined || !Number.isInteger(freezes))
    return undefined;
  const latencyMs = within(said.latencyMs, MOST.latencyMs);
  return { fps, freezes, frozen: fromMs(frozenMs), ...(latencyMs === undefined ? {} : { latency: fromMs(latencyMs) }) };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function within(value: unknown, most: number): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= most ? value : undefined;
}
