/** What the server asks of the streams it shows. */

import type { StreamConfig } from '../config/schema.ts';
import type { StreamState } from '../media/stream-state.ts';
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

/** One stream. */
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
  /** Players mark made pictures unless their viewer says otherwise. Absent = false. */
  readonly badge?: boolean;
  /** What viewers have to be told, always. */
  readonly notice?: string | undefined;
}

/** The streams of this process. */
export interface StreamDirectory {
  /** All streams, in the order in which they came. */
  list(): readonly StreamEntry[];
  /** True once the model is loaded and has run. */
  engineWarm(): boolean;
}

/** Changes of streams. Each is carried out or leaves everything as it was; one after the other. */
export interface StreamControl {
  /**
   * Adds a stream.
   * @throws FrameliftError `server.stream-exists`, `server.stream-limit`, `config.invalid`, `source.*` for a source that can never work, `model.*`,
   * `provider.unusable`, `engine.failed`, `arena.full`.
   */
  add(settings: StreamConfig): Promise<void>;
  /** Changes some keys of a stream; where it cannot go on with them it is started anew. @throws FrameliftError `server.no-stream`, else as {@link add}. */
  change(name: string, patch: Partial<StreamConfig>): Promise<void>;
  /** Ends a stream and its viewers' sessions. @throws FrameliftError `server.no-stream`. */
  remove(name: string): Promise<void>;
}

/** What a reload of the configuration has done. */
export interface ReloadReport {
  /** Names of streams. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly unchanged: readonly string[];
  /** Streams whose entry differs, in which keys, and whether they were started anew, which ends their viewers' sessions. */
  readonly changed: readonly {
    readonly name: string;
    readonly keys: readonly string[];
    readonly startedAnew: boolean;
  }[];
  /** Keys beside streams that took effect. */
  readonly applied: readonly string[];
  /** Keys that differ from what framelift was started with, and take effect at the next start. */
  readonly needsRestart: readonly string[];
}

/** The configuration of this process. */
export interface ConfigControl {
  /** What is in force, without secrets. */
  show(): Record<string, unknown>;
  /** Reads it again. @throws FrameliftError `config.invalid` naming the key, else as {@link StreamControl.add}; then everything is as it was. */
  reload(): Promise<ReloadReport>;
}
