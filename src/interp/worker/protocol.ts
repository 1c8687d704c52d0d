/**
 * What the engine and its workers say to each other: small, numbers only; pixels stay in the arena.
 */
import type { ErrorCode } from '../../errors.ts';
import type { SampleForm } from '../../media/deep-layout.ts';
import type { Times } from '../../pairing/timesteps.ts';
import type { Micros } from '../../time.ts';
import type { NetworkBytes } from '../models/file.ts';
import type { ModelKind } from '../models/manifest.ts';
import type { Provider } from '../providers/provider.ts';

/** What a worker is started with. */
export interface WorkerSetup {
  readonly memory: WebAssembly.Memory;
  /**
   * `blend`: no network. `search`: block search without a network. Else a network, and the
   * times that the manifest gives it.
   */
  readonly model: 'blend' | 'search' | { readonly id: string; readonly file: NetworkBytes; readonly times: Times };
  /** Sides are padded to a multiple of this many luma samples. */
  readonly multiple: number;
  readonly threads: number;
  readonly provider: Provider;
  /**
   * How much of a real frame's noise interpolated frames get back, 0…1; 0: none, and no scratch for
   * it.
   */
  readonly grain: number;
  /** Most pairs of a run, of networks that {@link NetworkFacts.batches}. */
  readonly batch: number;
}

/** What a worker thread is given when it starts. */
export interface WorkerData extends WorkerSetup {
  /**
   * One int32, counted up on each way into and out of ONNX Runtime. Odd: in it, where the thread
   * cannot be ended without ending the process.
   */
  readonly nativeCalls: Int32Array<SharedArrayBuffer>;
}

/** What a network turned out to be once a worker had opened it: what the engine must provide. */
export interface NetworkFacts {
  readonly kind: ModelKind;
  /** Works with the block search: needs the pyramids of both frames. */
  readonly seeded: boolean;
  readonly times: Times;
  /**
   * Whether a run can work on several pairs: the first dimension of all that goes in and comes out
   * is free. Else they are run one after the other.
   */
  readonly batches: boolean;
  /**
   * How many times as large as its parents each way what it makes is. Absent: once. Others make the
   * parents, too: times 0 and 1.
   */
  readonly scale?: number;
  /** Of kind `flow`: whether it weighs candidates, and the kernel makes the field. Absent: it does not. */
  readonly chooses?: boolean;
  /** Of a network of kind `rgb`. */
  readonly rgb?: RgbFacts;
}

/**
 * Whether a worker makes frames in the form of their parents, too: where it knows their motion, or
 * needs none. `network` undefined: it has none. Other networks give pixels, of 8 bits.
 */
export function deepens(network: Pick<NetworkFacts, 'kind'> | undefined): boolean {
  return network === undefined || network.kind === 'flow';
}

/** What an `rgb` network's images take. */
export interface RgbFacts {
  /** Sides are padded to a multiple of this many samples; one that fixes its size pads less. */
  readonly multiple: number;
  /** Planes that go in; three come out. */
  readonly planes: number;
  /** Bytes of a sample. */
  readonly inputBytes: 2 | 4;
  readonly outputBytes: 2 | 4;
}

/** Pyramid of one frame: where it is, and whether it is already filled; if not, the run fills it. */
export interface WirePyramid {
  readonly offset: number;
  readonly ready: boolean;
}

/**
 * The frames of a job in the form that they came in, beside their I420 blocks: offsets of blocks as
 * `deepLayout` places them.
 */
interface WireDeep {
  readonly form: SampleForm;
  readonly a: number;
  readonly b: number;
  /** One per timestep, undefined samples. */
  readonly outs: readonly number[];
}

/**
 * The vectors that the block search finds for a pair, kept for the pairs beside it: float32
 * [3][gridHeight][gridWidth] as `searchRows` writes it.
 */
export interface WireSeed {
  readonly offset: number;
  /** Whether it is already filled; if not, the run fills it. */
  readonly ready: boolean;
}

/** The pair beside a job's, which shares a frame with it. */
export interface WireNeighbour {
  /** Its other frame, and that frame's pyramid: for a seed that is not ready; else there is no such pyramid. */
  readonly frame: number;
  readonly pyramid: WirePyramid;
  readonly seed: WireSeed;
  /** Its time from frame to frame, over the job's. */
  readonly ratio: number;
}

/** A pair to interpolate. All offsets are bytes in the arena. */
export interface WireJob {
  readonly width: number;
  readonly height: number;
  readonly a: number;
  readonly b: number;
  readonly timesteps: readonly number[];
  /** One frame block per timestep, undefined pixels. */
  readonly outs: readonly number[];
  /** Only of workers that {@link deepens}, where both frames have the same form. */
  readonly deep?: WireDeep;
  readonly scratch: number;
  readonly pyramidA: WirePyramid;
  readonly pyramidB: WirePyramid;
  /** Where the job's own vectors are kept, of workers that search themselves. */
  readonly seed?: WireSeed;
  readonly before?: WireNeighbour;
  readonly after?: WireNeighbour;
  /** The frames beside of the same scene, where they are known: what stands still stands still in them, too. */
  readonly frameBefore?: number;
  readonly frameAfter?: number;
  /** One whole number per timestep, 32 bits: which piece of the grain that frame gets. */
  readonly grainSeeds: readonly number[];
  /** As in `InterpJob`. */
  readonly minConfidence: number;
  readonly mode: FlowMode;
}

/**
 * How a worker of kind `flow` finds the motion: by its network; by its network at half the size, a
 * quarter of the work; by the block search alone, without it. Other kinds only know `whole`.
 */
export type FlowMode = 'whole' | 'half' | 'search';

/**
 * Time spent in one job, in microseconds: block search and network inputs; inference;
 * re-projection, warp and blend, or copies of planes. Of a run of several jobs, each has its share.
 */
export interface WorkSpans {
  readonly search: number;
  readonly network: number;
  readonly kernel: number;
}

/** Shares (0…1) of the cells of 8 × 8 luma samples of a frame whose cells are judged. */
export interface CellShares {
  /** Whose confidence is below the least that was asked for. */
  readonly unsure: number;
  /** That show a parent instead. */
  readonly parental: number;
}

/** Result of one job, in the order of the jobs of the run. */
export interface WireResult {
  /** As in `InterpResult`. */
  readonly confidence: number | undefined;
  readonly cells?: CellShares | undefined;
  readonly spans: WorkSpans;
}

/**
 * What a worker makes itself ready for: frames of one size, so many pairs in a run, and the scratch
 * for them.
 */
export interface Preparation {
  readonly width: number;
  readonly height: number;
  readonly pairs: number;
  readonly scratch: number;
  readonly mode: FlowMode;
}

/** Engine → worker. One request at a time; every one but `forget` is answered. */
export type Request =
  /**
   * Interpolate every job: all of one size and scratch, several only where {@link
   * NetworkFacts.batches}.
   */
  | { readonly type: 'run'; readonly jobs: readonly WireJob[] }
  /** Load and try whatever this needs. */
  | ({ readonly type: 'prepare' } & Preparation)
  /** The scratch block is about to be freed: drop what hangs on it. */
  | { readonly type: 'forget'; readonly scratch: number }
  | { readonly type: 'close' };

/** A session that a worker has made, for the log. */
export interface SessionMade {
  /** Shapes of the inputs it was made for, by name. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly span: Micros;
}

/** Worker → engine. */
export type Reply =
  /** Once, when the worker can take requests. */
  | { readonly type: 'ready'; readonly network?: NetworkFacts | undefined }
  /** Not an answer: it comes in between. */
  | { readonly type: 'session'; readonly session: SessionMade }
  | { readonly type: 'done'; readonly results: readonly WireResult[] }
  | {
      readonly type: 'failed';
      readonly code: ErrorCode;
      readonly message: string;
      readonly recoverable: boolean;
    };

/** How a worker interpolates: one implementation per model kind. */
export interface Interpolator {
  /** Undefined for what needs neither scratch nor search. */
  readonly network: NetworkFacts | undefined;
  /** Loads and tries whatever this needs. */
  prepare(wanted: Preparation): Promise<void>;
  /** As a request of type `run`: at least one job. */
  run(jobs: readonly WireJob[]): Promise<readonly WireResult[]>;
  /** Drops what hangs on a scratch block. */
  forget(scratch: number): Promise<void>;
  /** Frees everything. */
  close(): Promise<void>;
}
