/**
 * What viewers are told of each frame: source or interpolated, when, by which model, how sure
 * (docs/provenance.md). Pure.
 */

import { BoundedQueue } from '../bounded-queue.ts';
import type { Acceleration, Provenance } from '../media/frame.ts';
import { toSeconds } from '../time.ts';
import type { EncodedUnit } from './viewer.ts';

/** Label of the data channel that a player makes to be told. */
export const PROVENANCE_CHANNEL = 'provenance';

/** One record, as it goes over the wire: JSON. Its keys are described in docs/provenance.md. */
export interface ProvenanceRecord {
  readonly rtp: number;
  /** Seconds. */
  readonly pts: number;
  readonly kind: 'source' | 'interpolated' | 'extrapolated' | 'repeated';
  readonly t?: number;
  readonly model?: string;
  readonly hash?: string;
  readonly confidence?: number;
  readonly parental?: number;
  readonly grain?: number;
  readonly acceleration?: Acceleration;
  readonly reason?: string;
  /** The source's own bytes: as they came, or `kept` for a viewer that came later. Absent: encoded here. */
  readonly passed?: 'live' | 'kept';
  /** Records before this one that were not sent. */
  readonly dropped?: number;
}

/** What takes records: a data channel. */
export interface RecordChannel {
  /** False: too much waits already, and this message was not taken. */
  send(message: string): boolean;
}

/** The record of an access unit. @param rtp the RTP timestamp of its packets. */
export function provenanceRecord(
  unit: Pick<EncodedUnit, 'pts' | 'provenance' | 'passed'>,
  rtp: number,
): ProvenanceRecord {
  return { rtp, ...recordOf(unit), ...(unit.passed && { passed: unit.passed }) };
}

/** What there is to say of a frame, wherever it goes. */
export function recordOf({
  pts,
  provenance,
}: Pick<EncodedUnit, 'pts' | 'provenance'>): Omit<ProvenanceRecord, 'rtp' | 'passed' | 'dropped'> {
  const frame = { pts: toSeconds(pts) };
  switch (provenance.kind) {
    case 'source':
      return { ...frame, kind: 'source' };
    case 'enlarged': {
      const { model, hash } = provenance;
      // No stream has such frames (`EnginePool`); a network made it, at a source frame's own time.
      return { ...frame, kind: 'interpolated', t: 0, model, ...(hash === undefined ? {} : { hash }) };
    }
    case 'repeated':
      return { ...frame, kind: 'repeated', t: rounded(provenance.t), reason: provenance.reason };
    case 'synthetic':
    case 'extrapolated': {
      const { t, model, hash, confidence, parental, grain, acceleration } = provenance;
      return {
        ...frame,
        kind: provenance.kind === 'synthetic' ? 'interpolated' : 'extrapolated',
        t: rounded(t),
        model,
        ...(hash === undefined ? {} : { hash }),
        ...(confidence === undefined ? {} : { confidence: rounded(confidence) }),
        ...(parental === undefined ? {} : { parental: rounded(parental) }),
        ...(grain === undefined ? {} : { grain }),
        ...(acceleration === undefined ? {} : { acceleration }),
      };
    }
  }
}

/**
 * The provenance of a frame that is sent once more because nothing new comes. An interpolated one
 * stays what it is.
 */
export function shownAgain(provenance: Provenance): Provenance {
  return provenance.kind === 'source' ? { kind: 'repeated', t: 0, reason: 'silence' } : provenance;
}

/** Records that may wait: four seconds at 60 fps. */
const CAPACITY = 256;

/**
 * Sends the records of one viewer in order. Capacity: 256 records; policy: drop the oldest;
 * counted, and told with the next record that goes out. What waits is offered to the channel with
 * each new record.
 */
export class ProvenanceFeed {
  readonly #channel: RecordChannel;
  readonly #waiting: BoundedQueue<ProvenanceRecord>;
  /** Dropped since the last record that went out. */
  #untold = 0;

  constructor(channel: RecordChannel) {
    this.#channel = channel;
    this.#waiting = new BoundedQueue(CAPACITY, 'drop-oldest', () => {
      this.#untold += 1;
    });
  }

  /** Records dropped so far. */
  get dropped(): number {
    return this.#waiting.dropped;
  }

  /**
   * Sends the record of an access unit whose packets have the RTP timestamp `rtp`, or lets it wait.
   */
  push(unit: Pick<EncodedUnit, 'pts' | 'provenance' | 'passed'>, rtp: number): void {
    this.#waiting.push(provenanceRecord(unit, rtp));
    for (let record = this.#waiting.peek(); record; record = this.#waiting.peek()) {
      const told = this.#untold > 0 ? { ...record, dropped: this.#untold } : record;
      if (!this.#channel.send(JSON.stringify(told))) return;
      this.#waiting.shift();
      this.#untold = 0;
    }
  }
}

/** Four decimals: more than a player can show. */
function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
