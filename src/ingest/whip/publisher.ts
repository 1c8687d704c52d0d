/**
 * One publisher, from its offer to its end: its connection, its packets put in order and decoded.
 */

import { asFrameliftError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Arena } from '../../media/arena.ts';
import type { Frame } from '../../media/frame.ts';
import { SOUND_CLOCK, type SoundPacket } from '../../media/sound.ts';
import type { EventSink } from '../../metrics/events.ts';
import { awaitAnswer, type CancelTimer, type Clock, fromMs, type Micros, minus, plus, ZERO } from '../../time.ts';
import type { TransportSettings } from '../../webrtc/transport.ts';
import { SoundInlet } from '../audio/inlet.ts';
import { Waits } from '../clock/waits.ts';
import { VideoDecoder } from '../decode/decoder.ts';
import { DecodePump } from '../decode/pump.ts';
import { explainDrops } from '../drop-log.ts';
import { IngestGauge, type IngestLimits } from '../limits.ts';
import { ReceptionTrace } from '../rtp/reception-trace.ts';
import type { SourceInfo } from '../source.ts';
import { SourceLog } from '../source-log.ts';
import { type PublishedVideo, readPublication, soundOf } from './offer.ts';
import { WhipPeer } from './peer.ts';
import { WhipReceiver } from './receiver.ts';

/** Options of {@link Publisher}. */
export interface PublisherOptions {
  /** For events and logs. */
  readonly stream: string;
  readonly arena: Arena;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly transport: TransportSettings;
  readonly log: Log;
  /** A publisher that exceeds them is sent away. Default: none. */
  readonly limits?: IngestLimits | undefined;
  /** Whether its sound is played, where it has any. Default false. */
  readonly sound?: boolean;
  /** Frames carry the coded bytes that they came in. Default false. */
  readonly keepCoded?: boolean;
}

/** What a publisher tells its source. */
export interface PublisherEvents {
  /** Hands a frame over: the source owns it. */
  frame(frame: Frame): void;
  /** Hands over a piece of the sound beside the frames. */
  sound(packet: SoundPacket): void;
  /** It is over, for this reason. Called once. */
  ended(reason: string): void;
}

/** How often is looked whether a keyframe is needed. */
const LOOK_INTERVAL = fromMs(50);
/** How long a missing packet of sound is waited for: it is not asked for again. */
const SOUND_REORDER_TIMEOUT = fromMs(40);
/** A publisher that is connected for this long without a frame that can be decoded is of no use. */
const FIRST_FRAME_TIMEOUT = fromMs(10_000);

/** A publisher and its session. */
export class Publisher {
  /** When its offer came. */
  readonly since: Micros;
  readonly #options: PublisherOptions;
  readonly #events: PublisherEvents;
  readonly #video: PublishedVideo;
  readonly #decoder: VideoDecoder;
  readonly #pump: DecodePump;
  readonly #receiver: WhipReceiver;
  readonly #sound: SoundInlet | undefined;
  #peer: WhipPeer | undefined;
  readonly #waits = new Waits();
  #frames = 0;
  /** A viewer needs a keyframe, and it was not asked for yet. */
  #keyframeWanted = false;
  #cancelLook: CancelTimer = () => {};
  #cancelDeadline: CancelTimer | undefined;
  #cancelFirstFrame: CancelTimer = () => {};
  #closing: Promise<void> | undefined;

  private constructor(
    video: PublishedVideo,
    decoder: VideoDecoder,
    options: PublisherOptions,
    events: PublisherEvents,
  ) {
    const { clock, stream, limits } = options;
    this.since = clock.now();
    this.#options = options;
    this.#events = events;
    this.#video = video;
    this.#decoder = decoder;
    this.#pump = new DecodePump({
      ...{ decoder, clock, stream, limits, events: options.events },
      frame: (frame) => this.#frame(frame),
      failed: (error) => void this.close(asFrameliftError(error, 'decode.failed').message),
    });
    this.#receiver = new WhipReceiver({
      video,
      wallAt: (instant) => plus(clock.wall(), minus(instant, clock.now())),
      complete: (unit) => this.#pump.push(unit),
      lost: (packets) => options.events.emit({ type: 'ingest-loss', stream, packets }),
    });
    this.#sound = this.#openSound();
  }

  /**
   * Takes a publisher's offer.
   * @throws FrameliftError `webrtc.bad-offer`, `webrtc.unacceptable`, `decode.failed`,
   * `server.failed`.
   */
  static async open(offer: string, options: PublisherOptions, events: PublisherEvents): Promise<Publisher> {
    const video = readPublication(offer, options.sound === true);
    const { arena, clock, stream, limits } = options;
    const log = new SourceLog(options);
    const watched = { ...options, events: explainDrops(options.events, log) };
    const decoder = await VideoDecoder.open({
      ...{ codec: video.codec, arena, clock, stream, limits, log, dropLate: false },
      events: watched.events,
      keepCoded: (options.keepCoded ?? false) && video.codec === 'h264',
    });
    const session = new Publisher(video, decoder, watched, events);
    const trace = log.traces ? new ReceptionTrace(log) : undefined;
    const gauge = limits && new IngestGauge(limits);
    try {
      session.#peer = await WhipPeer.open(video, options.transport, clock, {
        connected: () => session.#connected(),
        packet: (packet) => {
          if (packet.payloadType === session.#soundType) session.#sound?.push(packet);
          else {
            trace?.packet(packet, session.#receiver.counts.lost);
            session.#receiver.push(packet);
          }
          const { payload, arrival } = packet;
          const excess = gauge?.packet(payload.length, arrival) ?? gauge?.parts(session.#receiver.parts, arrival);
          if (excess) void session.close(excess.message);
          session.#setDeadline();
        },
        rtcp: (event) => {
          session.#receiver.rtcp(event, clock.now());
          session.#sound?.rtcp(event);
        },
        report: () => session.#receiver.reception(clock.now()),
        broken: (reason) => void session.close(reason),
      });
      return session;
    } catch (error) {
      await decoder.close();
      throw error;
    }
  }

  /** True once the publisher has proven by ICE that it is there. */
  get reached(): boolean {
    return this.#peer?.reached ?? false;
  }

  /** How long it has been silent since it connected. */
  get silence(): Micros {
    return this.#peer?.silence ?? ZERO;
  }

  /** SDP answer with all candidates. */
  get answer(): string {
    return this.#peer?.answer ?? '';
  }

  /** The publisher's ICE user name. */
  get iceUfrag(): string {
    return this.#video.remote.ufrag;
  }

  /** Takes a candidate of the publisher's that was not in its offer. */
  addCandidate(candidate: string): void {
    this.#peer?.addCandidate(candidate);
  }

  /** What is known of the video. Width and height are 0 before the first frame. */
  get info(): SourceInfo {
    const { width, height } = this.#decoder.size;
    const { traits } = this.#decoder;
    const waits = this.#waits.of(this.#decoder.reordered, this.#receiver.unmarked);
    const { codec } = this.#video;
    return {
      ...{ codec, width, height, fps: undefined, transport: 'whip' },
      ...(traits && { traits }),
      ...(waits && { waits }),
      ...(this.#sound && { sound: this.#sound.info }),
    };
  }

  /** Asks for a keyframe. False: it offered no way to. */
  requestKeyframe(): boolean {
    if (!this.#receiver.takesPli) return false;
    this.#keyframeWanted = true;
    this.#advance();
    return true;
  }

  /** Closes everything of it; `ended` is called first. Closing twice is harmless. */
  close(reason: string): Promise<void> {
    this.#closing ??= this.#close(reason);
    return this.#closing;
  }

  async #close(reason: string): Promise<void> {
    this.#cancelLook();
    this.#cancelDeadline?.();
    this.#cancelFirstFrame();
    const { packets, lost } = this.#receiver.counts;
    this.#log('publisher closing', { reason, packets, lost, frames: this.#frames });
    this.#sound?.close();
    this.#events.ended(reason);
    await this.#peer?.close();
    await this.#pump.close();
    await this.#decoder.close();
  }

  get #soundType(): number | undefined {
    return this.#video.audio?.formats[0]?.payloadType;
  }

  #openSound(): SoundInlet | undefined {
    const info = soundOf(this.#video);
    const payloadType = this.#soundType;
    if (!info || payloadType === undefined) return undefined;
    const { clock, stream, events, log } = this.#options;
    return new SoundInlet({
      track: { ...info, payloadType, clockRate: SOUND_CLOCK[info.sent], channels: 2, aac: undefined },
      ...{ clock, stream, events, maxWait: SOUND_REORDER_TIMEOUT, picture: this.#receiver.times },
      log: { warn: (fields, message) => log.warn({ stream, peer: this.iceUfrag, ...fields }, message) },
      sound: (packet) => this.#events.sound(packet),
    });
  }

  #connected(): void {
    this.#cancelFirstFrame = awaitAnswer(this.#options.clock, FIRST_FRAME_TIMEOUT, () => {
      const { packets } = this.#receiver.counts;
      const why = packets === 0 ? 'it sent no video' : 'none of its frames could be decoded';
      void this.close(`${why} for ${FIRST_FRAME_TIMEOUT / 1e6} s`);
    });
    this.#look();
  }

  #look(): void {
    this.#advance();
    const { clock } = this.#options;
    this.#cancelLook = clock.at(plus(clock.now(), LOOK_INTERVAL), () => this.#look());
  }

  /** Wakes up when something that is missing is due. */
  #setDeadline(): void {
    const due = this.#receiver.deadline;
    if (due === undefined || this.#cancelDeadline || this.#closing) return;
    this.#cancelDeadline = this.#options.clock.at(due, () => {
      this.#cancelDeadline = undefined;
      this.#advance();
      this.#setDeadline();
    });
  }

  #advance(): void {
    const lost = this.#decoder.awaitingKeyframe || this.#pump.awaitingKeyframe;
    const keyframeNeeded = lost || this.#keyframeWanted;
    const requests = this.#receiver.advance(this.#now(), keyframeNeeded);
    if (!requests) return;
    if (requests.packets.length > 0) this.#peer?.requestPackets(requests.ssrc, requests.packets);
    if (!requests.keyframe) return;
    this.#keyframeWanted = false;
    const why = lost ? 'nothing can be decoded without one' : 'a viewer needs one';
    this.#log(`keyframe requested: ${why}`, { packets: this.#receiver.counts.packets });
    this.#peer?.requestKeyframe(requests.ssrc);
  }

  #frame(frame: Frame): void {
    if (this.#frames === 0) this.#cancelFirstFrame();
    this.#frames += 1;
    this.#events.frame(frame);
  }

  #log(message: string, fields: object): void {
    const { log, stream } = this.#options;
    log.debug({ stream, peer: this.iceUfrag, ...fields }, message);
  }

  #now(): Micros {
    return this.#options.clock.now();
  }
}
