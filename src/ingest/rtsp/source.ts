/**
 * RTSP sources: packets to frames by the shortest way. An access unit is decoded the moment its last packet arrives.
 *
 * The client is our own. Axis' media-stream-library, read at 13.1.1, has no H.265, no UDP, no TLS, no keep-alive and no
 * SHA-256 digest on Node, and ends in an MP4 muxer; what would remain of it is a parser of responses.
 */

import { asFrameliftError, FrameliftError, redactUrl } from '../../errors.ts';
import type { Arena } from '../../media/arena.ts';
import type { Frame } from '../../media/frame.ts';
import type { EventSink } from '../../metrics/events.ts';
import { type Clock, fromMs, type Micros, minus, plus } from '../../time.ts';
import { type AddressGuard, OPERATORS_GUARD } from '../address-guard.ts';
import { VideoDecoder, type VideoDecoderOptions } from '../decode/decoder.ts';
import { DecodePump } from '../decode/pump.ts';
import type { IngestLimits } from '../limits.ts';
import { parseRtp } from '../rtp/packet.ts';
import { RtpReceiver } from '../rtp/receiver.ts';
import { parseRtcp, writeReceiverReport } from '../rtp/rtcp.ts';
import type { FrameSink, Source, SourceInfo } from '../source.ts';
import { RtspSession } from './session.ts';
import { parseRtspUrl } from './url.ts';

/** Options of {@link rtspSource}. */
export interface RtspOptions {
  /** `rtsp://` or `rtsps://`, with user name and password where the server wants them. */
  readonly url: string;
  /** For events. */
  readonly stream: string;
  readonly arena: Arena;
  readonly clock: Clock;
  readonly events: EventSink;
  /** Default `tcp`: interleaved. `udp` falls back to it where the server refuses. */
  readonly transport?: 'tcp' | 'udp';
  /** Without a frame for this long the source is stalled. Default 5 s. */
  readonly stallTimeout?: Micros;
  /** For connecting, and for each response. Default 5 s. */
  readonly connectTimeout?: Micros;
  /** How long a missing UDP packet is waited for. Default 40 ms. */
  readonly reorderWait?: Micros;
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
const DEFAULT_REORDER_WAIT = fromMs(40);
/** Packets held while one is missing: 60 ms of 100 Mb/s. */
const REORDER_CAPACITY = 512;
const REPORT_INTERVAL = fromMs(5000);

/** An RTSP source. @throws FrameliftError at once: `config.invalid` when the URL is malformed, `source.forbidden` by its address. */
export function rtspSource(options: RtspOptions): Source {
  (options.guard ?? OPERATORS_GUARD).checkLiteral(parseRtspUrl(options.url).host);
  const label = `rtsp ${redactUrl(options.url)}`;
  return {
    label,
    run: async (sink, signal) => {
      if (signal.aborted) return;
      try {
        await using run = new RtspRun(options, sink);
        await run.start(signal);
        await run.untilBroken(signal);
      } catch (error) {
        if (signal.aborted) return;
        throw asFrameliftError(error, 'source.protocol');
      }
    },
  };
}

/** One connection of a source, from connecting to closed. */
class RtspRun {
  readonly #options: RtspOptions;
  readonly #sink: FrameSink;
  readonly #broken = Promise.withResolvers<never>();
  readonly #timers = new Set<() => void>();
  #session: RtspSession | undefined;
  #receiver: RtpReceiver | undefined;
  #decoder: VideoDecoder | undefined;
  #pump: DecodePump | undefined;
  #info: SourceInfo | undefined;
  #lastFrame: Micros;
  #units = 0;
  #frames = 0;
  #cancelExpiry: (() => void) | undefined;

  constructor(options: RtspOptions, sink: FrameSink) {
    this.#options = options;
    this.#sink = sink;
    this.#lastFrame = options.clock.now();
    // Whoever waits for it sees it; until then it is no unhandled rejection.
    this.#broken.promise.catch(() => {});
  }

  async start(signal: AbortSignal): Promise<void> {
    const { url, clock, stream, events, arena, threads, limits } = this.#options;
    const session = await RtspSession.open(
      {
        url,
        clock,
        transport: this.#options.transport ?? 'tcp',
        timeout: this.#options.connectTimeout ?? DEFAULT_TIMEOUT,
        verifyCertificate: this.#options.verifyCertificate ?? true,
        guard: this.#options.guard ?? OPERATORS_GUARD,
        rtp: (bytes) => this.#rtp(bytes),
        rtcp: (bytes) => this.#rtcp(bytes),
        lost: (error) => this.#broken.reject(error),
      },
      signal,
    );
    this.#session = session;
    const { track } = session;
    const decoder = await openDecoder(
      { codec: track.codec, arena, clock, stream, events, limits, ...(threads === undefined ? {} : { threads }) },
      track.extradata,
    );
    this.#decoder = decoder;
    const pump = new DecodePump({
      ...{ decoder, clock, stream, events, limits },
      frame: (frame) => this.#frame(frame),
      failed: (error) => this.#broken.reject(asFrameliftError(error, 'decode.failed')),
    });
    this.#pump = pump;
    this.#receiver = new RtpReceiver({
      codec: track.codec,
      clockRate: track.clockRate,
      payloadType: track.payloadType,
      maxWait: session.unreliable ? (this.#options.reorderWait ?? DEFAULT_REORDER_WAIT) : fromMs(0),
      capacity: REORDER_CAPACITY,
      wallAt: (instant) => plus(clock.wall(), minus(instant, clock.now())),
      complete: (unit) => {
        this.#units += 1;
        pump.push(unit);
      },
      lost: (packets) => events.emit({ type: 'ingest-loss', stream, packets }),
    });
    await session.play(signal);
    this.#lastFrame = clock.now();
    this.#watch();
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

  #rtp(bytes: Uint8Array): void {
    const receiver = this.#receiver;
    const packet = receiver && parseRtp(bytes, this.#options.clock.now());
    if (!packet) return;
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
    this.#frames += 1;
    this.#lastFrame = this.#options.clock.now();
    const { width, height } = frame;
    const colour = this.#decoder?.colour;
    if (this.#info?.width !== width || this.#info.height !== height || this.#info.colour !== colour) {
      const session = this.#session;
      this.#info = {
        codec: session?.track.codec ?? '',
        ...{ width, height },
        fps: session?.track.fps,
        transport: session?.transport ?? 'rtsp',
        ...(colour && { colour }),
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

  #watch(): void {
    const limit = this.#options.stallTimeout ?? DEFAULT_TIMEOUT;
    let units = 0;
    let lastUnit = this.#options.clock.now();
    this.#every(fromMs(Math.max(10, limit / 10_000)), () => {
      const now = this.#options.clock.now();
      if (this.#units !== units) lastUnit = now;
      units = this.#units;
      if (minus(now, this.#lastFrame) > limit) this.#broken.reject(this.#stalled(limit, minus(now, lastUnit)));
    });
  }

  #stalled(limit: Micros, sinceUnit: Micros): FrameliftError {
    const packets = this.#receiver?.packets ?? 0;
    let why = 'no frame arrived';
    let remedy = 'Check the camera.';
    if (packets === 0) {
      why = 'no packet ever arrived';
      if (this.#session?.unreliable) remedy = 'A firewall may be in the way of UDP: set transport to tcp.';
    } else if (sinceUnit < limit) {
      why = this.#decoder?.awaitingKeyframe
        ? 'pictures arrive but no keyframe among them'
        : 'pictures arrive but none can be decoded';
      remedy = "Shorten the camera's keyframe interval, or read it with ffmpeg: ?ingest=ffmpeg.";
    }
    return new FrameliftError('source.stalled', `${why} for ${limit / 1e6} s`, { recoverable: true, remedy });
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

/** Servers have been seen with parameter sets in their description that no decoder takes: then the stream's own must do. */
async function openDecoder(options: VideoDecoderOptions, extradata: Uint8Array): Promise<VideoDecoder> {
  try {
    return await VideoDecoder.open({ ...options, extradata });
  } catch (error) {
    if (extradata.length === 0) throw error;
    return await VideoDecoder.open(options);
  }
}
