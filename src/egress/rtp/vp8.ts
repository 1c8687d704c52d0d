/** Packetizing: a frame of VP8 in, RTP payloads by RFC 7741 out. Pure. */
import { MAX_PAYLOAD } from './packetizer.ts';

/** Bytes of the payload descriptor: with extensions, and a picture ID of 15 bits. */
const DESCRIPTOR = 4;
const EXTENDED = 0x80;
const START = 0x10;
const HAS_PICTURE_ID = 0x80;
const LONG_PICTURE_ID = 0x80;
/** Picture IDs begin again behind this. */
const LAST_PICTURE_ID = 0x7fff;

/**
 * RTP payloads of one frame, each at most `maxPayload` bytes and all of about the same size; the marker bit belongs
 * on the last. Their picture ID is 0: each viewer counts its own pictures, see {@link numberVp8}.
 * @throws RangeError when `maxPayload` is below 64.
 */
export function packetizeVp8(data: Buffer, maxPayload = MAX_PAYLOAD): Buffer[] {
  if (maxPayload < 64) throw new RangeError(`maxPayload ${maxPayload} is below 64`);
  const count = Math.ceil(data.length / (maxPayload - DESCRIPTOR));
  return Array.from({ length: count }, (_, i) => {
    const from = Math.floor((data.length * i) / count);
    const to = Math.floor((data.length * (i + 1)) / count);
    const packet = Buffer.allocUnsafe(DESCRIPTOR + to - from);
    packet[0] = EXTENDED | (i === 0 ? START : 0);
    packet[1] = HAS_PICTURE_ID;
    packet[2] = LONG_PICTURE_ID;
    packet[3] = 0;
    data.copy(packet, DESCRIPTOR, from, to);
    return packet;
  });
}

/** A copy of a payload with a picture ID: players take a gap in them for a lost frame. @param id its low 15 bits count. */
export function numberVp8(payload: Buffer, id: number): Buffer {
  const numbered = Buffer.from(payload);
  numbered.writeUInt16BE((LONG_PICTURE_ID << 8) | (id & LAST_PICTURE_ID), 2);
  return numbered;
}
