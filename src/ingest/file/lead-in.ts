/** What has to be decoded before the first wanted frame. An adapter of node-av's packets. */
import type { Packet } from 'node-av';

/**
 * Gathers packets from a file until the first wanted frame comes: those of the picture from the
 * last keyframe before it, those of other streams all. So what is held is a group of pictures.
 */
export class LeadIn {
  #pictures: Packet[] = [];
  #others: Packet[] = [];

  /** True once there is a keyframe to begin with. */
  get decodable(): boolean {
    return this.#pictures.length > 0;
  }

  /** Takes a copy of a packet of the picture. @param begins decoding may begin with it, for all that is wanted. */
  picture(packet: Packet, begins: boolean): void {
    if (begins) free(this.#pictures);
    if (begins || this.decodable) keep(this.#pictures, packet);
  }

  /** Takes a copy of a packet of another stream. */
  other(packet: Packet): void {
    keep(this.#others, packet);
  }

  /** Everything that was gathered, now the caller's: other streams first, as they need no decoding. */
  take(): Packet[] {
    const packets = [...this.#others, ...this.#pictures];
    this.#others = [];
    this.#pictures = [];
    return packets;
  }

  /** Forgets everything. */
  clear(): void {
    free(this.#pictures);
    free(this.#others);
  }
}

function keep(packets: Packet[], packet: Packet): void {
  const copy = packet.clone();
  if (copy) packets.push(copy);
}

function free(packets: Packet[]): void {
  for (const packet of packets.splice(0)) packet.free();
}
