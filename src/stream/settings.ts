/** What a stream is made from. */
import type { Profile } from '../config/profile.ts';
import type { SourceVariantChoice } from '../egress/codec/passing.ts';
import type { RecordingSettings } from '../egress/recording/settings.ts';
import type { PeerSettings } from '../egress/viewer.ts';
import type { Source } from '../ingest/source.ts';
import type { EnginePool } from '../interp/engine/pool.ts';
import type { Log } from '../log.ts';
import type { Arena } from '../media/arena.ts';
import type { EventSink } from '../metrics/events.ts';
import type { DelayChoice } from '../pairing/ahead.ts';
import type { CadenceChoice } from '../pairing/cadence.ts';
import type { RateTarget } from '../pairing/scheduler.ts';
import type { Clock, Micros } from '../time.ts';
import type { Intake } from './intake.ts';

/** What all streams of a process share. */
export interface StreamContext {
  readonly arena: Arena;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly pool: EnginePool;
  readonly log: Log;
}

/** Settings of one {@link Stream}. */
export interface StreamSettings {
  readonly name: string;
  readonly source: Source;
  /** Told whether the source's frames are taken as fast as they come. Default: they are. */
  readonly intake?: Pick<Intake, 'judge'>;
  readonly target: RateTarget;
  /** The most that a source frame may be held back. Absent: the arithmetic floor and 40 ms. */
  readonly latencyBudget?: Micros;
  /** Below this confidence the nearer source frame is shown, of cells or of all. */
  readonly minConfidence: number;
  readonly bitrate?: number;
  readonly maxViewers?: number;
  /** What is kept on disk. Default: nothing. */
  readonly recording?: RecordingSettings;
  readonly peer?: PeerSettings;
  /** Whether repeated pictures are recognised and interpolated across. Default `off`. */
  readonly cadence?: CadenceChoice;
  /** The source is read only while somebody watches. Default false. */
  readonly onDemand?: boolean;
  /** What viewers of the source variant are sent. Default `encode`. */
  readonly sourceVariant?: SourceVariantChoice;
  /** Whether source frames wait for what is interpolated before them. Default `auto`: they do. */
  readonly delay?: DelayChoice;
  /** What the video shows, where that changes how frames are interpolated and shown. */
  readonly profile?: Profile;
}
