/** Which segments are to go. Pure. */
import { type Micros, minus } from '../../time.ts';

/** What counts of a segment. */
export interface Kept {
  /** Wall clock. */
  readonly end: Micros;
  /** With what lies beside it. */
  readonly bytes: number;
  /** It is being written: it stays. */
  readonly open: boolean;
}

/** Why a segment was deleted without being asked for. */
export type RemovalReason = 'age' | 'size' | 'disk-full';

/** How much is kept. */
export interface RetentionRule {
  readonly keep: Micros;
  readonly maxBytes?: number | undefined;
}

/** The segments that are too old, and the oldest of those that are too many. @param segments by age, the oldest first. */
export function expired<T extends Kept>(
  segments: readonly T[],
  now: Micros,
  { keep, maxBytes = Number.POSITIVE_INFINITY }: RetentionRule,
): { readonly segment: T; readonly reason: RemovalReason }[] {
  let bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  const gone: { segment: T; reason: RemovalReason }[] = [];
  for (const segment of segments) {
    if (segment.open) continue;
    const old = minus(now, segment.end) > keep;
    if (!old && bytes <= maxBytes) continue;
    gone.push({ segment, reason: old ? 'age' : 'size' });
    bytes -= segment.bytes;
  }
  return gone;
}

const MAX_RESERVE = 256 << 20;
const RESERVE_SHARE = 0.05;

/** How many bytes of a disk recordings leave free: a twentieth, 256 MiB at most. */
export function reserveOf(total: number): number {
  return Math.min(MAX_RESERVE, total * RESERVE_SHARE);
}
