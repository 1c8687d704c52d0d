/**
 * One published variant of one stream: encoded once for all viewers, from frames pushed at their
 * release time.
 */

import { FrameliftError } from '../errors.ts';
import type { Arena } from '../media/arena.ts';
import type { Frame } from '../media/frame.ts';
import type { PictureTraits } from '../media/picture-traits.ts';
import type { Variant } from '../metrics/events.ts';
import { type CancelTimer, fromMs, type Micros, minus, plus } from '../time.ts';
import type { PeerSession } from '../webrtc/endpoint.ts';
import type { CandidateSink } from '../webrtc/transport.ts';
import { Audience, type Member } from './audience.ts';
import { SoundOut } from './audio/sound-out.ts';
import type { EncodingOptions } from './codec/encoding.ts';
import { Passing, type PassingChoice, type PassingStatus } from './codec/passing.ts';
import { Coding } from './coding.ts';
import { type Follower, Followers, type Following } from './followers.ts';
import { FurtherCoding } from './further-coding.ts';
import { connectPeer } from './peer.ts';
import { Presence } from './presence.ts';
import { shownAgain } from './provenance.ts';
import { areSingle, MAX_PAYLOAD, packetizeH264 } from './rtp/packetizer.ts';
import type {
  EncodedUnit,
  KeyframeCause,
  PacketizedUnit,
  PeerSettings,
  Viewer,
  ViewerEvents,
  ViewerStats,
} from './viewer.ts';
import { ViewerMetrics } from './viewer-metrics.ts';

/** Options of {@link Publication}. */
export interface PublicationOptions extends EncodingOptions {
  /**
   * Sends each access unit at a constant distance from its due time instead of as soon as it is
   * encoded: a few milliseconds for an even cadence. Default false.
   */
  readonly even?: boolean;
  /** Where smaller frames are made for weak viewers. Default: none are. */
  readonly arena?: Arena;
  /** Most viewers connected at a time. Default 16. */
  readonly maxViewers?: number;
  /** Whether frames' own access units are sent on where they have them. Default: all are encoded. */
  readonly passing?: {
    readonly choice: PassingChoice;
    /** As `Source.requestKeyframe`. */
    readonly askSource: () => boolean;
  };
  /**
   * Told that somebody is there or on the way, and that nobody has been for 5 s: there is nobody at first.
   */
  readonly onPresence?: (present: boolean) => void;
  /** Frames come only while somebody is there: who joins waits for the first one. Default false. */
  readonly onDemand?: boolean | undefined;
  /** How WebRTC connections are made. */
  readonly peer?: PeerSettings;
  /** For tests: another way to connect. */
  readonly connect?: typeof connectPeer;
}

/** What joining gives back: the session of one viewer. */
export interface ViewerSession extends PeerSession {
  readonly stats: ViewerStats;
}

const DEFAULT_MAX_VIEWERS = 16;
/**
 * A viewer that was too slow may ask this often, so that it does not cost the others their bitrate.
 */
const SLOW_SPACING = fromMs(2000);
/** The last frame is sent again this often while nothing new comes. */
const REFRESH_INTERVAL = fromMs(1000);
/** A viewer that joins gets the last frame at once when nothing new came for this long. */
const STALE = fromMs(150);
/**
 * Bytes of a slice for viewers of packetization mode 0: what x264 adds to keep start codes out of a
 * slice comes on top.
 */
const MAX_SLICE = MAX_PAYLOAD - 100;

/** Takes frames, gives them to viewers. */
export class Publication implements AsyncDisposable {
  readonly stream: string;
  readonly variant: Variant;
  /** The sound beside the frames. */
  readonly sound: SoundOut;
  readonly #options: PublicationOptions;
  readonly #audience: Audience;
  readonly #metrics: ViewerMetrics;
  readonly #followers: Followers;
  readonly #coding: Coding;
  readonly #presence: Presence;
  readonly #further: FurtherCoding;
  readonly #passing: Passing | undefined;
  #last: Frame | undefined;
  #pushedAt: Micros | undefined;
  #cancelRefresh: CancelTimer | undefined;
  #disposed = false;

  constructor(options: PublicationOptions) {
    this.#options = options;
    this.stream = options.stream;
    this.variant = options.variant;
    const { stream, clock, maxViewers = DEFAULT_MAX_VIEWERS } = options;
    this.#audience = new Audience({ stream, clock, maxViewers });
    this.#metrics = new ViewerMetrics(options);
    this.sound = new SoundOut({
      ...options,
      heard: () => this.#taken,
      send: (unit) => {
        this.#audience.sendSound(unit);
        this.#followers.pushSound(unit);
      },
    });
    this.#coding = new Coding({
      ...options,
      packetize: (unit) => this.#packetize(unit),
      onUnit: (unit) => {
        if (this.#passing?.status.form !== 'pass') this.#followers.push(unit);
      },
      send: (unit) => this.#send(unit),
      onKeyframe: () => this.#refreshStale(),
    });
    this.#presence = new Presence({
      clock,
      isEmpty: () => this.#audience.size === 0 && this.#followers.size === 0,
      onChange: (present) => {
        if (!present) void this.#closeEncoders();
        options.onPresence?.(present);
      },
    });
    this.#followers = new Followers({
      keyframe: () => this.#followersNeedKeyframe(),
      onPresence: (present) => (present ? this.#presence.arrived() : this.#presence.left()),
    });
    this.#further = new FurtherCoding({
      ...options,
      viewers: () => this.#audience.viewers((member) => !takesH264(member)),
      onKeyframe: () => this.#refreshStale(),
    });
    const { passing, events } = options;
    this.#passing =
      passing &&
      new Passing({
        ...{ stream, clock, ...passing },
        encodeKeyframe: () => this.#coding.requestKeyframe(),
        onUnit: (unit) => {
          this.#coding.renditions.measure(unit);
          this.#followers.push(unit);
        },
        send: (viewer, item) => this.#coding.renditions.give('full', viewer, item),
        onViewers: (count) => events.emit({ type: 'passed-viewers', stream, count }),
      });
  }

  /**
   * Sends `frame` to all viewers; takes ownership. `due` (default: now) is its even release time
   * and becomes its RTP timestamp. Never blocks, never throws.
   */
  push(frame: Frame, due: Micros = this.#options.clock.now()): void {
    if (this.#disposed) {
      frame.release();
      return;
    }
    this.#last?.release();
    this.#last = frame.share();
    this.#pushedAt = this.#options.clock.now();
    this.#presence.frame();
    this.#coding.observe(frame, due);
    this.#passing?.push(frame, due);
    this.#encode(frame, due);
  }

  /**
   * True once a frame has been pushed: a viewer that joins now sees a frame at once, even when the
   * source is gone.
   */
  get live(): boolean {
    return this.#last !== undefined;
  }

  /** The newest frame, the caller's to release; undefined: there is none yet, or it rests. */
  shown(): Frame | undefined {
    return this.#last?.share();
  }

  /** How frames are sent on; undefined: all are encoded. */
  get passing(): PassingStatus | undefined {
    return this.#passing?.status;
  }

  /** Viewers now, those that are connecting included. */
  get viewers(): number {
    return this.#audience.size;
  }

  /**
   * The encoder's bitrate, bits per second; undefined before the first frame is encoded, unless it
   * is configured.
   */
  get bitrate(): number | undefined {
    return this.#coding.bitrate;
  }

  /**
   * Lets a viewer in by its SDP offer.
   * @param trickle takes our candidates, which the answer then lacks.
   * @param address where the offer came from: places are shared by it.
   * @throws FrameliftError `webrtc.bad-offer`, `webrtc.unacceptable`, `webrtc.no-codec`,
   * `webrtc.overloaded`, `webrtc.busy`, `webrtc.no-source`.
   */
  async join(offer: string, trickle?: CandidateSink, address?: string): Promise<ViewerSession> {
    const { clock, peer = {}, connect = connectPeer, onDemand = false } = this.#options;
    if (this.#disposed || !(this.live || onDemand)) throw this.#noFrame();
    const { promise: ended, resolve: end } = Promise.withResolvers<string>();
    const member = this.#audience.enter(address, end);
    this.#presence.arrived();
    try {
      if (!this.live && !(await this.#presence.nextFrame())) throw this.#noFrame();
      const settings = { ...peer, sound: this.sound.codec, profile: this.#passing?.profile };
      member.viewer = await connect(offer, settings, clock, this.#eventsFor(member), trickle);
      await this.#admit(member.viewer);
    } catch (error) {
      this.#audience.leave(member);
      this.#presence.left();
      throw error;
    }
    const { viewer } = member;
    // The publication may have been closed while the connection was made, or another player may have
    // needed the place.
    if (this.#disposed) await viewer.close('stream stopped');
    else if (!this.#audience.has(member)) {
      await viewer.close('gave way to another player');
      throw new FrameliftError('webrtc.busy', 'too many players are connecting at once', {
        recoverable: true,
        remedy: 'Try again in a second or two.',
      });
    }
    return {
      answer: viewer.answer,
      iceUfrag: viewer.iceUfrag,
      ended,
      get stats() {
        return viewer.stats;
      },
      addCandidate: (candidate) => viewer.addCandidate(candidate),
      close: () => viewer.close('closed by the player'),
    };
  }

  /**
   * Gives all that is sent to `follower`, too, from a keyframe on, until the answer is disposed of. At most one
   * of `follower` at a time.
   */
  follow(follower: Follower): Following {
    return this.#followers.enter(follower, this.#passing?.kept ?? []);
  }

  /** Closes a viewer that cannot be sent what was asked for. @throws FrameliftError as {@link Passing.admit}. */
  async #admit(viewer: Viewer): Promise<void> {
    try {
      this.#passing?.admit(viewer);
    } catch (error) {
      await viewer.close('it cannot be sent what was asked for');
      throw error;
    }
  }

  /** Frames stop until somebody comes: who joins then is to see a new one first. */
  rest(): void {
    this.#last?.release();
    this.#last = undefined;
  }

  /** Changes the encoder's bitrate live, bits per second. */
  setBitrate(bitsPerSecond: number): void {
    this.#coding.setBitrate(bitsPerSecond);
    this.#further.setBitrate(bitsPerSecond);
  }

  /**
   * Colour tags of the frames pushed from now on; undefined = untagged. A change opens the encoder
   * anew.
   */
  setTraits(traits: PictureTraits | undefined): void {
    this.#coding.setTraits(traits);
    this.#further.setTraits(traits);
  }

  /** Closes all viewers and the encoder, releases everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.#presence.close();
    this.#cancelRefresh?.();
    this.sound.close();
    this.#passing?.close();
    await this.#audience.close('stream stopped');
    await Promise.all([this.#coding.close(), this.#further.close()]);
    this.#last?.release();
    this.#last = undefined;
  }

  async #closeEncoders(): Promise<void> {
    await Promise.all([this.#coding.closeEncoders(), this.#further.closeEncoders()]);
  }

  /** Takes ownership of `frame`. */
  #encode(frame: Frame, due: Micros): void {
    this.#cancelRefresh?.();
    if (this.#passing?.choice !== 'pass') {
      const target = this.#passing?.status.form === 'pass' ? 'as measured' : this.#coding.bitrate;
      this.#coding.renditions.push(frame, due, this.#audience.viewers(takesH264), target);
    }
    this.#further.push(frame, due);
    if (!this.#taken) {
      frame.release();
      return;
    }
    const { clock } = this.#options;
    if (this.#wantsH264 || this.#followersWantEncoded) this.#coding.encode(frame, due);
    else frame.release();
    this.#cancelRefresh = clock.at(plus(clock.now(), REFRESH_INTERVAL), () => {
      this.#passing?.silent();
      this.#refresh();
    });
  }

  #send(unit: EncodedUnit): void {
    const passing = this.#passing;
    const takes = passing ? (member: Member): boolean => passing.takesEncoded(member, unit) : takesH264;
    if (passing?.status.form !== 'pass') this.#coding.renditions.measure(unit);
    this.#coding.renditions.full(this.#packetize(unit), this.#audience.viewers(takes));
    this.#reportQueues();
  }

  #packetize(unit: EncodedUnit): PacketizedUnit {
    const { clock } = this.#options;
    const before = clock.now();
    const payloads = packetizeH264(unit.data, { single: this.#audience.singleNal });
    this.#metrics.stage('packetize', minus(clock.now(), before));
    return { unit, payloads, single: areSingle(payloads) };
  }

  #eventsFor(member: Member): ViewerEvents {
    return {
      ...this.#metrics.events,
      keyframeNeeded: (cause) => this.#keyframeNeeded(member, cause),
      ended: (reason) => {
        this.#passing?.forget(member);
        if (!this.#audience.leave(member)) return;
        this.#limitSlices();
        this.#metrics.viewers(this.#audience.connected);
        this.#reportQueues(member.viewer?.capacity);
        member.end(reason);
        this.#presence.left();
      },
    };
  }

  /** Somebody takes what is sent. */
  get #taken(): boolean {
    return this.#audience.connected > 0 || this.#followers.size > 0;
  }

  /** Viewers of H.264 are there that are sent encoded frames. */
  get #wantsH264(): boolean {
    return this.#passing ? this.#passing.wantsEncoded : this.#audience.connectedTo(takesH264) > 0;
  }

  get #followersWantEncoded(): boolean {
    const { choice, status } = this.#passing ?? {};
    return this.#followers.size > 0 && choice !== 'pass' && status?.form !== 'pass';
  }

  #followersNeedKeyframe(): void {
    if (this.#passing?.status.form === 'pass') this.#options.passing?.askSource();
    else this.#coding.wantKeyframe();
  }

  #noFrame(): FrameliftError {
    return new FrameliftError('webrtc.no-source', `${this.stream} has no frame yet`, { recoverable: true });
  }

  #keyframeNeeded(member: Member, cause: KeyframeCause): void {
    const now = this.#options.clock.now();
    if (cause === 'join') {
      if (!this.#audience.admit(member)) return;
      this.#limitSlices();
      this.#metrics.viewers(this.#audience.connected);
    }
    const further = member.viewer && !takesH264(member);
    const own = (further ? this.#further : this.#coding).renditions.requestKeyframe(member.viewer);
    if (cause === 'slow' && !own) {
      if (member.slowAskedAt !== undefined && minus(now, member.slowAskedAt) < SLOW_SPACING) return;
      member.slowAskedAt = now;
    }
    this.#metrics.keyframeAsked(cause);
    if (own) return;
    if (further) this.#further.wantKeyframe();
    else if (!this.#passing?.keyframeNeeded(member, cause, this.#isStale(now))) this.#coding.wantKeyframe();
  }

  /**
   * A viewer of packetization mode 0 takes nothing that is cut: while one is there, the encoder, which
   * all share, makes slices that fit into packets.
   */
  #limitSlices(): void {
    const most = this.#audience.singleNal ? MAX_SLICE : undefined;
    this.#coding.setMaxSlice(most);
  }

  #refreshStale(): void {
    if (this.#isStale(this.#options.clock.now())) this.#refresh();
  }

  #isStale(now: Micros): boolean {
    return this.#pushedAt !== undefined && minus(now, this.#pushedAt) > STALE;
  }

  /**
   * Sends the last frame again: the source is silent and a viewer may have nothing on its screen.
   */
  #refresh(): void {
    if (this.#disposed || !this.#last) return;
    const due = this.#options.clock.now();
    this.#metrics.again(due);
    const provenance = shownAgain(this.#last.provenance);
    this.#encode(this.#last.share({ provenance }), due);
  }

  #reportQueues(capacity = this.#audience.capacity): void {
    this.#metrics.queues(this.#audience.depth, capacity);
  }
}

function takesH264({ viewer }: Member): boolean {
  return viewer?.codec === 'h264';
}
