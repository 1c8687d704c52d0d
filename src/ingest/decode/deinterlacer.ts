/**
 * From frames that may hold two moments to pictures of one: finds out what kind of video it is, and
 * takes apart what is woven. With `decoder.ts` an adapter of node-av.
 */
import { AV_FRAME_FLAG_INTERLACED, AV_FRAME_FLAG_TOP_FIELD_FIRST, type Frame as AvFrame } from 'node-av';
import type { PictureTraits } from '../../media/picture-traits.ts';
import { type Micros, micros, minus, ZERO } from '../../time.ts';
import { type Columns, fieldEvidence } from './field-evidence.ts';
import { type EmitPicture, FieldFilter, type FieldFilterOptions } from './field-filter.ts';
import { FieldJudge, type Scan } from './field-judge.ts';
import { FilmMatcher, fieldChange } from './film-matcher.ts';
import { cloned, columnsOf } from './picture-columns.ts';
import { Pulldown } from './pulldown.ts';

/** Whether frames of two fields are taken apart: where they are found, never, or all. */
export const DEINTERLACE_CHOICES = ['auto', 'off', 'on'] as const;

/** One of {@link DEINTERLACE_CHOICES}. */
export type DeinterlaceChoice = (typeof DEINTERLACE_CHOICES)[number];

/** No interlaced format has more lines: larger frames are not looked at. */
const MAX_LINES = 1152;
const MIN_LINES = 16;
/** Frames of a file that wait until it is known what they are. */
const MAX_HELD = 30;
/** Frames that say nothing of fields are looked at for so long, then so many of so many. */
const FIRST_LOOKS = 250;
const LOOKS = 8;
const LOOKS_EVERY = 64;
/** Frames further apart belong to different stretches. */
const MAX_STEP = 1_000_000;

/** A picture as FFmpeg has it, for those that only pass it on. */
export type AvPicture = AvFrame;

/** What is known of a frame beside its samples. */
export interface FrameStamp {
  readonly pts: Micros;
  readonly arrival: Micros;
  readonly capture: Micros;
  readonly discontinuity: boolean;
}

/** Borrows a picture for the call. */
export type EmitStamped = (picture: AvFrame, stamp: FrameStamp) => void;

/** What a {@link Deinterlacer} is to do. */
export interface DeinterlacerOptions {
  readonly choice: Exclude<DeinterlaceChoice, 'off'>;
  /** Frames may wait until it is known what they are: a file. */
  readonly hold: boolean;
}

interface Film {
  readonly bottomFirst: boolean;
  readonly matcher: FilmMatcher;
  readonly pulldown: Pulldown;
  /** Of the frame before. */
  last: Columns | undefined;
}

interface HeldFrame {
  readonly frame: AvFrame;
  readonly stamp: FrameStamp;
  readonly columns: Columns | undefined;
}

/**
 * One decoder's frames. Progressive ones pass as they are, at once. Of interlaced ones each field
 * becomes a picture, one frame later, for bwdif looks at the frame after. Film in video becomes
 * the film's own pictures, four of five frames, evenly timed.
 */
export class Deinterlacer {
  readonly #options: DeinterlacerOptions;
  #judge = new FieldJudge();
  /** The last two frames, for the one between them and the next. */
  #looked: { readonly columns: Columns; readonly flagged: boolean }[] = [];
  #looks = 0;
  #held: HeldFrame[] = [];
  /** Held until now, and next to be dealt with. */
  #waiting: HeldFrame[] = [];
  #mode: Scan | undefined;
  #filter: FieldFilter | undefined;
  #film: Film | undefined;
  /** Of the frames inside the filter. */
  #stamps: FrameStamp[] = [];
  #last: FrameStamp | undefined;
  /** Between the last two frames. */
  #step: Micros = ZERO;
  #format = { width: 0, height: 0, format: -1 };

  constructor(options: DeinterlacerOptions) {
    this.#options = options;
  }

  /** What is being done; undefined while frames pass as they are. */
  get doing(): PictureTraits['deinterlaced'] {
    return this.#mode === 'interlaced' ? 'fields' : this.#mode === 'film' ? 'film' : undefined;
  }

  /** True where the next frame, of so many lines, is to be shown as it is, unseen. It need not be pushed then. */
  passes(height: number): boolean {
    if (this.#options.choice === 'on' || this.doing !== undefined) return false;
    if (height <= MAX_LINES && this.#isWorthLooking(height)) return false;
    this.#looks += 1;
    this.#looked = [];
    return true;
  }

  /** Takes a frame, whose time may be changed; `emit` gets the pictures that are ready. */
  push(frame: AvFrame, stamp: FrameStamp, emit: EmitStamped): void {
    const { width, height, format } = frame;
    const same = width === this.#format.width && height === this.#format.height && format === this.#format.format;
    const step = this.#last && minus(stamp.pts, this.#last.pts);
    if (!same || (step !== undefined && (step <= 0 || step > MAX_STEP))) {
      this.end(emit);
      if (!same) this.#judge = new FieldJudge();
    }
    this.#format = { width, height, format };
    if (step !== undefined && step > 0 && step <= MAX_STEP) this.#step = step;
    this.#last = stamp;
    const columns = this.#look(frame);
    if (this.#mustHold(columns)) {
      this.#held.push({ frame: cloned(frame), stamp, columns });
      return;
    }
    this.#release(emit);
    this.#process({ frame, stamp, columns }, emit);
  }

  /** Gives out what it holds: at the end, or before something else. */
  end(emit: EmitStamped): void {
    this.#release(emit);
    this.#stop(emit);
    this.#looked = [];
    this.#last = undefined;
    this.#judge.restart();
  }

  /** Forgets what it holds. */
  reset(): void {
    for (const { frame } of this.#held.splice(0)) frame.free();
    this.#close();
    this.#looked = [];
    this.#last = undefined;
    this.#judge.restart();
  }

  #mustHold(columns: Columns | undefined): boolean {
    const { hold, choice } = this.#options;
    if (!hold || choice === 'on' || !columns) return false;
    return this.#mode === undefined && this.#judge.scan === undefined && this.#held.length < MAX_HELD;
  }

  /** Gives out what was held. */
  #release(emit: EmitStamped): void {
    this.#waiting = this.#held.splice(0);
    try {
      for (let one = this.#waiting.shift(); one; one = this.#waiting.shift()) {
        try {
          this.#process(one, emit);
        } finally {
          one.frame.free();
        }
      }
    } finally {
      for (const { frame } of this.#waiting.splice(0)) frame.free();
    }
  }

  /** Learns from a frame; its columns, where it is looked at. */
  #look(frame: AvFrame): Columns | undefined {
    const flagged = frame.hasFlags(AV_FRAME_FLAG_INTERLACED);
    this.#looks += 1;
    const looks = flagged
      ? frame.height <= MAX_LINES && this.#options.choice !== 'on'
      : this.#isWorthLooking(frame.height);
    if (!looks) {
      this.#looked = [];
      return undefined;
    }
    const columns = columnsOf(frame);
    const [first, second] = this.#looked.slice(-2);
    if (first && second) {
      this.#judge.observe(fieldEvidence(first.columns, second.columns, columns), second.flagged);
    }
    this.#looked = [...this.#looked.slice(-1), { columns, flagged }];
    return columns;
  }

  #isWorthLooking(height: number): boolean {
    if (this.#options.choice === 'on' || height > MAX_LINES || height < MIN_LINES) return false;
    const deep = this.#mode === 'interlaced' || this.#mode === 'film' || this.#held.length > 0;
    return deep || this.#looks < FIRST_LOOKS || this.#looks % LOOKS_EVERY < LOOKS;
  }

  #process({ frame, stamp, columns }: HeldFrame, emit: EmitStamped): void {
    const mode = this.#modeFor(frame);
    if (mode !== this.#mode) {
      this.#stop(emit);
      this.#mode = mode;
    }
    if (mode === 'progressive') {
      // What was found out counts, not what was said.
      frame.clearFlags(AV_FRAME_FLAG_INTERLACED);
      emit(frame, stamp);
      return;
    }
    const out = (picture: AvFrame, pts: Micros): void => emit(picture, this.#stampAt(pts));
    this.#filter ??= new FieldFilter(frame, mode === 'film' ? FILM : this.#filterOptions(frame));
    if (mode === 'interlaced') {
      this.#stamps.push(stamp);
      frame.pts = BigInt(stamp.pts);
      this.#filter.push(frame, out);
      return;
    }
    this.#film ??= this.#newFilm(columns);
    this.#restore(this.#film, { frame, stamp, columns }, this.#filter, out);
  }

  /** Puts the film's picture together, unless it was there before, and gives it its even time. */
  #restore(film: Film, { frame, stamp, columns }: HeldFrame, filter: FieldFilter, out: EmitPicture): void {
    const lines = columns ?? columnsOf(frame);
    const { repeat, later } = film.pulldown.next(changeBetween(film.last, lines, film.bottomFirst));
    film.last = lines;
    const picture = film.matcher.match(frame, lines);
    try {
      if (repeat) return;
      const pts = micros(stamp.pts + later * this.#step);
      this.#stamps.push({ ...stamp, pts });
      picture.pts = BigInt(pts);
      filter.push(picture, out);
    } finally {
      picture.free();
    }
  }

  /** @param first columns of the first frame; those that wait behind it tell where the cycle begins. */
  #newFilm(first: Columns | undefined): Film {
    const { bottomFirst } = this.#judge;
    const ahead = [first, ...this.#waiting.map(({ columns }) => columns)];
    const changes = ahead.map((columns, k) => changeBetween(ahead[k - 1], columns, bottomFirst));
    return { bottomFirst, matcher: new FilmMatcher(bottomFirst), pulldown: new Pulldown(changes), last: undefined };
  }

  #modeFor(frame: AvFrame): Scan {
    if (this.#options.choice === 'on') return 'interlaced';
    if (frame.height > MAX_LINES || frame.height < MIN_LINES) return 'progressive';
    return this.#judge.scan ?? (frame.hasFlags(AV_FRAME_FLAG_INTERLACED) ? 'interlaced' : 'progressive');
  }

  #filterOptions(frame: AvFrame): FieldFilterOptions {
    const flagged = frame.hasFlags(AV_FRAME_FLAG_INTERLACED);
    const known = this.#judge.scan !== undefined;
    if (flagged && (!known || this.#judge.flagsAreRight)) {
      // Frames amid them that say they are whole are left whole.
      return { rate: 'fields', which: known ? 'flagged' : 'all', first: 'told' };
    }
    const bottomFirst = known ? this.#judge.bottomFirst : !frame.hasFlags(AV_FRAME_FLAG_TOP_FIELD_FIRST) && flagged;
    return { rate: 'fields', which: 'all', first: bottomFirst ? 'bottom' : 'top' };
  }

  /** A frame's first picture has its stamp, the second one its own time. */
  #stampAt(pts: Micros): FrameStamp {
    while ((this.#stamps[1]?.pts ?? Number.POSITIVE_INFINITY) <= pts + 1) this.#stamps.shift();
    const stamp = this.#stamps[0] ?? this.#last;
    if (!stamp) throw new RangeError('a picture without a frame');
    return Math.abs(stamp.pts - pts) <= 1 ? stamp : { ...stamp, pts, discontinuity: false };
  }

  #stop(emit: EmitStamped): void {
    this.#filter?.end((picture, pts) => emit(picture, this.#stampAt(pts)));
    this.#close();
  }

  #close(): void {
    this.#filter?.close();
    this.#film?.matcher.close();
    this.#filter = undefined;
    this.#film = undefined;
    this.#stamps = [];
    this.#mode = undefined;
  }
}

function changeBetween(before: Columns | undefined, after: Columns | undefined, bottomFirst: boolean): number {
  return before && after ? fieldChange(before, after, bottomFirst) : 0;
}

/** Film's pictures are whole; where fields did not match, the picture is made of one of them. */
const FILM: FieldFilterOptions = { rate: 'frames', which: 'flagged', first: 'told' };
