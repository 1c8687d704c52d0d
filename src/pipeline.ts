/**
 * The path of a frame, top to bottom: from a stream's source to its two publications. Frames are owned by the item that carries
 * them; every operator passes its frames on or releases them.
 */
import { identity, type Observable, type OperatorFunction, tap } from 'rxjs';
import type { Frame } from './media/frame.ts';
import type { EventSink } from './metrics/events.ts';
import { type InterpolateAndPaceOptions, interpolateAndPace } from './pacing/interpolate-and-pace.ts';
import type { PacedFrame } from './pacing/pacer.ts';
import { inCadence } from './pairing/in-cadence.ts';
import { withPairBefore } from './pairing/neighbours.ts';
import { onePerPulse, pairUp, planOutput, type Scheduled } from './pairing/operators.ts';
import { PairPlanner } from './pairing/pair-planner.ts';
import { MAX_GAP, Pairing } from './pairing/pairing.ts';
import { PulseFilter } from './pairing/pulse-filter.ts';
import type { Micros } from './time.ts';

/** Options of {@link upconvert}. */
export interface UpconvertOptions extends InterpolateAndPaceOptions {
  readonly events: EventSink;
  /** Shown every source frame before anything else happens to it; must not keep it without a handle of its own. */
  readonly onSourceFrame: (frame: Frame) => void;
  /** X-ray pulses are recognised and shown once each; told when their interval changes. Undefined: frames are taken as they come. */
  readonly onPulseInterval: ((interval: Micros | undefined) => void) | undefined;
  /** Repeated pictures are recognised and interpolated across; told when their interval changes. Undefined: they are shown. */
  readonly onCadence?: ((interval: Micros | undefined) => void) | undefined;
}

/** Source frames in, source and interpolated frames out, each at its release time. */
export function upconvert(source: Observable<Frame>, options: UpconvertOptions): Observable<PacedFrame> {
  const { stream, events, onSourceFrame, onPulseInterval: onInterval, onCadence } = options;
  return source.pipe(
    tap(onSourceFrame),
    onInterval ? onePerPulse({ filter: new PulseFilter(), stream, events, onInterval }) : identity,
    onCadence ? cadence(onCadence, options) : plain(options),
    withPairBefore(),
    interpolateAndPace(options),
  );
}

function plain({ stream, events, scheduler }: UpconvertOptions): OperatorFunction<Frame, Scheduled> {
  return (source) => source.pipe(pairUp(new Pairing(), stream, events), planOutput(scheduler));
}

function cadence(
  onInterval: (interval: Micros | undefined) => void,
  { stream, events, scheduler }: UpconvertOptions,
): OperatorFunction<Frame, Scheduled> {
  const planner = new PairPlanner({ scheduler, cadence: true, lookAhead: 0, maxGap: MAX_GAP });
  return inCadence({ planner, scheduler, stream, events, onInterval });
}
