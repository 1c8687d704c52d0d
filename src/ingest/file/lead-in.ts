/** What has to be decoded before the first wanted frame. An adapter of node-av's packets. */
import type { Packet } from 'node-av';
import type { Micros } from '../../time.ts';

/** Options of {@link gatherLeadIn}. */
export interface LeadInOptions {
  /** Time of the first wanted frame. */
  readonly start: Micros;
  /** Index of the stream of the picture. */
  readonly picture: number;
  /** The next packet of the file, valid until the next call; undefined at the end. */
  readonly read: () => Promise<Packet | undefined>;
  /** Whether packets of another stream are wanted. */
  readonly wants: (index: number) => boolean;
  readonly timeOf: (packet: Packet) => Micros;
}

/**
 * Reads on to the first packet of the picture that is shown at `start` or later. @returns copies:
 * all of other streams, and of the picture those from the last keyframe on from which every wanted
 * frame can be decoded, so a group of pictures at most. Undefined where no such keyframe came.
 */
export async function gatherLeadIn({
  start,
  picture,
  read,
  wants,
  timeOf,
}: LeadInOptions): Promise<Packet[] | undefined> {
  const pictures: Packet[] = [];
  const others: Packet[] = [];
  for (let reached = false; !reached; ) {
    const packet = await read();
    if (!packet) break;
    if (packet.streamIndex !== picture) {
      if (wants(packet.streamIndex)) keep(others, packet);
      continue;
    }
    const time = timeOf(packet);
    const begins = packet.isKeyframe && time <= start;
    if (begins) free(pictures);
    if (begins || pictures.length > 0) keep(pictures, packet);
    reached = time >= start;
  }
  // Other streams first: they need no decoding.
  if (pictures.length > 0) return [...others, ...pictures];
  free(others);
  return undefined;
}

function keep(packets: Packet[], packet: Packet): void {
  const copy = packet.clone();
  if (copy) packets.push(copy);
}

function free(packets: Packet[]): void {
  for (const packet of packets.splice(0)) packet.free();
}
