/**
 * Puts RTP packets back in order of sequence. Pure: packets and `now` in, packets and a deadline
 * out.
 */
import { type Micros, plus } from '../../time.ts';
import { type RtpPacket, sequenceDistance } from './packet.ts';

/** A forward jump larger than this is a restart of the sender, not loss (RFC 3550 appendix A.1). */
const MAX_DROPOUT = 3000;
/** A packet older than this is a restart of the sender, not reordering. */
const MAX_MISORDER = 1000;

/** Options of {@link ReorderBuffer}. */
export interface ReorderOptions {
  /**
   * How long a missing packet is waited for. Zero on reliable transports: a gap is loss at once.
   */
  readonly maxWait: Micros;
  /** Packets held at most while one is missing; then it is lost. A power of two. */
  readonly capacity: number;
  /** Takes each packet in order; `lost` packets are missing right before it. */
  readonly deliver: (packet: RtpPacket, lost: number) => void;
}

/**
 * Reorder buffer of one RTP stream. Capacity: `capacity` packets; policy: when full, the oldest
 * missing packet is declared lost; counters: {@link lost}, {@link late}.
 */
export class ReorderBuffer {
  readonly #options: ReorderOptions;
  readonly #slots: (RtpPacket | undefined)[];
  #next: number | undefined;
  #held = 0;
  #restartAt: number | undefined;
  #pendingLoss = 0;
  #lost = 0;
  #late = 0;

  constructor(options: ReorderOptions) {
    if (!Number.isInteger(Math.log2(options.capacity))) throw new RangeError('capacity must be a power of two');
    this.#options = options;
    this.#slots = new Array<RtpPacket | undefined>(options.capacity).fill(undefined);
  }

  /** Packets declared lost so far. */
  get lost(): number {
    return this.#lost;
  }

  /** Packets that came after they were declared lost, or twice, so far. */
  get late(): number {
    return this.#late;
  }

  /** Packets held. */
  get held(): number {
    return this.#held;
  }

  /** When {@link expire} has something to do; undefined while nothing waits. */
  get deadline(): Micros | undefined {
    if (this.#held === 0) return undefined;
    const first = this.#firstHeld();
    return first && plus(first.arrival, this.#options.maxWait);
  }

  /** Takes a packet; delivers it and its successors as far as they are complete. */
  push(packet: RtpPacket): void {
    this.#next ??= packet.sequence;
    const ahead = sequenceDistance(packet.sequence, this.#next);
    if (ahead > MAX_DROPOUT || ahead < -MAX_MISORDER) {
      this.#restart(packet);
      return;
    }
    this.#restartAt = undefined;
    if (ahead < 0 || this.#slot(packet.sequence)?.sequence === packet.sequence) {
      this.#late += 1;
      return;
    }
    if (ahead === 0) {
      this.#deliver(packet);
      this.#drain();
      return;
    }
    if (this.#options.maxWait <= 0) {
      this.#skip(ahead);
      this.#deliver(packet);
      return;
    }
    while (sequenceDistance(packet.sequence, this.#next) >= this.#options.capacity) this.#advance();
    this.#drain();
    if (packet.sequence === this.#next) {
      this.#deliver(packet);
      this.#drain();
      return;
    }
    this.#slots[packet.sequence & (this.#options.capacity - 1)] = packet;
    this.#held += 1;
  }

  /** Declares lost whatever has been waited for too long, and delivers what stood behind it. */
  expire(now: Micros): void {
    for (let due = this.deadline; due !== undefined && due <= now; due = this.deadline) this.#skipToHeld();
  }

  /** Delivers everything held, gaps declared lost. */
  flush(): void {
    while (this.#held > 0) this.#skipToHeld();
  }

  /**
   * Two packets in a row far from where we are: the sender started anew. The first of them is lost
   * to us.
   */
  #restart(packet: RtpPacket): void {
    const confirmed = this.#restartAt === packet.sequence;
    this.#restartAt = (packet.sequence + 1) & 0xffff;
    if (!confirmed) {
      this.#late += 1;
      return;
    }
    this.flush();
    this.#next = packet.sequence;
    this.#restartAt = undefined;
    this.#pendingLoss += 1;
    this.#deliver(packet);
  }

  #slot(sequence: number): RtpPacket | undefined {
    return this.#slots[sequence & (this.#options.capacity - 1)];
  }

  #firstHeld(): RtpPacket | undefined {
    let sequence = this.#next ?? 0;
    for (let i = 0; i < this.#options.capacity; i += 1) {
      const packet = this.#slot(sequence);
      if (packet) return packet;
      sequence = (sequence + 1) & 0xffff;
    }
    return undefined;
  }

  #skipToHeld(): void {
    const first = this.#firstHeld();
    if (!first) return;
    this.#skip(sequenceDistance(first.sequence, this.#next ?? 0));
    this.#drain();
  }

  /** One step forward: delivers the packet there, or counts it lost. */
  #advance(): void {
    const packet = this.#slot(this.#next ?? 0);
    if (packet) this.#release(packet);
    else this.#skip(1);
  }

  #drain(): void {
    for (;;) {
      const packet = this.#held > 0 ? this.#slot(this.#next ?? 0) : undefined;
      if (!packet) return;
      this.#release(packet);
    }
  }

  #release(packet: RtpPacket): void {
    this.#slots[packet.sequence & (this.#options.capacity - 1)] = undefined;
    this.#held -= 1;
    this.#deliver(packet);
  }

  #skip(count: number): void {
    this.#lost += count;
    this.#pendingLoss += count;
    this.#next = ((this.#next ?? 0) + count) & 0xffff;
  }

  #deliver(packet: RtpPacket): void {
    const lost = this.#pendingLoss;
    this.#pendingLoss = 0;
    this.#next = (packet.sequence + 1) & 0xffff;
    this.#options.deliver(packet, lost);
  }
}
