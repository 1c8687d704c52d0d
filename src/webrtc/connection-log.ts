/**
 * How a WebRTC connection comes about, for the log: at debug the states of DTLS with the time since
 * the offer, and the candidates that it runs over; at trace the RTCP that is exchanged,
 * sampled.
 */
import type { Log } from '../log.ts';
import { type Clock, fromMs, type Micros, minus } from '../time.ts';
import type { Path } from './ice/path.ts';

/** Something that the WebRTC library tells. */
export interface Subject<T> {
  subscribe(listener: (value: T) => void): unknown;
}

/** What is watched of a connection. */
export interface LoggedConnection {
  readonly onStateChange: Subject<string>;
  readonly onRtcp: Subject<RtcpHead>;
}

/** What tells packets of RTCP apart: the type, and the format of feedback. */
interface RtcpHead {
  readonly type: number;
  readonly feedback?: { readonly count: number };
}

/** One line of each kind within this time. */
const SAMPLE_INTERVAL = fromMs(1000);

/** Kinds of RTCP by type, and by type and format (RFC 3550, 4585, 5104). */
const KINDS: ReadonlyMap<string, string> = new Map([
  ['200', 'sender report'],
  ['201', 'receiver report'],
  ['202', 'source description'],
  ['203', 'goodbye'],
  ['205/1', 'NACK'],
  ['205/15', 'transport-cc'],
  ['206/1', 'PLI'],
  ['206/4', 'FIR'],
  ['206/15', 'REMB'],
]);

/** Writes one connection's way into the log. */
export class ConnectionLog {
  readonly #log: Log;
  readonly #peer: string;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #opened: Micros;
  /** RTCP by kind: when it was last written, and what came since. */
  readonly #rtcp = new Map<string, { at: Micros; unwritten: number }>();

  /** @param peer tells connections apart in the log: the peer's ICE user name. */
  constructor(log: Log, peer: string, clock: Pick<Clock, 'now'>) {
    this.#log = log;
    this.#peer = peer;
    this.#clock = clock;
    this.#opened = clock.now();
  }

  /** Follows DTLS and RTCP of a connection to its end. */
  follow({ onStateChange, onRtcp }: LoggedConnection): void {
    if (!this.#log.enabled('debug')) return;
    onStateChange.subscribe((state) => this.#write({ state }, 'DTLS'));
    if (this.#log.enabled('trace')) onRtcp.subscribe((packet) => this.rtcp('received', kindOf(packet)));
  }

  /** The way that data takes from now on: another one when the peer's address has changed. */
  selected({ protocol, local, remote }: Pick<Path, 'protocol' | 'local' | 'remote'>): void {
    const written = ({ address, port }: Path['local']): string => `${address} ${port}`;
    this.#write({ protocol, local: written(local), remote: written(remote) }, 'candidate pair chosen');
  }

  /** Our candidates, all of them, and how many the peer has named so far. */
  gathered(own: readonly string[], remote: number): void {
    this.#write({ own, remote }, 'candidates gathered');
  }

  /** The peer named another one. */
  trickled(candidate: string): void {
    this.#write({ candidate }, 'candidate of the peer');
  }

  /**
   * One packet of RTCP, at trace: the first of its kind within a second is written, with the count
   * of those before it that were not.
   */
  rtcp(direction: 'sent' | 'received', kind: string, fields: object = {}): void {
    if (!this.#log.enabled('trace')) return;
    const now = this.#clock.now();
    const key = `${direction} ${kind}`;
    const last = this.#rtcp.get(key);
    if (last && minus(now, last.at) < SAMPLE_INTERVAL) {
      last.unwritten += 1;
      return;
    }
    this.#rtcp.set(key, { at: now, unwritten: 0 });
    this.#log.trace({ peer: this.#peer, kind, unwritten: last?.unwritten ?? 0, ...fields }, `RTCP ${direction}`);
  }

  #write(fields: object, message: string): void {
    const afterMs = Math.round(minus(this.#clock.now(), this.#opened) / 1000);
    this.#log.debug({ peer: this.#peer, afterMs, ...fields }, message);
  }
}

/** Unknown ones by their numbers, so that there are few. */
function kindOf({ type, feedback }: RtcpHead): string {
  const numbers = feedback ? `${type}/${feedback.count}` : `${type}`;
  return KINDS.get(numbers) ?? numbers;
}
