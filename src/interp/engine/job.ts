/** What goes into the interpolation engine and what comes out. */
import type { Frame } from '../../media/frame.ts';
import type { PictureArea } from '../../media/picture-area.ts';
import type { Neighbour } from '../../pairing/operators.ts';
import type { Times } from '../../pairing/timesteps.ts';
import type { Micros } from '../../time.ts';
import type { CellShares, WorkSpans } from '../worker/protocol.ts';

/**
 * One pair to interpolate. The caller keeps its handles on `a` and `b`; the engine holds its own
 * while it needs them.
 */
export interface InterpJob {
  readonly stream: string;
  readonly a: Frame;
  readonly b: Frame;
  /**
   * The pair before, and the pair after where there is look-ahead, that move on in the same scene: no
   * cut, repetition, or gap lies there.
   */
  readonly before?: Neighbour;
  readonly after?: Neighbour;
  /**
   * Times between the parents, each 0 < t < 1; or all beyond `b`, each 1 < t ≤ 1.5, for a model that
   * {@link Tier.extrapolates}.
   */
  readonly timesteps: readonly number[];
  /** What is picture in both frames; around it are bars. Absent: all of it. */
  readonly area?: PictureArea;
  /**
   * Cells of less confidence, 0…1, show the nearer parent where that is the lesser evil. Absent: 0, none.
   */
  readonly minConfidence?: number;
  /** Monotonic time after which the job is not worth starting. Absent: never late. */
  readonly deadline?: Micros;
}

/** What became of a job. Failures reject instead. */
export type InterpResult =
  | {
      readonly status: 'done';
      /** One frame per timestep, in order; the caller owns them. */
      readonly frames: readonly Frame[];
      /**
       * 0…1. Where cells are judged (flow networks, the search): the chance that its worst 2 % are not
       * visibly broken. Else exp(−mean expected luma error / 0.1). Undefined: the model does not
       * judge itself (networks without that output, `blend`, `repeat`).
       */
      readonly confidence: number | undefined;
      /** Undefined: cells are not judged. */
      readonly cells?: CellShares | undefined;
      readonly spanMicros: WorkSpans;
    }
  /**
   * `late`: past its deadline before it started. `dropped`: the queue was full. `closed`: the
   * engine was closed.
   */
  | { readonly status: 'refused'; readonly reason: 'late' | 'dropped' | 'closed' };

/** Share of unsure cells beyond which the whole frame gives way. */
const MAX_UNSURE_SHARE = 1 / 3;

/**
 * Whether a frame is not to be shown: too many of its cells have less confidence than the job asked for;
 * where cells are not judged, the frame has. A model that does not judge itself is shown always.
 */
export function isUnsure(
  { confidence, cells }: Pick<Extract<InterpResult, { status: 'done' }>, 'confidence' | 'cells'>,
  minConfidence: number,
): boolean {
  if (cells) return cells.unsure > MAX_UNSURE_SHARE;
  return confidence !== undefined && confidence < minConfidence;
}

/** A model that can be run: what the rungs of a ladder stand on. */
export interface Tier {
  /** Id, as it stands in provenance. */
  readonly model: string;
  readonly times: Times;
  /** Whether it carries the motion of a pair on beyond its later frame. */
  readonly extrapolates: boolean;
  /** Pairs that it works on at the same time. */
  readonly workers: number;
  /** As {@link InterpEngine.interpolate}. */
  interpolate(job: InterpJob): Promise<InterpResult>;
  /** As {@link InterpEngine.warmUp}. */
  warmUp(width: number, height: number): Promise<void>;
}

/** Counters since the start, and the present load. */
export interface InterpStats {
  readonly queued: number;
  readonly capacity: number;
  readonly running: number;
  readonly done: number;
  readonly late: number;
  readonly dropped: number;
  readonly failed: number;
  readonly restarts: number;
}
