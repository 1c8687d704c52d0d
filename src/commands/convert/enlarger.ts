/** Conversion by a network that makes its frames larger: source frames are enlarged by it, too. */
import type { FrameOutput } from '../../egress/file/writer.ts';
import { FrameliftError } from '../../errors.ts';
import type { InterpJob, InterpResult, Tier } from '../../interp/engine/job.ts';
import type { Arena } from '../../media/arena.ts';
import { matrixCode, UNTOLD } from '../../media/colour.ts';
import { Frame } from '../../media/frame.ts';
import type { PictureTraits } from '../../media/picture-traits.ts';

/** What an {@link Enlarger} works with. */
export interface EnlargerDeps {
  /** An engine whose {@link InterpEngine.scale} is `scale`: it makes times 0, ½ and 1. */
  readonly tier: Pick<Tier, 'interpolate'>;
  readonly scale: number;
  readonly arena: Arena;
  readonly output: Pick<FrameOutput, 'frames' | 'kept'>;
}

/** A source frame, and its enlargement, or the pair that it is to be made from. */
interface Known {
  readonly pixels: number;
  made?: Frame;
  from?: readonly [Frame, Frame];
}

const NO_WORK = { search: 0, network: 0, kernel: 0 };
/** The two frames of a pair. */
const MAX_KNOWN = 2;

/**
 * Gives the frames between two source frames, and source frames, all enlarged. A source frame is what the network makes of it
 * beside the frame before, where the two belong to one scene, else of it alone. Frames that the output keeps from a run before
 * are not computed; what later frames need of them is, and is the same.
 */
export class Enlarger implements Pick<Tier, 'interpolate'>, Disposable {
  readonly scale: number;
  readonly #deps: EnlargerDeps;
  readonly #known: Known[] = [];

  constructor(deps: EnlargerDeps) {
    this.scale = deps.scale;
    this.#deps = deps;
  }

  /** As {@link Tier.interpolate}; the later source frame is enlarged with it. */
  async interpolate({ stream, a, b, timesteps }: InterpJob): Promise<InterpResult> {
    const { output, tier } = this.#deps;
    if (output.frames + timesteps.length <= output.kept) {
      this.#remember({ pixels: b.pixels, from: [a.share(), b.share()] });
      const frames = timesteps.map(() => this.#blank(a));
      return { status: 'done', frames, confidence: undefined, spanMicros: NO_WORK };
    }
    // Other times are asked for where the output holds one rate and the input does not: the middle is shown there.
    const result = await tier.interpolate({ stream, a, b, timesteps: [...timesteps.map(() => 0.5), 1] });
    const made = result.status === 'done' ? result.frames.at(-1) : undefined;
    if (result.status !== 'done' || !made) return result;
    this.#remember({ pixels: b.pixels, made });
    return { ...result, frames: result.frames.slice(0, -1) };
  }

  /** The enlargement of a source frame, at its time; owns `frame`. @throws FrameliftError `engine.failed`. */
  async enlarge(frame: Frame): Promise<Frame> {
    const { output } = this.#deps;
    try {
      if (output.frames < output.kept) return this.#blank(frame);
      const made = await this.#made(frame);
      const { pts, arrival, capture, discontinuity } = frame;
      const provenance = frame.provenance.kind === 'source' ? made.provenance : frame.provenance;
      return made.share({ pts, arrival, capture, discontinuity, provenance });
    } finally {
      frame.release();
    }
  }

  /** Gives up what it holds. */
  [Symbol.dispose](): void {
    for (const known of this.#known.splice(0)) release(known);
  }

  /** Stays its own. */
  async #made(frame: Frame): Promise<Frame> {
    const { pixels } = frame;
    const known =
      this.#known.find((one) => one.pixels === pixels) ??
      this.#remember({ pixels, from: [frame.share(), frame.share()] });
    if (known.made) return known.made;
    const [a = frame, b = frame] = known.from ?? [];
    const result = await this.#deps.tier.interpolate({ stream: 'convert', a, b, timesteps: [1] });
    const made = result.status === 'done' ? result.frames[0] : undefined;
    if (!made) throw new FrameliftError('engine.failed', 'a source frame was not enlarged');
    release(known);
    known.made = made;
    delete known.from;
    return made;
  }

  #remember(known: Known): Known {
    const at = this.#known.findIndex((one) => one.pixels === known.pixels);
    for (const old of at < 0 ? [] : this.#known.splice(at, 1)) release(old);
    this.#known.push(known);
    while (this.#known.length > MAX_KNOWN) {
      const oldest = this.#known.shift();
      if (oldest) release(oldest);
    }
    return known;
  }

  /** A frame of the right size that nobody looks at. */
  #blank({ width, height, pts, arrival, capture, discontinuity, provenance }: Frame): Frame {
    const info = { pts, arrival, capture, discontinuity, provenance };
    return Frame.allocate(this.#deps.arena, this.scale * width, this.scale * height, info);
  }
}

function release({ made, from }: Known): void {
  made?.release();
  for (const frame of from ?? []) frame.release();
}

/**
 * What is told of enlarged pictures: as of the source. Where that does not say its matrix, players guess it by the number of
 * lines, and would guess another one: it is told. Pure.
 */
export function enlargedTraits(traits: PictureTraits | undefined): PictureTraits | undefined {
  if (!traits) return undefined;
  const { stored, colour } = traits;
  if (stored?.form.model !== 'yuv' || stored.codes.matrix !== UNTOLD) return traits;
  return { ...traits, stored: { ...stored, codes: { ...stored.codes, matrix: matrixCode(colour.matrix) } } };
}
