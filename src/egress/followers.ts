/**
 * Those beside viewers who take what a publication sends: recordings, and streams handed on to other
 * servers. They take access units, not packets, and each starts with a keyframe.
 */
import type { Micros } from '../time.ts';
import type { SoundUnit } from './audio/sound-out.ts';
import type { EncodedUnit } from './viewer.ts';

/** Somebody who takes access units and sound. What is given is shared: never written to. */
export interface Follower {
  /** Takes an access unit; the first is a keyframe, and `due` rises. Must not block, nor throw. */
  take(unit: EncodedUnit): void;
  /** Takes a piece of sound of {@link Publication.sound}'s codec. Must not block, nor throw. */
  takeSound(unit: SoundUnit): void;
}

/** What a follower can ask for. */
export interface Following extends Disposable {
  /** Asks for a keyframe: its other end has lost something. */
  requestKeyframe(): void;
}

/** Options of {@link Followers}. */
export interface FollowersOptions {
  /** One of them needs a keyframe. */
  readonly keyframe: () => void;
  /** The first one has come, or the last one has left. */
  readonly onPresence: (present: boolean) => void;
}

interface Place {
  /** The form of the units that it takes; undefined: none since it came, or since it missed one. */
  form: 'passed' | 'encoded' | undefined;
  lastDue: Micros | undefined;
}

/** The followers of one publication. */
export class Followers {
  readonly #options: FollowersOptions;
  readonly #places = new Map<Follower, Place>();

  constructor(options: FollowersOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#places.size;
  }

  /**
   * Takes one more.
   * @param kept the source's own units since its last keyframe, which it is given at once.
   */
  enter(follower: Follower, kept: readonly EncodedUnit[]): Following {
    const place: Place = { form: undefined, lastDue: undefined };
    this.#places.set(follower, place);
    for (const unit of kept) this.#offer(follower, place, unit);
    if (this.#places.size === 1) this.#options.onPresence(true);
    if (place.form === undefined) this.#options.keyframe();
    return {
      requestKeyframe: () => this.#options.keyframe(),
      [Symbol.dispose]: () => {
        if (this.#places.delete(follower) && this.#places.size === 0) this.#options.onPresence(false);
      },
    };
  }

  /** Gives a unit to all whose decoders can take it: of the form that they have, or a keyframe. */
  push(unit: EncodedUnit): void {
    for (const [follower, place] of this.#places) this.#offer(follower, place, unit);
  }

  /** Gives a piece of sound to all that have a picture. */
  pushSound(unit: SoundUnit): void {
    for (const [follower, { form }] of this.#places) if (form !== undefined) follower.takeSound(unit);
  }

  #offer(follower: Follower, place: Place, unit: EncodedUnit): void {
    const form = unit.passed ? 'passed' : 'encoded';
    if (place.lastDue !== undefined && unit.due <= place.lastDue) {
      // Behind what it has: a change of form, whose keyframe has to come later.
      if (unit.keyframe && form !== place.form) this.#options.keyframe();
      return;
    }
    if (form !== place.form && !unit.keyframe) {
      if (form === 'encoded' && place.form === 'passed') this.#options.keyframe();
      return;
    }
    place.form = form;
    place.lastDue = unit.due;
    follower.take(unit);
  }
}
