/** What the server asks of the streams it shows. */
import type { StreamState } from '../metrics/events.ts';
import type { SourceDescription } from '../metrics/stats.ts';
import type { Micros } from '../time.ts';

/** Where a stream stands. */
interface StreamStanding {
  readonly state: StreamState;
  /** Why it is not `full`; undefined when it is. */
  readonly reason: string | undefined;
  /** What the supervisor of the source is doing. */
  readonly phase: 'connecting' | 'live' | 'waiting' | 'ended';
  /** Undefined until connected. A `SourceInfo` fits. */
  readonly sourceInfo: SourceDescription | undefined;
  /** Message of the fault that the source is recovering from; undefined while it is live. */
  readonly lastError: string | undefined;
}

/** Where a stream stands on its ladder. */
interface LadderStanding {
  /** The rung in force: `flow-s`, `search`, `hold`. */
  readonly rung: string;
  /** All rungs, best first. */
  readonly rungs: readonly string[];
  /** `late`, `failed` or `recovered`; undefined at the start. */
  readonly reason: string | undefined;
  /** The measured numbers behind the reason, for people. */
  readonly detail: string | undefined;
  /** Wall clock. */
  readonly since: Micros;
}

/** One configured stream. */
export interface StreamEntry {
  readonly name: string;
  /** For people: kind and URL of the source. The server removes credentials once more. */
  readonly label: string;
  /** `60 fps`, `×2`. */
  readonly target: string;
  /** Id of the model that was asked for, as in the manifest. */
  readonly model: string;
  /** True once a frame has come through. */
  readonly ready: boolean;
  /** Frames come when somebody publishes them: without any it is ready all the same. Absent = false. */
  readonly awaitsPublisher?: boolean;
  readonly status: StreamStanding;
  /** Undefined while the model is being prepared. */
  readonly ladder: LadderStanding | undefined;
  /** The most that a source frame may be held back. */
  readonly latencyBudgetMs: number;
  /** The part of it that is arithmetic: (N−1)/N of a source interval. */
  readonly latencyFloorMs: number;
}

/** The streams of this process. */
export interface StreamDirectory {
  /** All configured streams, in the order of the configuration. */
  list(): readonly StreamEntry[];
  /**
   * Changes the model of a stream that there is; the present one goes on until the new one is ready.
   * @throws FrameliftError `model.*`, `config.invalid`, `provider.unusable`, `engine.failed`, `arena.full`; then nothing has changed.
   */
  setModel(name: string, model: string): Promise<void>;
  /** True once the model is loaded and has run. */
  engineWarm(): boolean;
}

/** Where the server reports to people. Structured, one call a line. */
export interface ServerLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}
