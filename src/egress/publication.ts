/** One published variant of one stream: encoded once for all viewers, from frames pushed at their release time. */
import { FrameliftError } from '../errors.ts';
import type { Frame } from '../frame.ts';
import type { EventSink, StageName, Variant } from '../metrics/events.ts';
import { type CancelTimer, type Clock, fromMs, type Micros, minus, plus } from '../time.ts';
import { connectPeer } from './connect.ts';
import { type ColourTags, type EncoderPreset, VideoEncoder, type VideoEncoderOptions } from './encode.ts';
import { SendLead } from './lead.ts';
import { packetizeH264 } from './packetize.ts';
import { defaultBitrate } from './rate.ts';
import type { AccessUnit, KeyframeCause, PeerSettings, Viewer, ViewerEvents, ViewerStats } from './viewer.ts';

/** Makes a connection for an SDP offer. */
type Connect = (offer: string, settings: PeerSettings, clock: Clock, events: ViewerEvents) => Promise<Viewer>;

/** What a publication needs of an encoder. */
export type Encoder = Pick<
  VideoEncoder,
  'encode' | 'requestKeyframe' | 'setBitrate' | 'bitrate' | 'depth' | 'capacity' | 'close'
>;

/** Options of {@link Publication}. */
export interface PublicationOptions {
  readonly stream: string;
  readonly variant: Variant;
  readonly clock: Clock;
  readonly events: EventSink;
  /** Nominal output rate, frames per second. The real one is measured. */
  readonly fps: number;
  /** Bits per second; undefined = by pixels and rate. */
  readonly bitrate?: number;
  /** Sends each picture at a constant distance from its due time instead of as soon as it is encoded: a few milliseconds for an even cadence. Default false. */
  readonly even?: boolean;
  /** Default `superfast`. */
  readonly preset?: EncoderPreset;
  /** Most viewers at a time. Default 16. */
  readonly maxViewers?: number;
  /** How WebRTC connections are made. */
  readonly peer?: PeerSettings;
  /** Encoding failed; it is tried again with a later frame. */
  readonly onError?: (error: FrameliftError) => void;
  /** For tests: another way to connect. */
  readonly connect?: Connect;
  /** For tests: another encoder. */
  readonly createEncoder?: (options: VideoEncoderOptions) => Encoder;
}

/** What joining gives back: the session of one viewer. */
export interface ViewerSession {
  /** SDP answer with all candidates. */
  readonly answer: string;
  /** Resolves once, with the reason, when the session has ended. */
  readonly ended: Promise<string>;
  readonly stats: ViewerStats;
  /** Ends the session. Calling it twice is harmless. */
  close(): Promise<void>;
}

const DEFAULT_MAX_VIEWERS = 16;
/** At most one keyframe per this on request: further requests wait and share the next. */
const KEYFRAME_SPACING = fromMs(300);
/** A viewer that was too slow may ask this often, so that it does not cost the others their bitrate. */
const SLOW_SPACING = fromMs(2000);
/** The last frame is sent again this often while nothing new comes. */
const REFRESH_EVERY = fromMs(1000);
/** A viewer that joins gets the last frame at once when nothing new came for this long. */
const STALE = fromMs(150);
/** The encoder stays open this long after the last viewer: a reload finds it warm. */
const LINGER = fromMs(5000);

interface Member {
  viewer: Viewer | undefined;
  slowAskedAt: Micros | undefined;
  readonly end: (reason: string) => void;
}

/** Takes frames, gives them to viewers. */
export class Publication implements AsyncDisposable {
  readonly stream: string;
  readonly variant: Variant;
  readonly #options: PublicationOptions;
  readonly #members = new Set<Member>();
  #bitrate: number | undefined;
  #colour: ColourTags | undefined;
  #encoder: Encoder | undefined;
  #encoderClosing: Promise<void> | undefined;
  #last: Frame | undefined;
  #pushedAt: Micros | undefined;
  #refreshDue: Micros | undefined;
  #latencyOf: Micros | undefined;
  #keyframeAt: Micros | undefined;
  #cancelKeyframe: CancelTimer | undefined;
  #cancelRefresh: CancelTimer | undefined;
  #cancelLinger: CancelTimer | undefined;
  readonly #lead = new SendLead();
  /** Encoded, to be sent at their time. At most as many as the encoder's queue gives within {@link SendLead}. */
  #held: AccessUnit[] = [];
  #cancelHeld: CancelTimer | undefined;
  #disposed = false;

  constructor(options: PublicationOptions) {
    this.#options = options;
    this.stream = options.stream;
    this.variant = options.variant;
    this.#bitrate = options.bitrate;
  }

  /** Sends `frame` to all viewers; takes ownership. `due` (default: now) is its even release time and becomes its RTP timestamp. Never blocks, never throws. */
  push(frame: Frame, due: Micros = this.#options.clock.now()): void {
    if (this.#disposed) {
      frame.release();
      return;
    }
    this.#last?.release();
    this.#last = frame.share();
    this.#pushedAt = this.#options.clock.now();
    this.#encode(frame, due);
  }

  /** True once a frame has been pushed: a viewer that joins now sees a picture at once, even when the source is gone. */
  get live(): boolean {
    return this.#last !== undefined;
  }

  /** Viewers now, those that are connecting included. */
  get viewers(): number {
    return this.#members.size;
  }

  /** The encoder's bitrate, bits per second; undefined before the first frame is encoded, unless it is configured. */
  get bitrate(): number | undefined {
    return this.#encoder?.bitrate ?? this.#bitrate;
  }

  /** Lets a viewer in by its SDP offer. @throws FrameliftError `webrtc.bad-offer`, `webrtc.unacceptable`, `webrtc.overloaded`, `webrtc.no-source`. */
  async join(offer: string): Promise<ViewerSession> {
    const { clock, maxViewers = DEFAULT_MAX_VIEWERS, peer = {}, connect = connectPeer } = this.#options;
    if (this.#disposed || !this.live) {
      throw new FrameliftError('webrtc.no-source', `${this.stream} has no picture yet`, { recoverable: true });
    }
    if (this.#members.size >= maxViewers) {
      throw new FrameliftError('webrtc.overloaded', `${this.stream} already has ${maxViewers} viewers`, {
        recoverable: true,
        remedy: 'Raise maxViewers, or try again later.',
      });
    }
    const { promise: ended, resolve: end } = Promise.withResolvers<string>();
    const member: Member = { viewer: undefined, slowAskedAt: undefined, end };
    this.#members.add(member);
    try {
      member.viewer = await connect(offer, peer, clock, this.#eventsFor(member));
    } catch (error) {
      this.#members.delete(member);
      throw error;
    }
    const { viewer } = member;
    // The publication may have been closed while the connection was made.
    if (this.#disposed) await viewer.close('stream stopped');
    this.#cancelLinger?.();
    this.#reportViewers();
    return {
      answer: viewer.answer,
      ended,
      get stats() {
        return viewer.stats;
      },
      close: () => viewer.close('closed by the player'),
    };
  }

  /** Changes the encoder's bitrate live, bits per second. */
  setBitrate(bitsPerSecond: number): void {
    this.#bitrate = bitsPerSecond;
    this.#encoder?.setBitrate(bitsPerSecond);
    this.#reportBitrate(bitsPerSecond);
  }

  /** Colour tags of the frames pushed from now on; undefined = untagged. A change opens the encoder anew. */
  setColour(colour: ColourTags | undefined): void {
    if (colour?.matrix === this.#colour?.matrix && colour?.range === this.#colour?.range) return;
    this.#colour = colour;
    void this.#closeEncoder();
  }

  /** Closes all viewers and the encoder, releases everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.#cancelKeyframe?.();
    this.#cancelRefresh?.();
    this.#cancelHeld?.();
    this.#held = [];
    await Promise.all([...this.#members].map((member) => member.viewer?.close('stream stopped')));
    this.#cancelLinger?.();
    await this.#closeEncoder();
    this.#last?.release();
    this.#last = undefined;
  }

  /** Takes ownership of `frame`. */
  #encode(frame: Frame, due: Micros): void {
    this.#cancelRefresh?.();
    if (!this.#watched()) {
      frame.release();
      return;
    }
    const { clock } = this.#options;
    this.#encoder ??= this.#openEncoder(frame);
    const encoder = this.#encoder;
    encoder.encode(frame, due);
    this.#queueEvent('encode', encoder.depth, encoder.capacity);
    this.#cancelRefresh = clock.at(plus(clock.now(), REFRESH_EVERY), () => this.#refresh());
  }

  #watched(): boolean {
    for (const { viewer } of this.#members) if (viewer?.connected) return true;
    return false;
  }

  #openEncoder(frame: Frame): Encoder {
    const { clock, fps, preset, onError, createEncoder } = this.#options;
    const colour = this.#colour;
    const bitrate = this.#bitrate ?? defaultBitrate(frame.width, frame.height, fps);
    const options: VideoEncoderOptions = {
      clock,
      fps,
      bitrate,
      ...(preset ? { preset } : {}),
      ...(colour ? { colour } : {}),
      onAccessUnit: (unit, span) => this.#deliver(unit, span),
      onDrop: () => this.#dropEvent('encode', 'queue-full', 1),
      onError: (error) => onError?.(error),
    };
    this.#reportBitrate(bitrate);
    return createEncoder ? createEncoder(options) : new VideoEncoder(options);
  }

  async #closeEncoder(): Promise<void> {
    const encoder = this.#encoder;
    this.#encoder = undefined;
    if (encoder) this.#encoderClosing = encoder.close();
    await this.#encoderClosing;
  }

  #deliver(unit: AccessUnit, span: Micros): void {
    const { clock, events, even } = this.#options;
    this.#stageEvent('encode', span);
    if (unit.keyframe) events.emit({ type: 'keyframe', stream: this.stream, variant: this.variant });
    if (!even) {
      this.#send(unit);
      return;
    }
    this.#lead.observe(minus(clock.now(), unit.due));
    this.#held.push(unit);
    this.#sendHeld();
  }

  /** Sends what is held in order, each at its due time plus the lead. */
  #sendHeld(): void {
    const { clock } = this.#options;
    this.#cancelHeld?.();
    for (let unit = this.#held[0]; unit; unit = this.#held[0]) {
      const at = plus(unit.due, this.#lead.value);
      if (at > clock.now()) {
        this.#cancelHeld = clock.at(at, () => this.#sendHeld());
        return;
      }
      this.#held.shift();
      this.#send(unit);
    }
  }

  #send(unit: AccessUnit): void {
    const { clock } = this.#options;
    const before = clock.now();
    const item = { unit, payloads: packetizeH264(unit.data) };
    this.#stageEvent('packetize', minus(clock.now(), before));
    let deepest = 0;
    let capacity = 0;
    for (const { viewer } of this.#members) {
      if (!viewer) continue;
      viewer.send(item);
      deepest = Math.max(deepest, viewer.stats.depth);
      capacity = viewer.capacity;
    }
    if (capacity > 0) this.#queueEvent('peer', deepest, capacity);
  }

  #eventsFor(member: Member): ViewerEvents {
    const { clock, events } = this.#options;
    const { stream, variant } = this;
    return {
      keyframeNeeded: (cause) => this.#keyframeNeeded(member, cause),
      sent: (unit, packets, bytes) => {
        const now = clock.now();
        events.emit({ type: 'sent', stream, variant, bytes, packets });
        this.#stageEvent('peer', minus(now, unit.encoded));
        if (unit.due === this.#latencyOf || unit.due === this.#refreshDue) return;
        this.#latencyOf = unit.due;
        events.emit({ type: 'latency', stream, variant, span: minus(now, unit.arrival) });
      },
      retransmitted: (packets) => events.emit({ type: 'retransmit', stream, variant, packets }),
      dropped: (units) => this.#dropEvent('peer', 'viewer-slow', units),
      ended: (reason) => {
        if (!this.#members.delete(member)) return;
        this.#reportViewers();
        member.end(reason);
        if (this.#members.size === 0) this.#linger();
      },
    };
  }

  #linger(): void {
    const { clock } = this.#options;
    this.#cancelLinger?.();
    this.#cancelLinger = clock.at(plus(clock.now(), LINGER), () => {
      if (this.#members.size === 0) void this.#closeEncoder();
    });
  }

  #keyframeNeeded(member: Member, cause: KeyframeCause): void {
    const { clock, events } = this.#options;
    const now = clock.now();
    if (cause === 'slow') {
      if (member.slowAskedAt !== undefined && minus(now, member.slowAskedAt) < SLOW_SPACING) return;
      member.slowAskedAt = now;
    }
    events.emit({
      type: 'keyframe-request',
      stream: this.stream,
      variant: this.variant,
      cause: cause === 'slow' ? 'join' : cause,
    });
    if (this.#disposed || this.#cancelKeyframe) return;
    const due = this.#keyframeAt === undefined ? now : plus(this.#keyframeAt, KEYFRAME_SPACING);
    if (due <= now) this.#makeKeyframe();
    else {
      this.#cancelKeyframe = clock.at(due, () => {
        this.#cancelKeyframe = undefined;
        this.#makeKeyframe();
      });
    }
  }

  #makeKeyframe(): void {
    const now = this.#options.clock.now();
    this.#keyframeAt = now;
    this.#encoder?.requestKeyframe();
    if (this.#pushedAt !== undefined && minus(now, this.#pushedAt) > STALE) this.#refresh();
  }

  /** Sends the last frame again: the source is silent and a viewer may have nothing on its screen. */
  #refresh(): void {
    if (this.#disposed || !this.#last) return;
    this.#refreshDue = this.#options.clock.now();
    this.#encode(this.#last.share(), this.#refreshDue);
  }

  #reportViewers(): void {
    const { stream, variant } = this;
    this.#options.events.emit({ type: 'viewers', stream, variant, count: this.#members.size });
  }

  #reportBitrate(bitsPerSecond: number): void {
    const { stream, variant } = this;
    this.#options.events.emit({ type: 'encoder-bitrate', stream, variant, bitsPerSecond });
  }

  #stageEvent(stage: StageName, span: Micros): void {
    this.#options.events.emit({ type: 'stage', stream: this.stream, stage, span });
  }

  #queueEvent(stage: StageName, depth: number, capacity: number): void {
    this.#options.events.emit({ type: 'queue', stream: this.stream, stage, depth, capacity });
  }

  #dropEvent(stage: StageName, reason: 'queue-full' | 'viewer-slow', count: number): void {
    this.#options.events.emit({ type: 'drop', stream: this.stream, stage, reason, count });
  }
}
