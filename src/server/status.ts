/** The JSON that the API answers with. Pure. */
import { redactUrl, redactUrls } from '../errors.ts';
import type { StreamStats } from '../metrics/stats.ts';
import { toMs } from '../time.ts';
import type { StreamDirectory, StreamEntry } from './contract.ts';

/** Where a stream stands on its ladder. */
interface LadderReport {
  readonly rung: string;
  readonly rungs: readonly string[];
  readonly reason: string | undefined;
  readonly detail: string | undefined;
  /** ISO 8601. */
  readonly since: string;
}

/** One stream in `GET /api/streams`. */
export interface StreamReport {
  readonly name: string;
  readonly label: string;
  readonly target: string;
  readonly model: string;
  readonly ready: boolean;
  readonly ladder: LadderReport | undefined;
  readonly latencyBudgetMs: number;
  readonly latencyFloorMs: number;
  /** Players mark made pictures unless their viewer says otherwise. */
  readonly badge: boolean;
  /** What viewers have to be told, always. */
  readonly notice: string | undefined;
  readonly state: string;
  readonly reason: string | undefined;
  readonly phase: string;
  readonly error: string | undefined;
  readonly source: StreamStats['source'];
  /** Paths for WHEP players. */
  readonly whep: { readonly upconverted: string; readonly source: string };
  /** Path for WHIP publishers; undefined where the source is something else. */
  readonly whip: string | undefined;
  readonly stats: StreamStats;
}

/** Why `GET /readyz` says no. */
export interface NotReady {
  /** Absent when it concerns all streams. */
  readonly stream?: string;
  readonly reason: string;
}

/** Joins what a stream says of itself and what was measured. Credentials are removed. */
export function streamReport(entry: StreamEntry, stats: StreamStats): StreamReport {
  const { state, reason, phase, sourceInfo, lastError } = entry.status;
  const path = `/whep/${encodeURIComponent(entry.name)}`;
  return {
    name: entry.name,
    label: redactUrl(entry.label),
    target: entry.target,
    model: entry.model,
    ready: entry.ready,
    ladder: entry.ladder && { ...entry.ladder, since: new Date(toMs(entry.ladder.since)).toISOString() },
    latencyBudgetMs: entry.latencyBudgetMs,
    latencyFloorMs: entry.latencyFloorMs,
    badge: entry.badge ?? false,
    notice: entry.notice,
    state,
    reason: reason === undefined ? undefined : redactUrls(reason),
    phase,
    error: lastError === undefined ? undefined : redactUrls(lastError),
    source: sourceInfo ?? stats.source,
    whep: { upconverted: path, source: `${path}?variant=source` },
    whip: entry.awaitsPublisher ? `/whip/${encodeURIComponent(entry.name)}` : undefined,
    stats: { ...stats, state },
  };
}

/** Everything that is not ready; empty when the process can serve what it was configured to serve. */
export function notReady(streams: StreamDirectory): NotReady[] {
  const missing: NotReady[] = streams.engineWarm() ? [] : [{ reason: 'the model is still loading' }];
  for (const { name, ready, awaitsPublisher, status } of streams.list()) {
    if (ready || awaitsPublisher) continue;
    const why = status.lastError === undefined ? '' : `: ${redactUrls(status.lastError)}`;
    missing.push({ stream: name, reason: `no frame yet${why}` });
  }
  return missing;
}
