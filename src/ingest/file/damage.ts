/** What is broken in a file: kept while it is read, told at its end. Pure. */
import { fromMs, type Micros, minus, toSeconds } from '../../time.ts';

/** What a file that was read has lost. */
export interface DamageReport {
  /** Frames that the decoder concealed: they are shown, and may show what was not there. */
  readonly damagedFrames: number;
  /** Coded frames of which nothing could be decoded. */
  readonly lostFrames: number;
  /** A sentence each: how many and where, where the container is broken, where it breaks off. */
  readonly notes: readonly string[];
}

/** Places that a note names at most. */
const MAX_NAMED = 5;
/** Damage closer together than this is one place. */
const ONE_PLACE = fromMs(1000);
/** Frames are put in order after they are read, and where a container broke is not known to the frame. */
const NEAR = fromMs(1000);
/** Newest entries that are looked through: frames come soon after what broke them. */
const LOOKED_AT = 64;

/** Collects damage. Times are those of the frames. */
export class Damage {
  readonly #frames: Micros[] = [];
  readonly #lost: Micros[] = [];
  readonly #breaks: Micros[] = [];
  #cutOff: string | undefined;
  #missing = 0;

  /** A frame is damaged, or a unit gave none. */
  note(what: 'frame' | 'unit', pts: Micros): void {
    const times = what === 'frame' ? this.#frames : this.#lost;
    if (!times.includes(pts, -LOOKED_AT)) times.push(pts);
  }

  /** The container is broken after `pts`, and goes on behind. */
  noteBreak(pts: Micros): void {
    if (this.#breaks.at(-1) !== pts) this.#breaks.push(pts);
  }

  /** So many coded frames gave none, and the decoder did not say which. */
  noteMissing(frames: number): void {
    this.#missing = frames;
  }

  /** The file ends too early. `reason`: a clause. */
  noteEnd(reason: string): void {
    this.#cutOff = reason;
  }

  /** Whether frames may be missing between two that follow each other. */
  isLossy(from: Micros, to: Micros): boolean {
    const near = (at: Micros): boolean => at >= from - NEAR && at <= to + NEAR;
    return [this.#lost, this.#breaks, this.#frames].some((times) => times.slice(-LOOKED_AT).some(near));
  }

  /** @param start time that the notes count from: the first frame's. */
  report(start: Micros): DamageReport {
    const placesOf = (times: readonly Micros[]): string => places(times.map((at) => minus(at, start)));
    const [frames, lost, breaks] = [this.#frames, this.#lost, this.#breaks];
    const notes: string[] = [];
    if (frames.length > 0)
      notes.push(`the input is damaged: ${counted(frames)} concealed by the decoder${placesOf(frames)}`);
    if (lost.length > 0) notes.push(`${counted(lost)} not decodable and interpolated across${placesOf(lost)}`);
    if (this.#missing > 0) notes.push(`${this.#missing} coded frames of the input gave no picture`);
    if (breaks.length > 0)
      notes.push(`the container of the input is broken${placesOf(breaks)}, and was read on behind`);
    if (this.#cutOff !== undefined) notes.push(`the input ${this.#cutOff}`);
    return { damagedFrames: frames.length, lostFrames: lost.length + this.#missing, notes };
  }
}

function counted({ length }: readonly Micros[]): string {
  return length === 1 ? '1 frame was' : `${length} frames were`;
}

/** ` at 1.20 s, 3.04 s and 2 other places`. */
function places(times: readonly Micros[]): string {
  const found = times
    .toSorted((a, b) => a - b)
    .filter((at, i, all) => i === 0 || minus(at, all[i - 1] ?? at) > ONE_PLACE);
  const named = found.slice(0, MAX_NAMED).map((at) => `${toSeconds(at).toFixed(2)} s`);
  const more = found.length - named.length;
  return ` at ${named.join(', ')}${more > 0 ? ` and ${more} other places` : ''}`;
}
