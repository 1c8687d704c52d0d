/** What the runs of all pushes have in common: how they begin and end. */
import type { SoundCodec } from '../../media/sound.ts';
import { type CancelTimer, type Clock, fromMs, plus } from '../../time.ts';
import type { ParameterSets } from '../codec/parameter-sets.ts';
import type { Push, PushReport, PushSource } from './push.ts';

/** Sound that the source has been said to have is waited for so long: the other side is told of it beforehand. */
const SOUND_WAIT = fromMs(1000);

/** One run of a push. */
export interface Life extends AsyncDisposable {
  /** How it ends. @throws FrameliftError as {@link Push.run}. */
  readonly ended: Promise<'stopped' | 'changed'>;
}

/** A push whose runs are lives, each disposed of at its end. */
export function pushOf(
  label: string,
  begin: (source: PushSource, report: PushReport, signal: AbortSignal) => Life,
): Push {
  return {
    label,
    run: async (source, report, signal) => {
      await using life = begin(source, report, signal);
      // Awaited here: what is returned would be disposed of at once.
      return await life.ended;
    },
  };
}

/** Options of {@link Beginning}. */
export interface BeginningOptions {
  /** Whether the sound goes along. */
  readonly audio: boolean;
  readonly source: PushSource;
  readonly clock: Clock;
  /** Called once. */
  readonly begin: (sets: ParameterSets, sound: SoundCodec | undefined) => void;
}

/** Waits for the first keyframe, and then for the sound, if there is to be any. */
export class Beginning {
  readonly #options: BeginningOptions;
  #sets: ParameterSets | undefined;
  #cancelWait: CancelTimer = () => {};
  #begun = false;

  constructor(options: BeginningOptions) {
    this.#options = options;
  }

  /** Of the first keyframe; undefined before it. */
  get sets(): ParameterSets | undefined {
    return this.#sets;
  }

  /** A keyframe has come; the first one counts. */
  keyframe(sets: ParameterSets): void {
    const { audio, source, clock } = this.#options;
    if (this.#sets) return;
    this.#sets = sets;
    if (!audio || source.sound.codec === undefined) this.#begin(sets, undefined);
    else this.#cancelWait = clock.at(plus(clock.now(), SOUND_WAIT), () => this.#begin(sets, undefined));
  }

  /** Sound has come; what comes before the first keyframe does not count. */
  sound(codec: SoundCodec): void {
    if (this.#options.audio && this.#sets) this.#begin(this.#sets, codec);
  }

  /** Nothing begins any more. */
  close(): void {
    this.#begun = true;
    this.#cancelWait();
  }

  #begin(sets: ParameterSets, sound: SoundCodec | undefined): void {
    if (this.#begun) return;
    this.close();
    this.#options.begin(sets, sound);
  }
}
