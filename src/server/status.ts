/** The JSON that the API answers with. Pure. */
import { redactUrl, redactUrls } from '../errors.ts';
import type { StreamStats } from '../metrics/stats.ts';
import type { StreamDirectory, StreamEntry } from './contract.ts';
import type { StreamReport } from './schemas.ts';

/** Why `GET /readyz` says no. */
export interface NotReady {
  /** Absent when it concerns all streams. */
  readonly stream?: string;
  readonly reason: string;
}

/**
 * Joins what a stream says of itself and what was measured. Credentials are removed.
 * @param basePath path before `/whep` and `/whip`.
 */
export function streamReport(
  { awaitsPublisher, ...entry }: StreamEntry,
  stats: StreamStats,
  basePath = '',
): StreamReport {
  const { name, label, state, reason, error, source } = entry;
  const path = encodeURIComponent(name);
  const whep = `${basePath}/whep/${path}`;
  return {
    ...entry,
    label: redactUrl(label),
    reason: reason === undefined ? undefined : redactUrls(reason),
    error: error === undefined ? undefined : redactUrls(error),
    source: source ?? stats.source,
    whep: { upconverted: whep, source: `${whep}?variant=source` },
    whip: awaitsPublisher ? `${basePath}/whip/${path}` : undefined,
    stats: { ...stats, state },
  };
}

/**
 * Everything that is not ready; empty when the process can serve what it was configured to serve.
 */
export function notReady(streams: StreamDirectory): NotReady[] {
  const missing: NotReady[] = streams.engineWarm() ? [] : [{ reason: 'the model is still loading' }];
  for (const { model, reason } of streams.engineFaults()) missing.push({ reason: `model ${model}: ${reason}` });
  for (const { name, ready, awaitsPublisher, state, error } of streams.list()) {
    if (ready || awaitsPublisher || state === 'asleep') continue;
    const why = error === undefined ? '' : `: ${redactUrls(error)}`;
    missing.push({ stream: name, reason: `no frame yet${why}` });
  }
  return missing;
}
