/** Figures of a live measurement from what the server counted and its viewers saw. Pure. */
import type { Config } from '../src/config/schema.ts';
import { rateTarget, Scheduler } from '../src/pairing/scheduler.ts';
import { toMs } from '../src/time.ts';
import type { LiveFormat } from './live-clip.ts';
import type { Histogram, Scrape } from './metrics-text.ts';
import { countSlots, gridSlots, ON_TIME_MS, type SlotCount, type Viewed } from './slots.ts';
import { type Growth, rounded, type Spread, spread } from './statistics.ts';
import type { Cores } from './threads.ts';

/** One stream over the measurement, as the server counted it and as its viewer saw it. */
export interface StreamResult extends SlotCount {
  readonly name: string;
  /** Of the slots between source frames, how many showed an interpolated frame. */
  readonly interpolatedGapPercent: number | null;
  /** Frames that the pacer released, by fate. */
  readonly frames: Readonly<Record<string, number>>;
  /** Repeated frames by reason. */
  readonly repeats: Readonly<Record<string, number>>;
  /** Frames given up, by stage and reason; `not-on-grid` are source frames between two output times. */
  readonly drops: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly deadlineMisses: number;
  /** Release after due time. */
  readonly latenessMs: Spread;
  /** Arrival of a source frame to its own release. */
  readonly addedLatencyMs: Spread;
  /** Arrival of a source frame (of the later parent for made ones) to its first packet sent. */
  readonly sentLatencyMs: Spread;
  readonly stagesMs: Readonly<Record<string, Spread>>;
  readonly viewer: Viewed;
}

/** What was measured, the product's defaults filled in. */
export interface LiveSettings extends LiveFormat {
  /** Output frames per second. */
  readonly target: number;
  /** Length of the measurement. */
  readonly seconds: number;
  /** Left out before it. */
  readonly warmUpSeconds: number;
  readonly engine: Config['engine'];
}

/** The whole measurement. */
export interface LiveResult {
  readonly settings: LiveSettings;
  /** Most that a frame may be late to be on time. */
  readonly onTimeWithinMs: number;
  /** Least of all streams. */
  readonly onTimePercent: number;
  readonly interpolatedGapPercent: number | null;
  /** Added latency that arithmetic alone demands: (N−1)/N · T at N output frames for each source interval T. */
  readonly floorMs: number;
  /** The same for the output times there really are: up to T where N is no whole number. */
  readonly gridFloorMs: number;
  /** Greatest 95th percentile of added latency, less `floorMs`. */
  readonly overFloorP95Ms: number | null;
  readonly streams: readonly StreamResult[];
  /** Cores that the server used; null where the system does not tell. */
  readonly cores: Cores | null;
  /** Resident memory of the server; null where the system does not tell, or too few samples were taken. */
  readonly memoryMiB: Growth | null;
}

/** Stages whose time is reported. */
const STAGES = ['decode', 'interpolate', 'pace', 'encode', 'packetize', 'peer'];

/** One stream from what was counted in `seconds`. @param target output frames per second. */
export function streamResult(
  name: string,
  counted: Scrape,
  target: number,
  seconds: number,
  viewer: Viewed,
): StreamResult {
  const where = { stream: name };
  const frames = counted.by('framelift_frames_total', 'fate', where);
  const dropped = counted.by('framelift_frames_dropped_total', 'stage', where);
  const lateness = counted.histogram('framelift_release_lateness_seconds', where);
  // A frame that was released and then given up was seen by nobody.
  const lost = (dropped.encode ?? 0) + (dropped.packetize ?? 0) + (dropped.peer ?? 0);
  const released = Math.max(0, lateness.count - lost);
  const onTime = Math.min(released, Math.max(0, lateness.upTo(ON_TIME_MS / 1000) - lost));
  const slots = countSlots(gridSlots(target, seconds), released, onTime);
  const { source = 0, interpolated = 0 } = frames;
  const between = slots.slots - source;
  return {
    name,
    ...slots,
    interpolatedGapPercent: between > 0 ? rounded((100 * interpolated) / between, 3) : null,
    frames,
    repeats: counted.by('framelift_frames_repeated_total', 'reason', where),
    drops: Object.fromEntries(
      Object.keys(dropped).map((stage) => [
        stage,
        counted.by('framelift_frames_dropped_total', 'reason', { ...where, stage }),
      ]),
    ),
    deadlineMisses: counted.total('framelift_deadline_misses_total', where),
    latenessMs: milliseconds(lateness),
    addedLatencyMs: milliseconds(counted.histogram('framelift_added_latency_seconds', where)),
    sentLatencyMs: milliseconds(counted.histogram('framelift_latency_seconds', { ...where, variant: 'upconverted' })),
    stagesMs: Object.fromEntries(
      STAGES.map(
        (stage) => [stage, counted.histogram('framelift_stage_duration_seconds', { ...where, stage })] as const,
      )
        .filter(([, histogram]) => histogram.count > 0)
        .map(([stage, histogram]) => [stage, milliseconds(histogram)]),
    ),
    viewer,
  };
}

/** Joins the streams of a measurement. @param streams at least one. */
export function summary(
  settings: LiveSettings,
  streams: readonly StreamResult[],
): Omit<LiveResult, 'cores' | 'memoryMiB'> {
  const { target, fps } = settings;
  const floorMs = Math.max(0, (1000 * (target - fps)) / (target * fps));
  const scheduler = new Scheduler(rateTarget({ fps: target }), { fps });
  const gaps = streams.map((stream) => stream.interpolatedGapPercent ?? Number.NaN);
  const added = streams.map((stream) => stream.addedLatencyMs.p95 ?? Number.NaN);
  return {
    settings,
    onTimeWithinMs: ON_TIME_MS,
    onTimePercent: Math.min(...streams.map((stream) => stream.onTimePercent)),
    interpolatedGapPercent: rounded(Math.min(...gaps), 3),
    floorMs: Number(floorMs.toFixed(2)),
    gridFloorMs: Number(toMs(scheduler.floor).toFixed(2)),
    overFloorP95Ms: rounded(Math.max(...added) - floorMs),
    streams,
  };
}

/** Quantiles of a histogram of seconds, linear within its buckets. */
function milliseconds(histogram: Histogram): Spread {
  return spread((share) => 1000 * histogram.quantile(share));
}
