/** Frames for outputs that count frames instead of keeping times. */
import type { Frame } from '../../../media/frame.ts';
import type { PictureTraits } from '../../../media/picture-traits.ts';
import { type Micros, micros } from '../../../time.ts';
import type { Counts } from '../resume-state.ts';
import type { Unfinished, VideoOutput } from '../writer.ts';

/** Puts each frame on the nearest point of an even grid that begins with the first: one frame each, none empty. */
export class EvenRate implements VideoOutput {
  readonly #output: VideoOutput;
  readonly #interval: number;
  /** Source frames among the written ones; repeated where nothing came; left out where a place was taken. */
  readonly #counts = { source: 0, repeated: 0, skipped: 0 };
  #start: Micros | undefined;
  #next = 0;
  /** A handle on the last frame written. */
  #last: Frame | undefined;

  /** @param output becomes its own. */
  constructor(output: VideoOutput, fps: { readonly num: number; readonly den: number }) {
    this.#output = output;
    this.#interval = (1e6 * fps.den) / fps.num;
  }

  /** What it took to keep one rate. */
  notes(sourceFrames: number): string[] {
    const { source, repeated, skipped } = this.#counts;
    const notes = this.#output.notes?.(sourceFrames) ?? [];
    const between = sourceFrames - source;
    if (between > 0) {
      notes.push(
        `the output holds one rate only: ${between} of ${sourceFrames} source frames lie between its frames, and are not in it`,
      );
    }
    if (repeated > 0) notes.push(`the output holds one rate only: ${repeated} frames were repeated to fill gaps`);
    if (skipped > 0) notes.push(`the output holds one rate only: ${skipped} frames too many for it were left out`);
    return notes;
  }

  async write(frame: Frame, traits?: PictureTraits): Promise<void> {
    this.#start ??= frame.pts;
    const place = Math.round((frame.pts - this.#start) / this.#interval);
    try {
      if (place < this.#next) {
        this.#counts.skipped += 1;
        return;
      }
      for (; this.#last && this.#next < place; this.#counts.repeated += 1) await this.#put(this.#last, traits);
      if (isSource(frame)) this.#counts.source += 1;
      await this.#put(frame, traits);
      this.#last?.release();
      this.#last = frame.share();
    } finally {
      frame.release();
    }
  }

  get frames(): number {
    return this.#output.frames;
  }

  get kept(): number {
    return this.#output.kept;
  }

  /** Only behind a source frame: a run that goes on from there may have to repeat it, and has looked at no other. */
  async endStep(counts: Counts): Promise<Counts | undefined> {
    return this.#last && isSource(this.#last) ? this.#output.endStep(counts) : undefined;
  }

  async stop(): Promise<Unfinished | undefined> {
    this.#forget();
    return this.#output.stop();
  }

  async finish(): Promise<void> {
    this.#forget();
    await this.#output.finish();
  }

  /** Closing twice is harmless. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#forget();
    await this.#output[Symbol.asyncDispose]();
  }

  /** Borrows `frame`. */
  async #put(frame: Frame, traits: PictureTraits | undefined): Promise<void> {
    const at = micros((this.#start ?? 0) + this.#next * this.#interval);
    this.#next += 1;
    await this.#output.write(frame.share({ pts: at }), traits);
  }

  #forget(): void {
    this.#last?.release();
    this.#last = undefined;
  }
}

/** As it came, or enlarged. */
function isSource({ provenance: { kind } }: Frame): boolean {
  return kind === 'source' || kind === 'enlarged';
}
