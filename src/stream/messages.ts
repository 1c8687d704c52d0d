/** What a stream tells people, in words. Pure. */

import { describeHindrance, type PassingStatus } from '../egress/codec/passing.ts';
import type { SourceInfo } from '../ingest/source.ts';
import type { Tier } from '../interp/engine/job.ts';
import type { LadderDecision } from '../interp/ladder.ts';
import type { PictureTraits } from '../media/picture-traits.ts';
import type { DelayControl } from '../pacing/delay-control.ts';
import type { RateTarget, Scheduler } from '../pairing/scheduler.ts';
import { standsAtEighths } from '../pairing/timesteps.ts';
import { fromMs, type Micros, toMs } from '../time.ts';

/** For people: `×2`, `60 fps`, or `×4, at most 60 fps`. */
export function describeTarget(target: RateTarget): string {
  if (target.kind === 'fps') return `${target.fps} fps`;
  return `×${target.factor}${target.maxFps === undefined ? '' : `, at most ${target.maxFps} fps`}`;
}

/** A decision of the ladder with its figures in milliseconds, for the log. */
export function describeDecision(decision: LadderDecision): object {
  const { rung, current, why, cost, elapsed, headroom, period } = decision;
  const ms = (span: Micros | undefined): number | undefined => (span === undefined ? undefined : toMs(span));
  const figures = { costMs: ms(cost), elapsedMs: ms(elapsed), headroomMs: ms(headroom), periodMs: ms(period) };
  return { rung, current, why, ...figures };
}

/** What is said when repeated pictures come at another interval, or no longer. */
export function describeCadence(interval: Micros | undefined): string {
  return interval === undefined
    ? 'every source frame is a picture of its own'
    : `cadence: ${(1e6 / interval).toFixed(1)} drawn frames a second, some repeated: interpolating from one to the next`;
}

/** What viewers of the source variant are sent; `passing` is undefined where nothing is to be sent on. */
export function describeSourceVariant(
  passing: PassingStatus | undefined,
  info: SourceInfo | undefined,
): { readonly form: 'pass' | 'encode'; readonly reason?: string } {
  if (passing?.form === 'pass') return { form: 'pass' };
  if (!passing) return { form: 'encode', reason: 'sourceVariant is encode' };
  if (!info) return { form: 'encode', reason: 'no frame came yet' };
  const direct = info.transport === 'whip' || info.transport.startsWith('rtsp');
  if (!direct) return { form: 'encode', reason: 'sources other than RTSP and WHIP are encoded' };
  if (info.codec !== 'h264')
    return { form: 'encode', reason: `the source is ${info.codec}, and H.264 alone is sent on` };
  return { form: 'encode', reason: describeHindrance(passing.hindrance ?? 'start') };
}

/** What is said when the interval of X-ray pulses changes. */
export function describePulses(interval: Micros | undefined): string {
  return interval === undefined
    ? 'every frame shows another pulse'
    : `${(1e6 / interval).toFixed(1)} pulses a second, each repeated several times: interpolating between pulses`;
}

/** Above this much delay manual work guided by the video suffers. */
const FLOOR_LIMIT = fromMs(60);

/** A warning when arithmetic alone costs more than {@link FLOOR_LIMIT}. */
export function floorWarning(floor: Micros): string | undefined {
  return floor > FLOOR_LIMIT
    ? `at this source rate, waiting for the next frame alone adds ${toMs(floor).toFixed(0)} ms; a smaller factor adds less`
    : undefined;
}

/** What is wrong with a budget that leaves no room for a frame between two, with the arithmetic. */
export function budgetWarning(delay: DelayControl, { floor, sourceInterval, multiple }: Scheduler): string | undefined {
  if (delay.headroom(floor) >= 0) return undefined;
  const share = multiple ? `${multiple - 1}/${multiple}` : '9/10';
  return (
    `the latency budget of ${toMs(delay.budget(floor)).toFixed(0)} ms is below the floor of ${toMs(floor).toFixed(1)} ms ` +
    `(${share} of the source interval of ${toMs(sourceInterval).toFixed(1)} ms): only source frames are shown; ` +
    'give a larger budget, or a smaller factor'
  );
}

/** What is wrong with a rate that is no multiple of the source's, for a model that only halves intervals; undefined when nothing is. */
export function timesWarning({ multiple }: Scheduler, times: Tier['times'] | undefined): string | undefined {
  if (times !== 'half' || multiple === undefined || standsAtEighths(multiple)) return undefined;
  return (
    'the model only makes eighths of a source interval: frames show the nearest one, up to a sixteenth off; ' +
    'for even motion use another model or a factor of 2, 4 or 8'
  );
}

/** What log and viewers are told of a source whose frames hold two fields. */
const INTERLACED =
  'This source is interlaced: each of its frames holds two moments, and interpolated frames show combs where something moves. Let deinterlace be auto, or the source send progressive video.';

/** What log and viewers are told of a source whose fields were made frames. */
const DEINTERLACED: Readonly<Record<NonNullable<PictureTraits['deinterlaced']>, string>> = {
  fields: 'This source is interlaced: each of its fields is shown as a frame of its own, made by deinterlacing.',
  film: 'This source is film in interlaced video (3:2 pulldown): the film’s own pictures are put together again from its fields.',
};

/** What viewers have to be told of a source's fields; undefined where its frames are whole. */
export function fieldsNotice(traits: PictureTraits | undefined): string | undefined {
  if (traits?.interlaced) return INTERLACED;
  return traits?.deinterlaced && DEINTERLACED[traits.deinterlaced];
}
