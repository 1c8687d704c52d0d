/**
 * WHIP sources: a stream that waits for a publisher, shows what it sends, and lets the next one
 * take over.
 */

import { asFrameliftError, FrameliftError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Arena } from '../../media/arena.ts';
import type { Frame } from '../../media/frame.ts';
import type { EventSink } from '../../metrics/events.ts';
import { type Clock, fromMs, type Micros, minus, Watchdog } from '../../time.ts';
import type { PeerSession } from '../../webrtc/endpoint.ts';
import type { TransportSettings } from '../../webrtc/transport.ts';
import { ClockedSink } from '../clock/clocked-sink.ts';
import type { IngestLimits } from '../limits.ts';
import type { FrameSink, Source, SourceInfo } from '../source.ts';
import { Publisher } from './publisher.ts';

/** Options of {@link WhipSource}. */
export interface WhipSourceOptions {
  /** For events and logs. */
  readonly stream: string;
  readonly arena: Arena;
  readonly clock: Clock;
  readonly events: EventSink;
  /** How publishers connect. */
  readonly transport: TransportSettings;
  /** Told when a publisher comes, takes over or goes, and what it is asked for. */
  readonly log: Log;
  /** Without a frame for this long the publisher has stalled. Default 5 s. */
  readonly stallTimeout?: Micros;
  /** A publisher that exceeds them is sent away. Default: none. */
  readonly limits?: IngestLimits | undefined;
  /** Whether the sound of publishers is played. Default false. */
  readonly sound?: boolean;
  /** Frames carry the coded bytes that they came in. Default false. */
  readonly keepCoded?: boolean;
}

/** Takes publishers in. */
export interface PublisherGate {
  /**
   * Lets a publisher in by its SDP offer. It takes the stream over with its first frame, so that
   * one that never gets through takes nothing away.
   * @throws FrameliftError `webrtc.bad-offer`, `webrtc.unacceptable`, `webrtc.overloaded`,
   * `webrtc.no-source` when the stream has stopped.
   */
  publish(offer: string): Promise<PeerSession>;
}

/** Sessions of one stream at a time: the one that is seen, and others on their way to take over. */
const MAX_SESSIONS = 4;
/** When all are taken: one that has sent no ICE check by then gives way to another publisher. */
const REACH_TIMEOUT = fromMs(500);
/** So does one that has been silent for so long: it is gone without a word. */
const SILENCE_TIMEOUT = fromMs(4000);
const DEFAULT_STALL_TIMEOUT = fromMs(5000);
const WATCH_INTERVAL = fromMs(100);

/** One run of the source: where frames go, and how it fails. */
interface Life {
  readonly sink: ClockedSink;
  readonly fail: (error: FrameliftError) => void;
  info: SourceInfo | undefined;
  /** Ends it when frames cease; undefined before the first. */
  stall: Watchdog | undefined;
}

/**
 * A source that publishers feed. Sessions outlive a run that failed because frames ceased: the next
 * one shows them when they come back.
 */
export class WhipSource implements Source, PublisherGate {
  readonly label = 'whip';
  readonly #options: WhipSourceOptions;
  /** In the order of their offers. Capacity: 4; policy: another one is refused. */
  readonly #sessions: Publisher[] = [];
  #opening = 0;
  #current: Publisher | undefined;
  #life: Life | undefined;
  #stopped = false;

  constructor(options: WhipSourceOptions) {
    this.#options = options;
  }

  async publish(offer: string): Promise<PeerSession> {
    const { stream, log } = this.#options;
    if (this.#stopped) throw new FrameliftError('webrtc.no-source', `${stream} has stopped`, { recoverable: true });
    if (this.#sessions.length + this.#opening >= MAX_SESSIONS && !this.#makeRoom()) {
      throw new FrameliftError('webrtc.overloaded', `${stream} has ${MAX_SESSIONS} publishers already`, {
        recoverable: true,
        remedy: 'Close one of them, or wait until those that are gone are noticed.',
      });
    }
    const { promise: ended, resolve } = Promise.withResolvers<string>();
    this.#opening += 1;
    try {
      const session: Publisher = await Publisher.open(offer, this.#options, {
        frame: (frame) => this.#frame(session, frame),
        sound: (packet) => {
          if (this.#current === session) this.#life?.sink.sound(packet);
        },
        ended: (reason) => {
          this.#ended(session, reason);
          resolve(reason);
        },
      });
      this.#sessions.push(session);
      if (this.#stopped) await session.close('stream stopped');
      const { answer, iceUfrag } = session;
      log.info({ stream, peer: iceUfrag, codec: session.info.codec }, 'publisher connecting');
      const addCandidate = (candidate: string): void => session.addCandidate(candidate);
      return { answer, iceUfrag, ended, addCandidate, close: () => session.close('closed by the publisher') };
    } finally {
      this.#opening -= 1;
    }
  }

  /**
   * Shows the publisher there is, or the next one. Rejects with `source.ended` when it leaves,
   * `source.stalled` when its frames cease.
   */
  async run(sink: FrameSink, signal: AbortSignal): Promise<void> {
    const broken = Promise.withResolvers<void>();
    const stop = (): void => broken.resolve();
    const life: Life = {
      sink: new ClockedSink(sink, this.#options),
      fail: broken.reject,
      info: undefined,
      stall: undefined,
    };
    this.#stopped = false;
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    this.#life = life;
    try {
      await broken.promise;
      this.#stopped = true;
      await Promise.all(this.#sessions.map((session) => session.close('stream stopped')));
    } catch (error) {
      throw asFrameliftError(error, 'source.protocol');
    } finally {
      this.#life = undefined;
      life.stall?.stop();
      signal.removeEventListener('abort', stop);
    }
  }

  requestKeyframe(): boolean {
    return this.#current?.requestKeyframe() ?? false;
  }

  /** Ends a session that is gone by all signs; false without one. */
  #makeRoom(): boolean {
    const now = this.#options.clock.now();
    const gone = this.#sessions.find(
      ({ reached, silence, since }) => silence >= SILENCE_TIMEOUT || (!reached && minus(now, since) >= REACH_TIMEOUT),
    );
    void gone?.close('gave way to another publisher');
    return gone !== undefined;
  }

  #frame(session: Publisher, frame: Frame): void {
    const takesOver = this.#current !== session;
    const life = this.#life;
    if (takesOver) {
      this.#takeOver(session);
      life?.sink.restart();
    }
    if (!life) {
      frame.release();
      return;
    }
    life.stall ??= this.#watch(life);
    life.stall.feed();
    const { info } = session;
    if (!sameInfo(life.info, info)) {
      life.info = info;
      life.sink.info(info);
    }
    if (!takesOver) {
      life.sink.frame(frame);
      return;
    }
    const fresh = frame.share({ discontinuity: true });
    frame.release();
    life.sink.frame(fresh);
  }

  /** Sessions older than this one end. */
  #takeOver(session: Publisher): void {
    const { stream, log } = this.#options;
    const older = this.#sessions.slice(0, this.#sessions.indexOf(session));
    this.#current = session;
    const { iceUfrag: peer, info } = session;
    log.info({ stream, peer, codec: info.codec, replaced: older.length }, 'publisher live');
    for (const other of older) void other.close('another publisher took the stream over');
  }

  #ended(session: Publisher, reason: string): void {
    const { stream, log } = this.#options;
    log.info({ stream, peer: session.iceUfrag, reason }, 'publisher gone');
    const at = this.#sessions.indexOf(session);
    if (at >= 0) this.#sessions.splice(at, 1);
    if (this.#current !== session) return;
    this.#current = undefined;
    this.#life?.fail(new FrameliftError('source.ended', `the publisher left: ${reason}`, { recoverable: true }));
  }

  /** Fails a life whose frames cease. */
  #watch(life: Life): Watchdog {
    const { clock, stallTimeout: limit = DEFAULT_STALL_TIMEOUT } = this.#options;
    return new Watchdog({
      ...{ clock, limit, interval: WATCH_INTERVAL },
      expired: () => {
        const message = `the publisher is connected, but no frame arrived for ${limit / 1e6} s`;
        life.fail(new FrameliftError('source.stalled', message, { recoverable: true, remedy: 'Check the publisher.' }));
      },
    });
  }
}

function sameInfo(a: SourceInfo | undefined, b: SourceInfo): boolean {
  return (
    a !== undefined &&
    a.width === b.width &&
    a.height === b.height &&
    a.codec === b.codec &&
    a.traits === b.traits &&
    a.waits === b.waits &&
    a.sound === b.sound
  );
}
