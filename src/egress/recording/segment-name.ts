/** Names of recorded files: the variant, and when the first picture was shown. Pure. */
import type { Variant } from '../../metrics/events.ts';
import { fromMs, type Micros, toMs } from '../../time.ts';
import { RECORDING_FORMATS, type RecordingFormat } from './settings.ts';

/** What the name of a segment says. */
export interface SegmentName {
  readonly variant: Variant;
  /** Wall clock, to the millisecond. */
  readonly start: Micros;
  readonly format: RecordingFormat;
}

const VARIANTS: readonly Variant[] = ['source', 'upconverted'];
const NAME = new RegExp(
  `^(${VARIANTS.join('|')})_(\\d{4}-\\d\\d-\\d\\d)T(\\d\\d)-(\\d\\d)-(\\d\\d\\.\\d{3})Z\\.(${RECORDING_FORMATS.join('|')})$`,
);

/** `source_2026-12-01T03-44-12.345Z.mp4`: UTC, without colons, which some file systems do not take. */
export function nameOfSegment({ variant, start, format }: SegmentName): string {
  const at = new Date(Math.round(toMs(start))).toISOString();
  return `${variant}_${at.replaceAll(':', '-')}.${format}`;
}

/** What a file's name says; undefined: it is no segment. */
export function parseSegmentName(name: string): SegmentName | undefined {
  const [, variant, date, hours, minutes, seconds, format] = NAME.exec(name) ?? [];
  const ms = Date.parse(`${date}T${hours}:${minutes}:${seconds}Z`);
  const known = {
    variant: VARIANTS.find((one) => one === variant),
    format: RECORDING_FORMATS.find((f) => f === format),
  };
  if (!known.variant || !known.format || Number.isNaN(ms)) return undefined;
  const parsed = { variant: known.variant, format: known.format, start: fromMs(ms) };
  // 31 February is read as 3 March.
  return nameOfSegment(parsed) === name ? parsed : undefined;
}

/** The name of the provenance records beside a segment. */
export function sidecarOf(segment: string): string {
  return segment.replace(/\.\w+$/, '.jsonl');
}
