/**
 * Whether an RTSP source's media still comes, and if not, what is wrong with it. Pure but for the
 * log.
 */
import { FrameliftError } from '../../errors.ts';
import type { AccessUnit } from '../../media/access-unit.ts';
import { fromMs, type Micros, micros, minus, plus, toMs, toSeconds } from '../../time.ts';
import type { SourceLog } from '../source-log.ts';

/**
 * How long is waited for a keyframe before people are told; half of the limit where that is
 * shorter.
 */
const KEYFRAME_TIMEOUT = fromMs(5000);

/**
 * Servers have been seen that answer PLAY and send nothing. Who sends its first packet at all does
 * so sooner than its frames may be apart: after this part of the limit the server is asked anew.
 */
const FIRST_PACKET_SHARE = 0.6;
/** Without a packet over UDP for this long there is a firewall in the way: ffmpeg waits as long. */
const UDP_TIMEOUT = fromMs(3000);

/** Options of {@link MediaWatch}. */
export interface MediaWatchOptions {
  /** Without a frame for this long the source is stalled. */
  readonly limit: Micros;
  readonly log: SourceLog;
  readonly now: Micros;
}

/** How reception stands when it is looked at. */
export interface Reception {
  /** RTP packets so far. */
  readonly packets: number;
  readonly awaitingKeyframe: boolean;
  /** Over UDP. */
  readonly unreliable: boolean;
}

/** Watches one connection. */
export class MediaWatch {
  readonly #limit: Micros;
  readonly #log: SourceLog;
  #started: Micros;
  #lastUnit: Micros | undefined;
  #lastFrame: Micros;
  /** Since the last frame. */
  #units = 0;
  #damagedKeyframes = 0;
  #keyframes = 0;
  #frames = 0;
  #warned = false;

  constructor({ limit, log, now }: MediaWatchOptions) {
    this.#limit = limit;
    this.#log = log;
    this.#started = now;
    this.#lastFrame = now;
  }

  /** Media may come from now on. */
  begin(now: Micros): void {
    this.#started = now;
    this.#lastFrame = now;
  }

  /** The process stood still for so long: what came meanwhile has not been read. */
  stoodStill(span: Micros): void {
    this.#started = plus(this.#started, span);
    this.#lastFrame = plus(this.#lastFrame, span);
    if (this.#lastUnit !== undefined) this.#lastUnit = plus(this.#lastUnit, span);
  }

  /** An access unit came. */
  unit({ keyframe, damaged }: Pick<AccessUnit, 'keyframe' | 'damaged'>, now: Micros): void {
    this.#units += 1;
    this.#lastUnit = now;
    if (!keyframe) return;
    if (damaged) {
      this.#damagedKeyframes += 1;
      return;
    }
    this.#keyframes += 1;
    if (this.#keyframes > 1) return;
    this.#log.debug({ afterMs: toMs(minus(now, this.#started)), before: this.#units - 1 }, 'first keyframe');
  }

  /** A frame was decoded. */
  frame(now: Micros): void {
    this.#frames += 1;
    if (this.#frames === 1) this.#log.debug({ afterMs: toMs(minus(now, this.#started)) }, 'first frame');
    this.#lastFrame = now;
    this.#units = 0;
    this.#damagedKeyframes = 0;
    this.#warned = false;
  }

  /** Nothing came over UDP, long enough to ask for TCP. */
  isBlocked(now: Micros, { packets, unreliable }: Reception): boolean {
    return unreliable && packets === 0 && minus(now, this.#started) > Math.min(UDP_TIMEOUT, this.#limit);
  }

  /**
   * Looks at `now`; the error when no frame came for too long. Says before, in the log, that it
   * waits for a keyframe.
   */
  check(now: Micros, reception: Reception): FrameliftError | undefined {
    const silence = minus(now, this.#lastFrame);
    const patienceFirst = micros(this.#limit * FIRST_PACKET_SHARE);
    if (reception.packets === 0 && minus(now, this.#started) > patienceFirst) {
      return stalled(`no packet ever arrived for ${toSeconds(patienceFirst)} s`, 'Check the camera.');
    }
    if (silence > this.#limit) return this.#stalled(now, reception);
    const patience = Math.min(KEYFRAME_TIMEOUT, this.#limit / 2);
    if (!this.#warned && reception.awaitingKeyframe && this.#units > 0 && silence >= patience) {
      this.#warned = true;
      this.#log.warn({ units: this.#units }, this.#noKeyframe(silence));
    }
    return undefined;
  }

  #stalled(now: Micros, { awaitingKeyframe, unreliable }: Reception): FrameliftError {
    const sinceUnit = this.#lastUnit === undefined ? undefined : minus(now, this.#lastUnit);
    const seconds = toSeconds(this.#limit);
    if (sinceUnit === undefined || sinceUnit >= this.#limit) {
      return stalled(`no frame arrived for ${seconds} s`, 'Check the camera.');
    }
    if (!awaitingKeyframe) {
      return stalled(
        `${this.#units} access units arrived in ${seconds} s and none could be decoded`,
        'Read the camera with ffmpeg: ?ingest=ffmpeg.',
      );
    }
    if (this.#damagedKeyframes > 0) {
      return stalled(
        this.#noKeyframe(this.#limit),
        unreliable ? 'Packets are lost on the way: set transport to tcp.' : 'Check the camera.',
      );
    }
    return stalled(
      this.#noKeyframe(this.#limit),
      "Shorten the camera's keyframe interval, raise stallTimeoutMs above it, or read the camera with ffmpeg: ?ingest=ffmpeg.",
    );
  }

  #noKeyframe(span: Micros): string {
    const seconds = toSeconds(micros(Math.round(span / 1e5) * 1e5));
    const damaged = this.#damagedKeyframes;
    const found = damaged > 0 ? `no whole keyframe (${damaged} damaged)` : 'no keyframe';
    return `${this.#units} access units in ${seconds} s and ${found}: nothing can be decoded without one`;
  }
}

function stalled(message: string, remedy: string): FrameliftError {
  return new FrameliftError('source.stalled', message, { recoverable: true, remedy });
}
