/** One connection of an RTSP source: session, receiver, decoder and watch, put together. */
import { asFrameliftError, FrameliftError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Arena } from '../../media/arena.ts';
import type { Frame } from '../../media/frame.ts';
import { pictureRate } from '../../media/picture-traits.ts';
import type { EventSink } from '../../metrics/events.ts';
import { type Clock, fromMs, type Micros, minus, plus, stoodStill, ZERO } from '../../time.ts';
import { type AddressGuard, OPERATORS_GUARD } from '../address-guard.ts';
import { SoundInlet } from '../audio/inlet.ts';
import { ClockedSink } from '../clock/clocked-sink.ts';
import { Waits } from '../clock/waits.ts';
import { VideoDecoder } from '../decode/decoder.ts';
import type { DeinterlaceChoice } from '../decode/deinterlacer.ts';
import { DecodePump } from '../decode/pump.ts';
import { explainDrops } from '../drop-log.ts';
import { IngestGauge, type IngestLimits } from '../limits.ts';
import { parseRtp, type RtpPacket } from '../rtp/packet.ts';
import { RtpReceiver } from '../rtp/receiver.ts';
import { ReceptionTrace } from '../rtp/reception-trace.ts';
import { parseRtcp, writePictureLoss, writeReceiverReport } from '../rtp/rtcp.ts';
import { SenderChoice } from '../rtp/sender-choice.ts';
import type { FrameSink, SourceInfo } from '../source.ts';
import { SourceLog } from '../source-log.ts';
import { MediaWatch } from './media-watch.ts';
import type { VideoTrack } from './sdp.ts';
import { RtspSession } from './session.ts';
import type { SoundHandlers } from './sound-channel.ts';

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
  /** Default `tcp`: interleaved. `udp` falls back to it where the server refuses, or nothing comes. */
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
  /** Whether frames that hold two fields are taken apart. Default `off`. */
  readonly deinterlace?: DeinterlaceChoice;
  /** Whether the sound beside the video is played, where there is any. Default false. */
  readonly sound?: boolean;
  /** Told whether the connection outlived asking for the sound. */
  readonly soundSettled?: (lived: boolean) => void;
  /** Frames carry the coded bytes that they came in. Default false. */
  readonly keepCoded?: boolean;
  /** Decoder threads, default 1. */
  readonly threads?: number;
}

const DEFAULT_TIMEOUT = fromMs(5000);
const DEFAULT_REORDER_TIMEOUT = fromMs(40);
/** Packets held while one is missing: 60 ms of 100 Mb/s. */
const REORDER_CAPACITY = 512;
const REPORT_INTERVAL = fromMs(5000);
/** Two requests for a keyframe are at least so far apart. */
const KEYFRAME_INTERVAL = fromMs(500);

/** How a run ended that did not break: by its signal, or because nothing came over UDP. */
export type RunEnd = 'stopped' | 'blocked';

/** One connection of a source, from connecting to closed. */
export class RtspRun implements AsyncDisposable {
  readonly #options: RtspOptions;
  readonly #sink: ClockedSink;
  readonly #log: SourceLog;
  readonly #events: EventSink;
  readonly #trace: ReceptionTrace | undefined;
  readonly #watch: MediaWatch;
  readonly #gauge: IngestGauge | undefined;
  readonly #ended = Promise.withResolvers<RunEnd>();
  readonly #timers = new Set<() => void>();
  #session: RtspSession | undefined;
  #receiver: RtpReceiver | undefined;
  #sound: SoundInlet | undefined;
  #senders: SenderChoice | undefined;
  #foreignPackets = 0;
  #decoder: VideoDecoder | undefined;
  #pump: DecodePump | undefined;
  #info: SourceInfo | undefined;
  readonly #waits = new Waits();
  readonly #ssrc = Math.floor(Math.random() * 2 ** 32);
  #asked: Micros | undefined;
  #cancelExpiry: (() => void) | undefined;

  constructor(options: RtspOptions, sink: FrameSink) {
    const { clock, limits, stallTimeout: limit = DEFAULT_TIMEOUT } = options;
    this.#options = options;
    this.#gauge = limits && new IngestGauge(limits);
    this.#sink = new ClockedSink(sink, options);
    this.#log = new SourceLog(options);
    this.#events = explainDrops(options.events, this.#log);
    this.#trace = this.#log.traces ? new ReceptionTrace(this.#log) : undefined;
    this.#watch = new MediaWatch({ limit, log: this.#log, now: clock.now() });
    // Whoever waits for it sees it; until then it is no unhandled rejection.
    this.#ended.promise.catch(() => {});
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
    this.#sound = this.#makeSound(session, this.#receiver);
    await session.play(signal);
    this.#watch.begin(clock.now());
    this.#watchMedia();
    this.#report();
  }

  /** Resolves on abort or without packets over UDP, rejects with the reason when the source breaks. */
  async untilBroken(signal: AbortSignal): Promise<RunEnd> {
    const stop = () => this.#ended.resolve('stopped');
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await this.#ended.promise;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** Asks the camera for a keyframe, where its description says that it listens. */
  requestKeyframe(): boolean {
    const now = this.#options.clock.now();
    const media = this.#receiver?.sender;
    if (media === undefined || !this.#session?.track.takesPli) return false;
    if (this.#asked !== undefined && minus(now, this.#asked) < KEYFRAME_INTERVAL) return true;
    this.#asked = now;
    // Feedback comes behind a report (RFC 4585, section 3.1).
    const report = writeReceiverReport(this.#ssrc, 'framelift', undefined);
    this.#session.sendRtcp(Buffer.concat([report, writePictureLoss(this.#ssrc, media)]));
    this.#log.debug({}, 'keyframe requested: a viewer needs one');
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const cancel of this.#timers) cancel();
    this.#cancelExpiry?.();
    this.#receiver = undefined;
    this.#sound?.close();
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
        rtp: (bytes) => this.#arrived(bytes) && this.#rtp(bytes),
        rtcp: (bytes) => this.#arrived(bytes) && this.#rtcp(bytes),
        sound: this.#soundHandlers(),
        stray: (bytes) => this.#arrived(bytes),
        lost: (error) => this.#ended.reject(error),
      },
      signal,
    );
  }

  /**
   * Servers have been seen with parameter sets in their description that no decoder takes: then the
   * stream's own must do.
   */
  async #openDecoder({ codec, extradata }: VideoTrack): Promise<VideoDecoder> {
    const { arena, clock, stream, limits, threads = 1, deinterlace = 'off', keepCoded = false } = this.#options;
    const options = {
      codec,
      arena,
      clock,
      stream,
      limits,
      threads,
      deinterlace,
      events: this.#events,
      log: this.#log,
      dropLate: false,
      keepCoded: keepCoded && codec === 'h264',
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
      failed: (error) => this.#ended.reject(asFrameliftError(error, 'decode.failed')),
    });
  }

  #makeReceiver({ track, unreliable, ssrc }: RtspSession, pump: DecodePump): RtpReceiver {
    const senders = new SenderChoice(ssrc);
    this.#senders = senders;
    const { clock, stream, reorderTimeout = DEFAULT_REORDER_TIMEOUT } = this.#options;
    const { codec, clockRate, payloadType } = track;
    return new RtpReceiver({
      ...{ codec, clockRate, payloadType, senders },
      foreign: (packet) => this.#foreign(packet),
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

  #soundHandlers(): SoundHandlers | undefined {
    if (this.#options.sound !== true) return undefined;
    return {
      settled: (lived) => this.#options.soundSettled?.(lived),
      rtp: (bytes) => {
        if (!this.#arrived(bytes)) return;
        const packet = parseRtp(bytes, this.#options.clock.now());
        if (packet) this.#sound?.push(packet);
      },
      rtcp: (bytes) => {
        if (this.#arrived(bytes)) for (const event of parseRtcp(bytes)) this.#sound?.rtcp(event);
      },
    };
  }

  #makeSound({ sound: track, unreliable }: RtspSession, { times }: RtpReceiver): SoundInlet | undefined {
    if (!track) return undefined;
    const { clock, stream, reorderTimeout = DEFAULT_REORDER_TIMEOUT } = this.#options;
    return new SoundInlet({
      ...{ track, clock, stream, events: this.#events, log: this.#log, picture: times },
      maxWait: unreliable ? reorderTimeout : ZERO,
      sound: (packet) => this.#sink.sound(packet),
    });
  }

  /** Counts what came, whatever it is. False when it was too much. */
  #arrived(bytes: Uint8Array): boolean {
    const excess = this.#gauge?.packet(bytes.length, this.#options.clock.now());
    if (excess) this.#ended.reject(excess);
    return !excess;
  }

  /** Of another sender: told once, counted. */
  #foreign({ ssrc }: RtpPacket): void {
    this.#foreignPackets += 1;
    this.#events.emit({ type: 'drop', stream: this.#options.stream, stage: 'ingest', reason: 'foreign-sender' });
    if (this.#foreignPackets > 1) return;
    this.#log.warn({ ssrc }, 'a second sender (SSRC) sends on the channel of this video: its packets are left out');
  }

  #rtp(bytes: Uint8Array): void {
    const receiver = this.#receiver;
    const packet = receiver && parseRtp(bytes, this.#options.clock.now());
    if (!packet) return;
    this.#trace?.packet(packet, receiver.lost);
    receiver.push(packet);
    const excess = this.#gauge?.parts(receiver.parts, packet.arrival);
    if (excess) this.#ended.reject(excess);
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
        if (!this.#senders?.goodbye(event.ssrc)) continue;
        this.#ended.reject(new FrameliftError('source.ended', 'the server said goodbye', { recoverable: true }));
      } else {
        this.#receiver?.rtcp(event, this.#options.clock.now());
      }
    }
  }

  #frame(frame: Frame): void {
    this.#watch.frame(this.#options.clock.now());
    const { width, height } = frame;
    const traits = this.#decoder?.traits;
    const waits = this.#waits.of(this.#decoder?.reordered, this.#receiver?.unmarked);
    const before = this.#info;
    if (before?.width !== width || before.height !== height || before.traits !== traits || before.waits !== waits) {
      const session = this.#session;
      this.#info = {
        codec: session?.track.codec ?? '',
        ...{ width, height },
        fps: pictureRate(session?.track.fps, traits),
        transport: session?.transport ?? 'rtsp',
        ...(traits && { traits }),
        ...(waits && { waits }),
        ...(this.#sound && { sound: this.#sound.info }),
      };
      this.#sink.info(this.#info);
    }
    this.#sink.frame(frame);
  }

  /** Calls `fn` every `period` until closed. @param fn told how long the process stood still before. */
  #every(period: Micros, fn: (stood: Micros) => void): void {
    const { clock } = this.#options;
    let cancel = () => {};
    const stop = () => cancel();
    const next = () => {
      const due = plus(clock.now(), period);
      cancel = clock.at(due, () => {
        fn(stoodStill(due, clock.now()));
        next();
      });
    };
    next();
    this.#timers.add(stop);
  }

  #watchMedia(): void {
    const { clock, stallTimeout: limit = DEFAULT_TIMEOUT } = this.#options;
    this.#every(fromMs(Math.min(500, Math.max(10, limit / 10_000))), (stood) => {
      if (stood > ZERO) {
        this.#watch.stoodStill(stood);
        return;
      }
      const reception = {
        packets: this.#receiver?.packets ?? 0,
        awaitingKeyframe: this.#decoder?.awaitingKeyframe ?? true,
        unreliable: this.#session?.unreliable ?? false,
      };
      if (this.#watch.isBlocked(clock.now(), reception)) this.#giveUpUdp();
      const error = this.#watch.check(clock.now(), reception);
      if (error) this.#ended.reject(error);
    });
  }

  #giveUpUdp(): void {
    const { stream } = this.#options;
    this.#log.warn({}, 'no packet came over UDP: a firewall may be in the way. Asking for TCP');
    this.#events.emit({ type: 'reconnect', stream, reason: 'udp-blocked' });
    this.#ended.resolve('blocked');
  }

  /** Receiver reports: the signs of life that some servers insist on. */
  #report(): void {
    this.#every(REPORT_INTERVAL, () => {
      const reception = this.#receiver?.reception(this.#options.clock.now());
      this.#session?.sendRtcp(writeReceiverReport(this.#ssrc, 'framelift', reception));
    });
  }
}
