/** What the server asks of the streams it shows. */

import type { StreamConfig } from '../config/schema.ts';
import type { recordOf } from '../egress/provenance.ts';
import type { Recordings } from '../egress/recording/recordings.ts';
import type { EngineFault } from '../interp/engine/pool.ts';
import type { Variant } from '../metrics/events.ts';
import type { ReloadReport, StreamReport } from './schemas.ts';

/**
 * What a stream says of itself: its report ({@link StreamReport} has the fields), but for paths and
 * figures, which the server adds. Texts may hold credentials: the server removes them.
 */
export interface StreamEntry extends Omit<StreamReport, 'whep' | 'whip' | 'stats'> {
  /** Frames come when somebody publishes them: without any it counts as ready. */
  readonly awaitsPublisher: boolean;
}

/** The streams of this process. */
export interface StreamDirectory {
  /** All streams, in the order in which they came. */
  list(): readonly StreamEntry[];
  /** True once the model is loaded and has run. */
  engineWarm(): boolean;
  /** Models in use that cannot interpolate at present, with the reason. */
  engineFaults(): readonly EngineFault[];
}

/** Changes of streams. Each is carried out or leaves everything as it was; one after the other. */
export interface StreamControl {
  /**
   * Adds a stream.
   * @throws FrameliftError `server.stream-exists`, `server.stream-limit`, `config.invalid`,
   * `source.*` for a source that can never work, `model.*`, `provider.unusable`, `engine.failed`,
   * `arena.full`.
   */
  add(settings: StreamConfig): Promise<void>;
  /**
   * Changes some keys of a stream; where it cannot take them while it runs, it is restarted.
   * @throws FrameliftError `server.no-stream`, else as {@link add}.
   */
  change(name: string, patch: Partial<StreamConfig>): Promise<void>;
  /** Ends a stream and its viewers' sessions. @throws FrameliftError `server.no-stream`. */
  remove(name: string): Promise<void>;
}

/** What is recorded of a stream; undefined: there is no such stream. */
export type RecordingControl = (stream: string) => Pick<Recordings, 'segments' | 'pathOf' | 'remove'> | undefined;

/** The frame that is shown now. */
export interface Snapshot {
  readonly jpeg: Buffer;
  /** Where it comes from. */
  readonly record: ReturnType<typeof recordOf>;
  readonly captured: Date;
}

/** Takes a snapshot. @throws FrameliftError `server.no-stream`, `server.no-frame`, `encode.failed`. */
export type SnapshotControl = (stream: string, variant: Variant) => Promise<Snapshot>;

/** The configuration of this process. */
export interface ConfigControl {
  /** What is in force, without secrets. */
  show(): Record<string, unknown>;
  /**
   * Reads it again.
   * @throws FrameliftError `config.invalid` naming the key, else as {@link StreamControl.add}; then
   * everything is as it was.
   */
  reload(): Promise<ReloadReport>;
}
