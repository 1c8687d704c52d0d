/** Snapshots: the frame that is shown now, as a picture. */
import { recordOf } from '../egress/provenance.ts';
import { FrameliftError } from '../errors.ts';
import type { Frame } from '../media/frame.ts';
import type { PictureTraits } from '../media/picture-traits.ts';
import { Mutex } from '../mutex.ts';
import type { Snapshot } from '../server/contract.ts';
import { toMs } from '../time.ts';

/** A frame that is shown, the taker's to release, and what is known of its samples. */
export interface ShownFrame {
  readonly frame: Frame;
  readonly traits: PictureTraits | undefined;
}

/** Makes a picture of a frame, which it takes. */
export type PictureMaker = (frame: Frame, traits: PictureTraits | undefined) => Promise<Buffer>;

/**
 * One picture is made at a time, whoever asks; those who ask for what is being made get it, too. No frame is held before
 * its turn.
 */
export class Snapshots {
  readonly #make: PictureMaker;
  readonly #turns = new Mutex();
  readonly #waiting = new Map<string, Promise<Snapshot>>();

  constructor(make: PictureMaker) {
    this.#make = make;
  }

  /**
   * A picture of what `shown` gives when it is its turn.
   * @param key of what is shown. @throws FrameliftError `server.no-frame`, and what making it throws.
   */
  take(key: string, shown: () => ShownFrame | undefined): Promise<Snapshot> {
    const before = this.#waiting.get(key);
    if (before) return before;
    const made = this.#turns
      .run(() => this.#picture(key, shown()))
      .finally(() => {
        this.#waiting.delete(key);
      });
    this.#waiting.set(key, made);
    return made;
  }

  async #picture(key: string, shown: ShownFrame | undefined): Promise<Snapshot> {
    if (!shown) {
      throw new FrameliftError('server.no-frame', `${key} has no frame yet`, {
        recoverable: true,
        remedy: 'Ask again in a second. A source that is read on demand has frames while somebody watches.',
      });
    }
    const { frame, traits } = shown;
    const record = recordOf(frame);
    const captured = new Date(Math.round(toMs(frame.capture)));
    return { jpeg: await this.#make(frame, traits), record, captured };
  }
}
