/** What is said of recordings. Pure. */

/** @typedef {import('../../egress/provenance.ts').ProvenanceRecord} ProvenanceRecord */

/**
 * An entry of `GET /api/streams/<name>/recordings`.
 * @typedef {{ name: string, variant: string, start: string, durationMs: number, bytes: number, open: boolean,
 *   records: string, frames?: Record<string, number> }} Recorded
 */

/**
 * 12 345 678 → `12.3 MB`.
 * @param {number} bytes
 */
export function size(bytes) {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.round(bytes / 1e3)} kB`;
}

/**
 * 61 500 → `1:01`.
 * @param {number} milliseconds
 */
export function duration(milliseconds) {
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/**
 * `60 source, 59 interpolated`: frames by origin.
 * @param {Record<string, number> | undefined} counts undefined where the segment was cut off
 */
export function countsText(counts) {
  if (!counts) return 'cut off';
  const parts = Object.entries(counts).filter(([, count]) => count > 0);
  return parts.map(([kind, count]) => `${count} ${kind}`).join(', ');
}

/**
 * What is said of the frame on the screen.
 * @param {ProvenanceRecord | undefined} record
 */
export function frameText(record) {
  if (!record) return 'origin unknown';
  const { kind, t, model, confidence, reason } = record;
  const sure = confidence === undefined ? undefined : `confidence ${confidence.toFixed(2)}`;
  const details = kind === 'repeated' ? [reason] : [t === undefined ? undefined : `t ${t.toFixed(2)}`, model, sure];
  return [kind, ...details].filter((part) => part !== undefined).join(', ');
}

/**
 * The provenance records of a recording by the time of their frames, in ticks of 90 kHz. Lines that are no
 * records, and one that was cut off, are left out.
 * @param {string} text JSON lines
 * @returns {Map<number, ProvenanceRecord>}
 */
export function readRecords(text) {
  /** @type {Map<number, ProvenanceRecord>} */
  const records = new Map();
  for (const line of text.split('\n')) {
    try {
      const record = JSON.parse(line);
      if (typeof record.rtp === 'number') records.set(record.rtp, record);
    } catch {
      // The end of a recording that was cut off, or the empty line behind the last.
    }
  }
  return records;
}

/** Players round times to microseconds or worse; frames are further apart. */
const MAX_OFF = 45;

/**
 * The record of the frame at a time of the file, in seconds.
 * @param {ReadonlyMap<number, ProvenanceRecord>} records
 * @param {number} seconds
 */
export function recordAt(records, seconds) {
  const tick = Math.round(seconds * 90_000);
  for (let off = 0; off <= MAX_OFF; off += 1) {
    const found = records.get(tick + off) ?? records.get(tick - off);
    if (found) return found;
  }
  return undefined;
}
