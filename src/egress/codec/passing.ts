/**
 * Sends a source's own access units on to those viewers that take them, and says who is to be sent
 * encoded frames instead: for their decoder's sake, because they are too slow, or because the source's
 * units cannot be sent on. Who changes over does so with a keyframe.
 */
import { FrameliftError } from '../../errors.ts';
import type { Frame } from '../../media/frame.ts';
import { type CancelTimer, type Clock, fromMs, type Micros, micros, minus, plus } from '../../time.ts';
import type { Member } from '../audience.ts';
import { areSingle, packetizeH264 } from '../rtp/packetizer.ts';
import type { EncodedUnit, KeyframeCause, PacketizedUnit, Viewer } from '../viewer.ts';
import { type H264Profile, takesProfile } from './h264-syntax.ts';
import { KeptGroup } from './kept-group.ts';
import { type Hindrance, Passage } from './passage.ts';

/** What viewers of the source variant are sent. */
export const SOURCE_VARIANT_CHOICES = ['auto', 'pass', 'encode'] as const;

/** One of {@link SOURCE_VARIANT_CHOICES}. */
export type SourceVariantChoice = (typeof SOURCE_VARIANT_CHOICES)[number];

/** The source's own access units where that can be (`auto`), or nothing else (`pass`). */
export type PassingChoice = Exclude<SourceVariantChoice, 'encode'>;

/** Options of {@link Passing}. */
export interface PassingOptions {
  readonly stream: string;
  readonly choice: PassingChoice;
  readonly clock: Clock;
  /** Makes the next encoded frame a keyframe. */
  readonly encodeKeyframe: () => void;
  /** Asks the source for a keyframe; false where that cannot be. */
  readonly askSource: () => boolean;
  /** Told of each unit that is sent on, before any viewer is. */
  readonly onUnit: (unit: EncodedUnit) => void;
  /** Sends a unit to one viewer, unless its path does not carry it. */
  readonly send: (viewer: Viewer, item: PacketizedUnit) => void;
  /** How many viewers are sent the source's own access units has changed. */
  readonly onViewers: (count: number) => void;
}

/** How a source is sent on. */
export interface PassingStatus {
  readonly form: 'pass' | 'encode';
  /** Why it is encoded. */
  readonly hindrance: Hindrance | undefined;
}

interface Place {
  form: 'passed' | 'encoded' | 'waiting';
  /** It has had its keyframe in this form. */
  begun: boolean;
  lastDue: Micros;
  /** Kept units, and those that came behind them, that are not sent yet. */
  replay: EncodedUnit[];
  replayedAt: Micros | undefined;
  /** Encoded until then: it was too slow. */
  notBefore: Micros;
  pause: Micros;
  cancel: CancelTimer | undefined;
}

/** Least time between two frames as shown. */
const MIN_STEP = micros(1000);
/** Between kept ones, which are shown as fast as they are decoded: two ticks of RTP's clock. */
const KEPT_STEP = micros(23);
/** Access units that may wait at a viewer while kept ones are sent. */
const MAX_DEPTH = 8;
const FEED_INTERVAL = fromMs(2);
/** More than that waits behind what was kept: the viewer is too slow for it. */
const MAX_REPLAY = 400;
/** A keyframe that the source was asked for comes within this, or the viewer is sent encoded frames. */
const ASKED_TIMEOUT = fromMs(700);
/** A viewer is sent what is kept once in this time. */
const REPLAY_SPACING = fromMs(1000);
/** Who was too slow is sent encoded frames for so long, twice as long each time. */
const FIRST_PAUSE = fromMs(15_000);
const MAX_PAUSE = fromMs(240_000);
/** Without anything that can be sent on for so long, viewers of `pass` are told so and sent away. */
const MAX_HINDRANCE = fromMs(10_000);

const REASONS: Readonly<Record<Hindrance, string>> = {
  apart: 'its frames are not each of one H.264 access unit, sent in the order in which they are shown',
  'b-frames': 'it has B-frames',
  reordered: 'it says that its frames are sent in another order than they are shown in',
  profile: 'players take no H.264 of its profile',
  start: 'no keyframe came yet',
  lost: 'packets were lost, and no keyframe came since',
};

/** A hindrance in words. */
export function describeHindrance(hindrance: Hindrance): string {
  return REASONS[hindrance];
}

/** The source's own access units on their way to the viewers of one publication. */
export class Passing {
  readonly #options: PassingOptions;
  readonly #passage = new Passage();
  readonly #kept = new KeptGroup();
  readonly #places = new Map<Member, Place>();
  /** The last unit that was cut into packets. */
  #packetized: PacketizedUnit | undefined;
  #lastDue: Micros | undefined;
  #hinderedSince: Micros | undefined;
  #reported = 0;
  #closed = false;

  constructor(options: PassingOptions) {
    this.#options = options;
  }

  /** What was asked for. */
  get choice(): PassingChoice {
    return this.#options.choice;
  }

  get status(): PassingStatus {
    const { hindrance } = this.#passage;
    return { form: hindrance === undefined ? 'pass' : 'encode', hindrance };
  }

  /** What formats of an offer are to take; undefined while nothing is known. */
  get profile(): H264Profile | undefined {
    return this.#passage.profile;
  }

  /** What was sent on since the source's last keyframe. */
  get kept(): readonly EncodedUnit[] {
    return this.#kept.units;
  }

  /** Viewers wait for encoded frames. */
  get wantsEncoded(): boolean {
    for (const { form } of this.#places.values()) if (form === 'encoded') return true;
    return false;
  }

  /**
   * Whether a viewer whose offer was answered can be sent what was asked for.
   * @throws FrameliftError `webrtc.no-source`, `webrtc.no-codec`: only the source's own may be sent.
   */
  admit(viewer: Viewer): void {
    const { choice, stream } = this.#options;
    if (choice === 'auto') return;
    const { hindrance } = this.#passage;
    const remedy = 'Set sourceVariant: auto, and it is encoded where it has to be.';
    if (hindrance !== undefined && hindrance !== 'lost' && hindrance !== 'start') {
      const message = `${stream} cannot be sent as it comes: ${REASONS[hindrance]}`;
      throw new FrameliftError('webrtc.no-source', message, { recoverable: true, remedy });
    }
    if (this.#suits(viewer)) return;
    const message = `${stream} is sent as it comes, H.264 ${this.profile} in packetization mode 1, which this player does not take`;
    throw new FrameliftError('webrtc.no-codec', message, { remedy });
  }

  /** The next source frame, which is shown at `due`; borrowed. */
  push(frame: Frame, due: Micros): void {
    const picture = this.#passage.next(frame.coded);
    if (!picture) {
      this.#hindered();
      return;
    }
    this.#hinderedSince = undefined;
    const shown = this.#lastDue !== undefined && due < this.#lastDue + MIN_STEP ? plus(this.#lastDue, MIN_STEP) : due;
    this.#lastDue = shown;
    const { pts, arrival, capture, provenance } = frame;
    const encoded = this.#options.clock.now();
    const unit: EncodedUnit = { ...picture, pts, arrival, capture, provenance, due: shown, encoded, passed: 'live' };
    this.#kept.push(unit);
    this.#options.onUnit(unit);
    for (const [member, place] of this.#places) this.#offer(member, place, unit);
    this.#report();
  }

  /** Whether an encoded unit is for this viewer. */
  takesEncoded(member: Member, { keyframe, due }: EncodedUnit): boolean {
    const place = this.#places.get(member);
    if (place?.form !== 'encoded') return false;
    if (!place.begun) {
      if (!keyframe) return false;
      if (due <= place.lastDue) {
        this.#options.encodeKeyframe();
        return false;
      }
      place.begun = true;
    }
    place.lastDue = due;
    return true;
  }

  /** A viewer needs a keyframe. True: it is seen to; false: the encoder is to make one. */
  keyframeNeeded(member: Member, cause: KeyframeCause, isSilent: boolean): boolean {
    const place = this.#places.get(member) ?? this.#enter(member);
    const done = this.#seeTo(member, place, cause, isSilent);
    this.#report();
    return done;
  }

  /** Nothing new comes: who was sent the source's own units is to be sent the last frame again. */
  silent(): void {
    if (this.#options.choice === 'pass') return;
    for (const place of this.#places.values()) if (place.form !== 'encoded') this.#encode(place);
    this.#report();
  }

  /** A viewer has left. */
  forget(member: Member): void {
    this.#places.get(member)?.cancel?.();
    this.#places.delete(member);
    this.#report();
  }

  /** Sends nothing any more. */
  close(): void {
    this.#closed = true;
    for (const member of [...this.#places.keys()]) this.forget(member);
    this.#kept.clear();
  }

  #enter(member: Member): Place {
    const place: Place = {
      ...{ form: 'waiting', begun: false, lastDue: micros(0), replay: [], replayedAt: undefined },
      ...{ notBefore: micros(0), pause: FIRST_PAUSE, cancel: undefined },
    };
    this.#places.set(member, place);
    return place;
  }

  #suits(viewer: Viewer | undefined): boolean {
    const { profile } = this.#passage;
    return (
      viewer?.codec === 'h264' && !viewer.singleNal && profile !== undefined && takesProfile(viewer.profile, profile)
    );
  }

  #seeTo(member: Member, place: Place, cause: KeyframeCause, isSilent: boolean): boolean {
    const { choice, clock, askSource } = this.#options;
    const strict = choice === 'pass';
    if (place.form === 'encoded') return false;
    if (cause === 'slow' && strict) return true;
    if (cause === 'slow') return this.#slow(place);
    if (place.replay.length > 0) return true;
    const passable = this.#passage.hindrance === undefined && this.#suits(member.viewer);
    if (!strict && (!passable || (isSilent && cause !== 'join'))) return this.#encode(place);
    const now = clock.now();
    const again = place.replayedAt !== undefined && minus(now, place.replayedAt) < REPLAY_SPACING;
    if (passable && !again && this.#kept.units.length > 0) {
      this.#replay(member, place);
      return true;
    }
    if (again && !strict) return this.#slow(place);
    if (!askSource() && !strict) return this.#encode(place);
    place.form = 'waiting';
    place.cancel?.();
    place.cancel = strict ? undefined : clock.at(plus(now, ASKED_TIMEOUT), () => this.#askedInVain(place));
    return true;
  }

  #askedInVain(place: Place): void {
    if (this.#closed || place.form !== 'waiting') return;
    this.#encode(place);
    this.#options.encodeKeyframe();
    this.#report();
  }

  /** Changes over to encoded frames; false, for the encoder is to make a keyframe. */
  #encode(place: Place): false {
    place.cancel?.();
    place.form = 'encoded';
    place.begun = false;
    place.replay = [];
    return false;
  }

  #slow(place: Place): false {
    place.notBefore = plus(this.#options.clock.now(), place.pause);
    place.pause = micros(Math.min(MAX_PAUSE, 2 * place.pause));
    return this.#encode(place);
  }

  #hindered(): void {
    const { choice, clock, encodeKeyframe, stream } = this.#options;
    this.#kept.clear();
    const { hindrance = 'start' } = this.#passage;
    if (choice === 'auto') {
      let changed = false;
      for (const place of this.#places.values()) {
        if (place.form === 'encoded') continue;
        this.#encode(place);
        changed = true;
      }
      if (changed) encodeKeyframe();
      this.#report();
      return;
    }
    const now = clock.now();
    this.#hinderedSince ??= now;
    const passes = hindrance === 'lost' || hindrance === 'start';
    if (passes && minus(now, this.#hinderedSince) < MAX_HINDRANCE) return;
    const reason = `${stream} can no longer be sent as it comes: ${REASONS[hindrance]}`;
    for (const { viewer } of [...this.#places.keys()]) void viewer?.close(reason);
  }

  #offer(member: Member, place: Place, unit: EncodedUnit): void {
    const suits = this.#suits(member.viewer);
    if (place.form !== 'passed' && unit.keyframe && suits && unit.due >= place.notBefore) {
      place.cancel?.();
      place.form = 'passed';
      place.begun = true;
    }
    if (place.form !== 'passed') return;
    if (!suits) {
      if (this.#options.choice === 'pass') {
        void member.viewer?.close(`the source's profile is ${this.profile} now, which this player does not take`);
        return;
      }
      this.#encode(place);
      this.#options.encodeKeyframe();
      return;
    }
    if (place.replay.length === 0) {
      this.#send(member, place, unit);
      return;
    }
    place.replay.push(unit);
    if (place.replay.length <= MAX_REPLAY || this.#options.choice === 'pass') return;
    this.#slow(place);
    this.#options.encodeKeyframe();
  }

  #replay(member: Member, place: Place): void {
    const { clock } = this.#options;
    place.cancel?.();
    place.form = 'passed';
    place.begun = true;
    place.replayedAt = clock.now();
    place.replay = this.#kept.units.map((unit) => ({ ...unit, passed: 'kept' }));
    // They are past: shown as fast as they are decoded, right before what comes next.
    const first = micros(Math.max(clock.now() - place.replay.length * KEPT_STEP, place.lastDue));
    place.lastDue = first;
    this.#feed(member, place);
  }

  #feed(member: Member, place: Place): void {
    const { clock } = this.#options;
    place.cancel = undefined;
    while (place.replay.length > 0 && (member.viewer?.stats.depth ?? 0) < MAX_DEPTH) {
      const unit = place.replay.shift();
      if (unit) this.#send(member, place, unit);
    }
    if (place.replay.length > 0) {
      place.cancel = clock.at(plus(clock.now(), FEED_INTERVAL), () => this.#feed(member, place));
    }
  }

  #send(member: Member, place: Place, unit: EncodedUnit): void {
    const earliest = plus(place.lastDue, KEPT_STEP);
    const due = unit.passed === 'kept' || unit.due < earliest ? earliest : unit.due;
    place.lastDue = due;
    const item = { ...this.#packetize(unit), unit: due === unit.due ? unit : { ...unit, due } };
    if (member.viewer) this.#options.send(member.viewer, item);
  }

  /** The packets of a unit, which most viewers are sent one after the other. */
  #packetize(unit: EncodedUnit): PacketizedUnit {
    if (this.#packetized?.unit.data !== unit.data) {
      const payloads = packetizeH264(unit.data, { whole: true });
      this.#packetized = { unit, payloads, single: areSingle(payloads) };
    }
    return this.#packetized;
  }

  #report(): void {
    let count = 0;
    for (const { form } of this.#places.values()) if (form === 'passed') count += 1;
    if (count === this.#reported) return;
    this.#reported = count;
    this.#options.onViewers(count);
  }
}
