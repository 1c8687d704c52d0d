/** One connection of an RTSP source: session, receiver, decoder and watch, put together. */
import { asFrameliftError, FrameliftError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Arena } from '../../media/arena.ts';
import type { Frame } from '../../media/frame.ts';
import type { EventSink } from '../../metrics/events.ts';
import { type Clock, fromMs, type Micros, minus, plus, ZERO } from '../../time.ts';
import { type AddressGuard, OPERATORS_GUARD } from '../address-guard.ts';
import { ClockedSink } from '../clock/clocked-sink.ts';
import { Waits } from '../clock/waits.ts';
import { VideoDecoder } from '../decode/decoder.ts';
import { DecodePump } from '../decode/pump.ts';
import { explainDrops } from '../drop-log.ts';
import type { IngestLimits } from '../limits.ts';
import { parseRtp } from '../rtp/packet.ts';
import { RtpReceiver } from '../rtp/receiver.ts';
import { ReceptionTrace } from '../rtp/reception-trace.ts';
import { parseRtcp, writeReceiverReport } from '../rtp/rtcp.ts';
import type { FrameSink, SourceInfo } from '../source.ts';
import { SourceLog } from '../source-log.ts';
import { MediaWatch } from './media-watch.ts';
import type { VideoTrack } from './sdp.ts';
import { RtspSession } from './session.ts';

/** Options of an RTSP source. */
export interface RtspOptions {
  /** `rtsp://` or `rtsps://`, with user name and password where the server wants them. */
  readonly url: string;
  /** For events and logs. */
  readonly stream: string;
  readonly arena: Arena;
  readonly clock: Clock;
  readonly events: EventSink;
  /** Default: none. */
  readonly log?: Log;
  /** Default `tcp`: interleaved. `udp` falls back to it where the server refuses. */
  readonly transport?: 'tcp' | 'udp';
  /** Without a frame for this long the source is stalled. Default 5 s. */
  readonly stallTimeout?: Micros;
  /** For connecting, and for each response. Default 5 s. */
  readonly connectTimeout?: Micros;
  /** How long a missing UDP packet is waited for. Default 40 ms. */
  readonly reorderTimeout?: Micros;
  /** False accepts any certificate of an `rtsps` server. Default true. */
  readonly verifyCertificate?: boolean;
  /** Where the URL and redirections may lead to. Default: {@link OPERATORS_GUARD}. */
  readonly guard?: AddressGuard;
  /** A source that exceeds them fails. Default: none. */
  readonly limits?: IngestLimits | undefined;
  /** Decoder threads, default 1. */
  readonly threads?: number;
}

const DEFAULT_TIMEOUT = fromMs(5000);
const DEFAULT_REORDER_TIMEOUT = fromMs(40);
/** Packets held while one is missing: 60 ms of 100 Mb/s. */
const REORDER_CAPACITY = 512;
const REPORT_INTERVAL = fromMs(5000);

/** One connection of a source, from connecting to closed. */
export class RtspRun implements AsyncDisposable {
  readonly #options: RtspOptions;
  readonly #sink: FrameSink;
  readonly #log: SourceLog;
  readonly #events: EventSink;
  readonly #trace: ReceptionTrace | undefined;
  readonly #watch: MediaWatch;
  readonly #broken = Promise.withResolvers<never>();
  readonly #timers = new Set<() => void>();
  #session: RtspSession | undefined;
  #receiver: RtpReceiver | undefined;
  #decoder: VideoDecoder | undefined;
  #pump: DecodePump | undefined;
  #info: SourceInfo | undefined;
  readonly #waits = new Waits();
  #cancelExpiry: (() => void) | undefined;

  constructor(options: RtspOptions, sink: FrameSink) {
    const { clock, stallTimeout: limit = DEFAULT_TIMEOUT } = options;
    this.#options = options;
    this.#sink = new ClockedSink(sink, options);
    this.#log = new SourceLog(options);
    this.#events = explainDrops(options.events, this.#log);
    this.#trace = this.#log.traces ? new ReceptionTrace(this.#log) : undefined;
    this.#watch = new MediaWatch({ limit, log: this.#log, now: clock.now() });
    // Whoever waits for it sees it; until then it is no unhandled rejection.
    this.#broken.promise.catch(() => {});
  }

  /** Connects, sets up and plays. @throws FrameliftError with the reason. */
  async start(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const session = await this.#openSession(signal);
    this.#session = session;
    const decoder = await this.#openDecoder(session.track);
    this.#decoder = decoder;
    const pump = this.#makePump(decoder);
    this.#pump = pump;
    this.#receiver = this.#makeReceiver(session, pump);
    await session.play(signal);
    this.#watch.begin(clock.now());
    this.#watchMedia();
    this.#report();
  }

  /** Resolves on abort, rejects with the reason when the source breaks. */
  async untilBroken(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = () => resolve();
    signal.addEventListener('abort', stop, { once: true });
    try {
      await Promise.race([promise, this.#broken.promise]);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const cancel of this.#timers) cancel();
    this.#cancelExpiry?.();
    this.#receiver = undefined;
    await this.#pump?.close();
    await this.#session?.close();
    await this.#decoder?.close();
  }

  #openSession(signal: AbortSignal): Promise<RtspSession> {
    const { url, clock, transport = 'tcp', verifyCertificate = true, guard = OPERATORS_GUARD } = this.#options;
    const { connectTimeout: timeout = DEFAULT_TIMEOUT } = this.#options;
    return RtspSession.open(
      {
        ...{ url, clock, transport, timeout, verifyCertificate, guard, log: this.#log },
        rtp: (bytes) => this.#rtp(bytes),
        rtcp: (bytes) => this.#rtcp(bytes),
        lost: (error) => this.#broken.reject(error),
      },
      signal,
    );
  }

  /**
   * Servers have been seen with parameter sets in their description that no decoder takes: then the
   * stream's own must do.
   */
  async #openDecoder({ codec, extradata }: VideoTrack): Promise<VideoDecoder> {
    const { arena, clock, stream, limits, threads = 1 } = this.#options;
    const options = {
      codec,
      arena,
      clock,
      stream,
      limits,
      threads,
      events: this.#events,
      log: this.#log,
      dropLate: false,
    };
    try {
      return await VideoDecoder.open({ ...options, extradata });
    } catch (error) {
      if (extradata.length === 0) throw error;
      this.#log.debug({}, "the description's parameter sets are refused: waiting for those in the stream");
      return await VideoDecoder.open(options);
    }
  }

  #makePump(decoder: VideoDecoder): DecodePump {
    const { clock, stream, limits } = this.#options;
    return new DecodePump({
      ...{ decoder, clock, stream, limits, events: this.#events },
      frame: (frame) => this.#frame(frame),
      failed: (error) => this.#broken.reject(asFrameliftError(error, 'decode.failed')),
    });
  }

  #makeReceiver({ track, unreliable }: RtspSession, pump: DecodePump): RtpReceiver {
    const { clock, stream, reorderTimeout = DEFAULT_REORDER_TIMEOUT } = this.#options;
    const { codec, clockRate, payloadType } = track;
    return new RtpReceiver({
      ...{ codec, clockRate, payloadType },
      maxWait: unreliable ? reorderTimeout : ZERO,
      capacity: REORDER_CAPACITY,
      wallAt: (instant) => plus(clock.wall(), minus(instant, clock.now())),
      complete: (unit) => {
        this.#trace?.unit(unit);
        this.#watch.unit(unit, clock.now());
        pump.push(unit);
      },
      lost: (packets) => this.#events.emit({ type: 'ingest-loss', stream, packets }),
    });
  }

  #rtp(bytes: Uint8Array): void {
    const receiver = this.#receiver;
    const packet = receiver && parseRtp(bytes, this.#options.clock.now());
    if (!packet) return;
    this.#trace?.packet(packet, receiver.lost);
    receiver.push(packet);
    if (this.#cancelExpiry || receiver.deadline === undefined) return;
    this.#expireAt(receiver, receiver.deadline);
  }

  #expireAt(receiver: RtpReceiver, due: Micros): void {
    const { clock } = this.#options;
    this.#cancelExpiry = clock.at(due, () => {
      this.#cancelExpiry = undefined;
      receiver.expire(clock.now());
      if (receiver.deadline !== undefined) this.#expireAt(receiver, receiver.deadline);
    });
  }

  #rtcp(bytes: Uint8Array): void {
    for (const event of parseRtcp(bytes)) {
      if (event.type === 'goodbye') {
        this.#broken.reject(new FrameliftError('source.ended', 'the server said goodbye', { recoverable: true }));
      } else {
        this.#receiver?.rtcp(event, this.#options.clock.now());
      }
    }
  }

  #frame(frame: Frame): void {
    this.#watch.frame(this.#options.clock.now());
    const { width, height } = frame;
    const colour = this.#decoder?.colour;
    const waits = this.#waits.of(this.#decoder?.reordered, this.#receiver?.unmarked);
    const before = this.#info;
    if (before?.width !== width || before.height !== height || before.colour !== colour || before.waits !== waits) {
      const session = this.#session;
      this.#info = {
        codec: session?.track.codec ?? '',
        ...{ width, height },
        fps: session?.track.fps,
        transport: session?.transport ?? 'rtsp',
        ...(colour && { colour }),
        ...(waits && { waits }),
      };
      this.#sink.info(this.#info);
    }
    this.#sink.frame(frame);
  }

  /** Calls `fn` every `period` until closed. */
  #every(period: Micros, fn: () => void): void {
    const { clock } = this.#options;
    let cancel = () => {};
    const stop = () => cancel();
    const next = () => {
      cancel = clock.at(plus(clock.now(), period), () => {
        fn();
        next();
      });
    };
    next();
    this.#timers.add(stop);
  }

  #watchMedia(): void {
    const { clock, stallTimeout: limit = DEFAULT_TIMEOUT } = this.#options;
    this.#every(fromMs(Math.max(10, limit / 10_000)), () => {
      const error = this.#watch.check(clock.now(), {
        packets: this.#receiver?.packets ?? 0,
        awaitingKeyframe: this.#decoder?.awaitingKeyframe ?? true,
        unreliable: this.#session?.unreliable ?? false,
      });
      if (error) this.#broken.reject(error);
    });
  }

  /** Receiver reports: the signs of life that some servers insist on. */
  #report(): void {
    const ssrc = Math.floor(Math.random() * 2 ** 32);
    this.#every(REPORT_INTERVAL, () => {
      const reception = this.#receiver?.reception(this.#options.clock.now());
      this.#session?.sendRtcp(writeReceiverReport(ssrc, 'framelift', reception));
    });
  }
}
