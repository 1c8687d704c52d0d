/** What the marks of a file say, and what is wrong with them. Pure. */
import { type Mark, readMark } from '../../egress/marks/mark.ts';
import { isSei, type MarkedCodec, userDataOf } from '../../egress/marks/user-data.ts';
import type { CodedUnit } from './access-units.ts';

/** Of a picture: how many from the beginning, when the container shows it, and what its mark says. */
export interface InspectedPicture {
  readonly number: number;
  /** Seconds; absent where the container has no times. */
  readonly at?: number;
  readonly keyframe: boolean;
  /** Absent: it has none. */
  readonly mark?: Mark;
  /** What is wrong with its marks. */
  readonly faults?: readonly Fault[];
}

/**
 * `malformed`: begins like a mark and is none; `twice`: more than one mark; `order`: a frame of the source that is no
 * later than the one before it; `time`: its mark's time jumps against the container's, and back again.
 */
export type Fault = 'malformed' | 'twice' | 'order' | 'time';

/** A whole file. */
export interface InspectionResult {
  readonly pictures: number;
  /** Marked pictures by kind. */
  readonly kinds: Readonly<Record<Mark['kind'], number>>;
  readonly unmarked: number;
  /** What made frames, as `model` or `model hash`, and how many. */
  readonly models: Readonly<Record<string, number>>;
  /** Mean of what the models say of themselves; absent where none does. */
  readonly confidence?: number;
  readonly faults: Readonly<Record<Fault, number>>;
  /** True: each picture has one mark, and nothing is wrong with it. */
  readonly sound: boolean;
}

/** Source times and the container's may part by this much from one frame to the next: pacing and rounding. Seconds. */
const MAX_JUMP = 0.1;

/** So many are told apart. */
const MAX_MODELS = 100;

/** Takes a file picture by picture. */
export class Inspection {
  readonly #codec: MarkedCodec;
  readonly #kinds: Record<Mark['kind'], number> = { source: 0, interpolated: 0, extrapolated: 0, repeated: 0 };
  readonly #models = new Map<string, number>();
  readonly #faults: Record<Fault, number> = { malformed: 0, twice: 0, order: 0, time: 0 };
  #pictures = 0;
  #unmarked = 0;
  #confidence = { sum: 0, count: 0 };
  #lastSource: Mark | undefined;
  /** The container's times less those of the marks, of the two marks before. */
  #before: number | undefined;
  #middle: number | undefined;

  constructor(codec: MarkedCodec) {
    this.#codec = codec;
  }

  /** The next picture. `time` among {@link Fault} is known with the one after it: it is only in the result. */
  take({ nals, at, keyframe }: CodedUnit): InspectedPicture {
    const number = this.#pictures;
    this.#pictures += 1;
    const found = nals
      .filter((nal) => isSei(nal, this.#codec))
      .flatMap((nal) => userDataOf(nal, this.#codec))
      .map(readMark)
      .filter((mark) => mark !== undefined);
    const mark = found.find((each) => each !== 'malformed');
    const faults: Fault[] = [];
    if (found.includes('malformed')) faults.push('malformed');
    if (found.length > 1) faults.push('twice');
    if (mark) this.#count(mark, at, faults);
    else if (found.length === 0) this.#unmarked += 1;
    for (const fault of faults) this.#faults[fault] += 1;
    return {
      ...{ number, keyframe },
      ...(at === undefined ? {} : { at }),
      ...(mark && { mark }),
      ...(faults.length > 0 ? { faults } : {}),
    };
  }

  /** Of all that was taken. */
  get result(): InspectionResult {
    const { sum, count } = this.#confidence;
    const wrong = Object.values(this.#faults).some((faults) => faults > 0);
    return {
      pictures: this.#pictures,
      kinds: this.#kinds,
      unmarked: this.#unmarked,
      models: Object.fromEntries(this.#models),
      ...(count > 0 ? { confidence: sum / count } : {}),
      faults: this.#faults,
      sound: this.#pictures > 0 && this.#unmarked === 0 && !wrong,
    };
  }

  #count(mark: Mark, at: number | undefined, faults: Fault[]): void {
    this.#kinds[mark.kind] += 1;
    if (mark.model !== undefined) {
      const name = mark.hash === undefined ? mark.model : `${mark.model} ${mark.hash}`;
      const known = this.#models.has(name) || this.#models.size < MAX_MODELS ? name : 'others';
      this.#models.set(known, (this.#models.get(known) ?? 0) + 1);
    }
    if (mark.confidence !== undefined) {
      this.#confidence = { sum: this.#confidence.sum + mark.confidence, count: this.#confidence.count + 1 };
    }
    // The frame of a silent source is shown again and again: its time stands still.
    if (mark.kind === 'repeated') return;
    if (mark.kind === 'source') {
      // A source that was started again may begin at any time: far behind is no fault.
      const back = this.#lastSource ? this.#lastSource.pts - mark.pts : -1;
      if (back >= 0 && back < 1) faults.push('order');
      this.#lastSource = mark;
    }
    if (at !== undefined) this.#time(at - mark.pts);
  }

  /** A frame whose time has jumped away from its neighbours', which agree. */
  #time(offset: number): void {
    const [before, middle] = [this.#before, this.#middle];
    if (before !== undefined && middle !== undefined) {
      const apart = Math.min(Math.abs(middle - before), Math.abs(middle - offset));
      if (apart > MAX_JUMP && Math.abs(before - offset) < MAX_JUMP / 2) this.#faults.time += 1;
    }
    this.#before = middle;
    this.#middle = offset;
  }
}

/** A result for people. */
export function inspectionText(path: string, result: InspectionResult): string {
  const { pictures, kinds, unmarked, models, confidence, faults } = result;
  const share = (count: number): string => `${count} (${((100 * count) / Math.max(1, pictures)).toFixed(1)} %)`;
  const lines = [`${path}: ${pictures} pictures`];
  for (const [kind, count] of Object.entries(kinds)) if (count > 0) lines.push(`  ${kind.padEnd(13)} ${share(count)}`);
  if (unmarked > 0) lines.push(`  ${'unmarked'.padEnd(13)} ${share(unmarked)}: nothing says where they come from`);
  for (const [model, count] of Object.entries(models)) lines.push(`  made by ${model}: ${count}`);
  if (confidence !== undefined) lines.push(`  mean confidence ${confidence.toFixed(3)}`);
  for (const [fault, count] of Object.entries(faults))
    if (count > 0) lines.push(`  WRONG: ${count} ${FAULTS[fault as Fault]}`); // its own keys
  return lines.join('\n');
}

const FAULTS: Readonly<Record<Fault, string>> = {
  malformed: 'marks that cannot be read',
  twice: 'pictures with more than one mark',
  order: 'source frames that are not later than the one before',
  time: 'marks whose time does not go with the picture’s',
};
