/** A bad network between two WebRTC peers: a UDP relay that loses, delays and swaps packets, the same ones in every run. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { seededRandom } from './random.ts';

/** What the network does to each packet, in both directions. */
export interface Impairment {
  /** Share of packets lost, 0…1. */
  readonly loss?: number;
  /** Every packet is late by this. */
  readonly delayMs?: number;
  /** … and by a random time up to this, so that packets overtake each other. */
  readonly jitterMs?: number;
  /** Share of packets that wait for another 50 ms. */
  readonly reorder?: number;
  /** Bits per second; what does not fit into the queue before it is lost. */
  readonly rate?: number;
  /** What that queue holds, milliseconds. Default 100. */
  readonly queueMs?: number;
  readonly seed?: number;
}

/** Queue in front of a limited rate. */
const QUEUE_MS = 100;
const REORDER_MS = 50;

/** One direction of a bad network. Pure: the fate of the n-th packet is the same in every run, whatever goes the other way. */
export class ImpairedDirection {
  readonly #impairment: Impairment;
  readonly #random: () => number;
  #busyUntil = 0;
  /** How long the last packet that was not lost was queued, milliseconds. */
  queued = 0;

  constructor(impairment: Impairment, seed: number) {
    this.#impairment = impairment;
    this.#random = seededRandom(seed);
  }

  /** How many milliseconds from `now` a packet of `bytes` arrives; undefined when it is lost. */
  delay(bytes: number, now: number): number | undefined {
    const { loss = 0, delayMs = 0, jitterMs = 0, reorder = 0, rate, queueMs = QUEUE_MS } = this.#impairment;
    // As many numbers for each packet, lost or not.
    const [lost, late, waits] = [this.#random() < loss, this.#random() * jitterMs, this.#random() < reorder];
    const sent = rate === undefined ? now : Math.max(now, this.#busyUntil) + (bytes * 8000) / rate;
    if (lost || sent - now > queueMs) return undefined;
    this.queued = rate === undefined ? 0 : sent - now - (bytes * 8000) / rate;
    this.#busyUntil = sent;
    return sent - now + delayMs + late + (waits ? REORDER_MS : 0);
  }
}

/** A path through a bad network. It is perfect until {@link impair} is called. */
export class ImpairedPath implements AsyncDisposable {
  /** Packets passed on, and packets lost by intent. */
  readonly counts = { passed: 0, lost: 0, bytesDown: 0 };
  /** How long each packet to the near side was queued, milliseconds: whoever reads them clears them. */
  readonly queued: number[] = [];
  readonly #front: Socket;
  /** One socket for each peer on the near side, so that the far side sees them apart. */
  readonly #backs = new Map<string, Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #up = new ImpairedDirection({}, 1);
  #down = new ImpairedDirection({}, 2);
  #target: { readonly host: string; readonly port: number } | undefined;
  #closed = false;

  private constructor(front: Socket) {
    this.#front = front;
    front.on('message', (packet, { address, port }) => this.#fromNear(packet, address, port));
  }

  /** Opens a path on the loopback. */
  static async open(): Promise<ImpairedPath> {
    const front = createSocket('udp4').bind(0, '127.0.0.1');
    await once(front, 'listening');
    return new ImpairedPath(front);
  }

  /** From now on packets suffer. */
  impair(impairment: Impairment): void {
    const { seed = 1 } = impairment;
    this.#up = new ImpairedDirection(impairment, seed);
    this.#down = new ImpairedDirection(impairment, seed + 1);
  }

  /** An SDP whose only candidate is this path, leading to the loopback candidate that it had. @throws Error when it had none. */
  through(sdp: string): string {
    const lines = sdp.split('\r\n');
    const candidates = lines.filter((line) => line.startsWith('a=candidate:'));
    const local = candidates.map((line) => line.split(' ')).find((fields) => fields[4] === '127.0.0.1');
    if (!local) throw new Error(`no loopback candidate in ${candidates.join('; ')}`);
    this.#target = { host: '127.0.0.1', port: Number(local[5]) };
    local[5] = String(this.#front.address().port);
    return lines
      .filter((line) => !line.startsWith('a=candidate:'))
      .join('\r\n')
      .replace('a=end-of-candidates', `${local.join(' ')}\r\na=end-of-candidates`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    const sockets = [this.#front, ...this.#backs.values()];
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  }

  #fromNear(packet: Buffer, address: string, port: number): void {
    const key = `${address}:${port}`;
    let back = this.#backs.get(key);
    if (!back) {
      back = createSocket('udp4').bind(0, '127.0.0.1');
      back.on('message', (answer) => this.#pass(answer, this.#down, () => this.#front.send(answer, port, address)));
      this.#backs.set(key, back);
    }
    const [socket, target] = [back, this.#target];
    if (target) this.#pass(packet, this.#up, () => socket.send(packet, target.port, target.host));
  }

  #pass(packet: Buffer, direction: ImpairedDirection, send: () => void): void {
    const wait = direction.delay(packet.length, performance.now());
    if (wait === undefined) {
      this.counts.lost += 1;
      return;
    }
    this.counts.passed += 1;
    if (direction === this.#down) {
      this.counts.bytesDown += packet.length;
      this.queued.push(direction.queued);
    }
    if (wait <= 0) {
      send();
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (!this.#closed) send();
    }, wait);
    this.#timers.add(timer);
  }
}
