/** Watching a WebRTC connection: when media can flow, and when it is over. */
import { type CancelTimer, type Clock, fromMs, type Micros, minus, plus } from '../time.ts';
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

/**
 * Watches a connection until the returned function is called.
 * @param everySecond called once a second while it is connected.
 */
export function watchTransport(
  { dtls, heard }: WatchedTransport,
  clock: Clock,
  events: TransportEvents,
  everySecond: () => void = () => {},
): CancelTimer {
  let over = false;
  let connected = false;
  let cancel: CancelTimer = () => {};
  const stop = (): void => {
    over = true;
    cancel();
  };
  const broken = (reason: string): void => {
    if (over) return;
    stop();
    events.broken(reason);
  };
  const watch = (): void => {
    if (over) return;
    if (minus(clock.now(), heard.at) > SILENCE_TIMEOUT) {
      broken('peer fell silent');
      return;
    }
    everySecond();
    cancel = clock.at(plus(clock.now(), WATCH_INTERVAL), watch);
  };
  // ICE has no state that ends a connection: one whose peer is gone falls silent.
  dtls.onStateChange.subscribe((state) => {
    if (state === 'closed' || state === 'failed') broken(`DTLS ${state}`);
    if (state !== 'connected' || connected || over) return;
    connected = true;
    cancel();
    heard.at = clock.now();
    watch();
    events.connected();
  });
  cancel = clock.at(plus(clock.now(), CONNECT_TIMEOUT), () => broken('not connected in time'));
  return stop;
}
