/** Watching a WebRTC connection: when media can flow, and when it is over. */
import { awaitAnswer, type CancelTimer, type Clock, fromMs, type Micros, Watchdog, ZERO } from '../time.ts';
import type { Subject } from './connection-log.ts';

/** What is watched of a connection. */
export interface WatchedTransport {
  readonly dtls: { readonly onStateChange: Subject<string> };
  /** When the peer was last heard of. */
  readonly heard: { at: Micros };
}

/** What happens to a connection. Each is called at most once. */
export interface TransportEvents {
  /** Media can flow. */
  connected(): void;
  /** It broke, never came about, or the peer fell silent. */
  broken(reason: string): void;
}

/** A peer that has not connected by then never will. */
const CONNECT_TIMEOUT = fromMs(8000);
/**
 * Peers send reports every second and ICE checks every few: silence this long is a peer that is
 * gone.
 */
const SILENCE_TIMEOUT = fromMs(10_000);
const WATCH_INTERVAL = fromMs(1000);

/** Watches one connection until it is stopped, or broken. */
export class TransportWatch {
  readonly #transport: WatchedTransport;
  readonly #clock: Clock;
  readonly #events: TransportEvents;
  readonly #everySecond: () => void;
  readonly #opened: Micros;
  #over = false;
  #silence: Watchdog | undefined;
  #cancelConnect: CancelTimer;

  /** @param everySecond called once a second while it is connected. */
  constructor(transport: WatchedTransport, clock: Clock, events: TransportEvents, everySecond: () => void = () => {}) {
    const { dtls, heard } = transport;
    this.#transport = transport;
    this.#clock = clock;
    this.#events = events;
    this.#everySecond = everySecond;
    this.#opened = heard.at;
    this.#cancelConnect = awaitAnswer(clock, CONNECT_TIMEOUT, () => this.#broken('not connected in time'));
    // ICE has no state that ends a connection: one whose peer is gone falls silent.
    dtls.onStateChange.subscribe((state) => {
      if (state === 'closed' || state === 'failed') this.#broken(`DTLS ${state}`);
      else if (state === 'connected') this.#connected();
    });
  }

  /** True once the peer has proven by ICE that it is there: one that only posts offers never does. */
  get reached(): boolean {
    return this.#silence !== undefined || this.#transport.heard.at !== this.#opened;
  }

  /** How long a connected peer has been silent while this process ran; zero before. */
  get silence(): Micros {
    return this.#silence?.silence ?? ZERO;
  }

  /** Ends the watch. Twice is harmless. */
  stop(): void {
    this.#over = true;
    this.#cancelConnect();
    this.#silence?.stop();
  }

  #connected(): void {
    if (this.#over || this.#silence) return;
    const { heard } = this.#transport;
    const clock = this.#clock;
    this.#cancelConnect();
    heard.at = clock.now();
    this.#silence = new Watchdog({
      ...{ clock, limit: SILENCE_TIMEOUT, interval: WATCH_INTERVAL },
      lastSign: () => heard.at,
      expired: () => this.#broken('peer fell silent'),
      looked: this.#everySecond,
    });
    this.#events.connected();
  }

  #broken(reason: string): void {
    if (this.#over) return;
    this.stop();
    this.#events.broken(reason);
  }
}
