/** What the server asks of the streams it shows. */
import type { FrameliftError } from '../errors.ts';
import type { StreamState } from '../metrics/events.ts';
import type { SourceDescription } from '../metrics/stats.ts';

/** Where a stream stands. */
export interface StreamStanding {
  readonly state: StreamState;
  /** Why it is not `full`; undefined when it is. */
  readonly reason: string | undefined;
  /** Undefined until connected. A `SourceInfo` fits. */
  readonly sourceInfo: SourceDescription | undefined;
  /** The fault that the source is recovering from; undefined while it is live. */
  readonly lastError: FrameliftError | undefined;
  readonly reconnects: number;
}

/** One configured stream. */
export interface StreamEntry {
  readonly name: string;
  /** For people: kind and URL of the source. The server removes credentials once more. */
  readonly label: string;
  /** `60 fps`, `×2`. */
  readonly target: string;
  /** Model id, as in the manifest. */
  readonly model: string;
  /** True once a frame has come through. */
  readonly ready: boolean;
  readonly status: StreamStanding;
}

/** The streams of this process. */
export interface StreamDirectory {
  /** All configured streams, in the order of the configuration. */
  list(): readonly StreamEntry[];
  /** Why interpolation cannot start yet (`model loading`); undefined once the engine is warm. */
  engineNotReady(): string | undefined;
}

/** Where the server reports to people. Structured, one call a line. */
export interface ServerLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}
