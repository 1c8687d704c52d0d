/** Frames for models that enlarge: made as much smaller as they make them larger. */
import { FrameliftError } from '../errors.ts';
import type { Arena } from '../media/arena.ts';
import type { Frame } from '../media/frame.ts';
import { PictureFilter } from './filter.ts';

/** Options of {@link Shrinker.open}. */
export interface ShrinkerOptions {
  readonly arena: Arena;
  /** Of what goes in. */
  readonly width: number;
  readonly height: number;
  /** Each side becomes so many times smaller. */
  readonly scale: number;
  /** Id of the model, for messages. */
  readonly model: string;
}

/** Makes frames smaller, bicubic without aliasing. */
export class Shrinker implements Disposable {
  readonly #filter: PictureFilter;
  #count = 0;

  private constructor(filter: PictureFilter) {
    this.#filter = filter;
  }

  /**
   * @param timesteps at which frames will be asked for: such models make the middle alone.
   * @throws FrameliftError `config.invalid` for other times, and for sizes that cannot be divided.
   */
  static async open(
    { arena, width, height, scale, model }: ShrinkerOptions,
    timesteps: readonly number[],
  ): Promise<Shrinker> {
    const unit = 2 * scale;
    if (timesteps.some((t) => t !== 0.5)) {
      throw new FrameliftError('config.invalid', `model "${model}" makes the middle between two frames alone`, {
        remedy: 'Use --factor 2.',
      });
    }
    if (width % unit !== 0 || height % unit !== 0) {
      throw new FrameliftError(
        'config.invalid',
        `model "${model}" makes pictures ${scale} times as large: it is measured on sides that are multiples of ${unit}, not ${width}x${height}`,
      );
    }
    const args = `${width / scale}:${height / scale}:flags=bicubic`;
    return new Shrinker(await PictureFilter.open({ arena, width, height, filter: 'scale', args }));
  }

  /** The smaller frame, with the times of `frame`, which stays the caller's. */
  async shrink(frame: Frame): Promise<Frame> {
    const [small] = await this.#filter.push(frame, this.#count);
    if (!small) throw new FrameliftError('ffmpeg.failed', 'a frame was not made smaller');
    this.#count += 1;
    const { pts, arrival, capture } = frame;
    const shared = small.frame.share({ pts, arrival, capture });
    small.frame.release();
    return shared;
  }

  [Symbol.dispose](): void {
    this.#filter[Symbol.dispose]();
  }
}
