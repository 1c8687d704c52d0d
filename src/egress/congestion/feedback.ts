/**
 * What players report of the packets that came (transport-wide congestion control), as a list. An
 * adapter of werift, whose own list leaves out what is told in status vectors, and counts runs one
 * too long.
 */
import { RunLengthChunk, StatusVectorChunk, type TransportWideCC } from 'werift';

/** Microseconds of a unit of the reference time. */
const REFERENCE = 64_000;
/** Symbols of packet status. */
const SMALL_DELTA = 1;
const LARGE_DELTA = 2;

/** What one report says. */
export interface ArrivalList {
  /** Transport-wide number of the first packet, 16 bits. */
  readonly base: number;
  /**
   * For each packet from the first on when it arrived, in microseconds of the player's clock, which
   * wraps at {@link ARRIVAL_WRAP}; undefined: it did not.
   */
  readonly arrivals: readonly (number | undefined)[];
}

/** Arrival times begin again here: the reference time has 24 bits. */
export const ARRIVAL_WRAP = REFERENCE * 2 ** 24;

/** The arrivals in a report. Numbers beyond the count that it names are left out. */
export function arrivalList(report: TransportWideCC): ArrivalList {
  const { baseSequenceNumber: base, packetStatusCount: count, referenceTime, recvDeltas } = report;
  const arrivals: (number | undefined)[] = [];
  let at = referenceTime * REFERENCE;
  let read = 0;
  const take = (status: number): void => {
    const came = status === SMALL_DELTA || status === LARGE_DELTA;
    if (came) at += recvDeltas[read++]?.delta ?? 0;
    if (arrivals.length < count) arrivals.push(came ? at : undefined);
  };
  for (const chunk of report.packetChunks) {
    if (chunk instanceof StatusVectorChunk) for (const status of chunk.symbolList) take(status);
    else if (chunk instanceof RunLengthChunk) {
      const run = Math.min(chunk.runLength, count - arrivals.length);
      for (let i = 0; i < run; i += 1) take(chunk.packetStatus);
    }
  }
  return { base, arrivals };
}
