/**
 * The path of a frame, top to bottom: from a stream's source to its two publications. Frames are owned by the item that carries
 * them; every operator passes its frames on or releases them.
 */
import { identity, type Observable, tap } from 'rxjs';
import type { Frame } from './media/frame.ts';
import type { EventSink } from './metrics/events.ts';
import { type InterpolateAndPaceOptions, interpolateAndPace } from './pacing/interpolate-and-pace.ts';
import type { PacedFrame } from './pacing/pacer.ts';
import { onePerPulse, pairUp, planOutput } from './pairing/operators.ts';
import { Pairing } from './pairing/pairing.ts';
import { PulseFilter } from './pairing/pulse-filter.ts';
import type { Micros } from './time.ts';

/** Options of {@link upconvert}. */
export interface UpconvertOptions extends InterpolateAndPaceOptions {
  readonly events: EventSink;
  /** Shown every source frame before anything else happens to it; must not keep it without a handle of its own. */
  readonly onSourceFrame: (frame: Frame) => void;
  /** X-ray pulses are recognised and shown once each; told when their interval changes. Undefined: frames are taken as they come. */
  readonly onPulseInterval: ((interval: Micros | undefined) => void) | undefined;
}

/** Source frames in, source and interpolated frames out, each at its release time. */
export function upconvert(source: Observable<Frame>, options: UpconvertOptions): Observable<PacedFrame> {
  const { stream, events, scheduler, onSourceFrame, onPulseInterval: onInterval } = options;
  return source.pipe(
    tap(onSourceFrame),
    onInterval ? onePerPulse({ filter: new PulseFilter(), stream, events, onInterval }) : identity,
    pairUp(new Pairing(), stream, events),
    planOutput(scheduler),
    interpolateAndPace(options),
  );
}
