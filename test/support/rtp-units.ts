/** What a depacketizer makes of packets, some of which are lost. */
import { createDepacketizer } from '../../src/ingest/rtp/codecs.ts';
import type { RtpAccessUnit } from '../../src/ingest/rtp/depacketizer.ts';
import type { RtpPacket } from '../../src/ingest/rtp/packet.ts';

/** Pushes all packets but those whose sequence numbers are in `lostAt`. */
export function assembleUnits(
  codec: Parameters<typeof createDepacketizer>[0],
  packets: readonly RtpPacket[],
  lostAt: readonly number[] = [],
): RtpAccessUnit[] {
  const units: RtpAccessUnit[] = [];
  const depacketizer = createDepacketizer(codec, (unit) => units.push(unit));
  let lost = 0;
  for (const packet of packets) {
    if (lostAt.includes(packet.sequence)) lost += 1;
    else {
      depacketizer.push(packet, lost);
      lost = 0;
    }
  }
  return units;
}

/** How whole a unit is, in words. */
export function stateOf({ damaged, afterLoss, keyframe }: RtpAccessUnit): string {
  return [damaged && 'damaged', afterLoss && 'after loss', keyframe && 'key'].filter(Boolean).join(', ') || 'sound';
}
