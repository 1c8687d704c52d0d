/** Access units on their way out, for tests that never look into them. */
import type { EncodedUnit, PacketizedUnit } from '../../src/egress/viewer.ts';
import { SOURCE } from '../../src/media/frame.ts';
import type { Micros } from '../../src/time.ts';

/** A unit of a source frame that is due, arrived and was encoded at the same time. */
export function encodedUnit(due: Micros, keyframe = false): EncodedUnit {
  return {
    ...{ data: Buffer.alloc(0), keyframe, provenance: SOURCE },
    ...{ due, pts: due, arrival: due, capture: due, encoded: due },
  };
}

/** The same as so many packets, each with its number in it. */
export function packetizedUnit(due: Micros, packets: number, keyframe = false): PacketizedUnit {
  const payloads = Array.from({ length: packets }, (_, i) => Buffer.from([i]));
  return { unit: encodedUnit(due, keyframe), payloads, single: true };
}
