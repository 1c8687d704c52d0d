/**
 * One timeline for all streams of a file whose own timestamps go back or jump: joined transport streams, recordings, clocks
 * that wrap. Pure.
 *
 * The stamps of a file fall into segments, each with a shift that brings it onto the timeline that goes on. The stream that
 * jumps first opens a segment; the others move into it when their own stamps jump, so that sound and picture keep their
 * distance. A gap ahead is a real one, and kept, where another stream goes on through it, and where the container has no
 * habit of jumping (a time lapse in Matroska, a held picture in MP4).
 */
import { fromMs, type Micros, micros, minus, plus, ZERO } from '../../time.ts';

/** The stamps of one packet, as its container has them. */
export interface Stamps {
  /** Index of its stream. */
  readonly stream: number;
  /** Presentation and decoding time, where the container gives them. */
  readonly pts: Micros | undefined;
  readonly dts: Micros | undefined;
  readonly duration: Micros | undefined;
}

/** Where the timestamps of a file broke, and were joined. */
export interface Join {
  /** On the timeline that goes on. */
  readonly at: Micros;
  /** The file's own stamps before and after. */
  readonly from: Micros;
  readonly to: Micros;
}

/** Where a packet stands. */
export interface Place {
  /** To be added to its stamps. */
  readonly shift: Micros;
  /** It is the first of its stream behind a join: nothing can be shown between it and the packet before. */
  readonly joined: boolean;
  /** It lies before what its stream has already given: sound there would be heard twice. */
  readonly overlaps: boolean;
}

/** Options of {@link Timeline}. */
export interface TimelineOptions {
  /** Index of the stream that is shown. */
  readonly picture: number;
  /** Indices of streams that run without pause: sound, and the picture. A gap of subtitles means nothing. */
  readonly steady: readonly number[];
  /** The container's stamps may jump ahead for no reason (MPEG transport and program streams, and their like). */
  readonly jumpsAhead: boolean;
}

/** Decoding times that go back by more than this broke; less is a muxer's jitter. */
const MAX_BACK = fromMs(100);
/** The same of presentation times, where a container has no others: frames are not shown in the order of the file. */
const MAX_REORDERED = fromMs(2000);
/** A gap ahead that is longer is judged. */
const MAX_AHEAD = fromMs(10_000);
/** … and is no jump where it is not so many times longer than this stream's usual one. */
const UNUSUAL = 10;
/** Gaps of a stream that must have been seen for any to be unusual. */
const ENOUGH_GAPS = 3;
/** So far before its place a stream may come into a segment that another one opened. */
const MAX_EARLY = fromMs(500);

/** What is known of one stream. All on the timeline that goes on. */
interface StreamState {
  segment: number;
  /** Decoding time of its last packet, and the latest of all; undefined without any. */
  last: Micros | undefined;
  latest: Micros | undefined;
  /** When its last-shown packet ends. */
  end: Micros;
  /** Usual distance of its packets, and how many were seen. */
  gap: number;
  gaps: number;
}

/** Places packets in the order of the file. */
export class Timeline {
  readonly #options: TimelineOptions;
  readonly #streams = new Map<number, StreamState>();
  /** The shift of each segment. */
  readonly #shifts: Micros[] = [ZERO];
  readonly #joins: Join[] = [];

  constructor(options: TimelineOptions) {
    this.#options = options;
  }

  /** Where the timestamps broke so far. */
  get joins(): readonly Join[] {
    return this.#joins;
  }

  /** The place of the next packet in the file. */
  place(stamps: Stamps): Place {
    const time = stamps.dts ?? stamps.pts;
    const { steady } = this.#options;
    if (time === undefined || !steady.includes(stamps.stream)) return this.#placeLoose(time);
    const state = this.#streams.get(stamps.stream);
    const segment = state ? this.#segmentOf(stamps, state, time) : this.#shifts.length - 1;
    const at = plus(time, this.#shift(segment));
    const known = state ?? { segment, last: undefined, latest: undefined, end: at, gap: 0, gaps: 0 };
    if (!state) this.#streams.set(stamps.stream, known);
    const joined = segment !== known.segment;
    const overlaps = segment > 0 && known.latest !== undefined && at <= known.latest;
    note(known, stamps, segment, this.#shift(segment));
    return { shift: this.#shift(segment), joined, overlaps };
  }

  /** What comes now and then, such as subtitles, stands in the segment where it is nearest to the picture. */
  #placeLoose(time: Micros | undefined): Place {
    const picture = this.#streams.get(this.#options.picture);
    const now = picture?.end ?? ZERO;
    let shift = this.#shift(picture?.segment ?? this.#shifts.length - 1);
    if (time === undefined) return { shift, joined: false, overlaps: false };
    for (const other of this.#shifts) {
      if (Math.abs(time + other - now) < Math.abs(time + shift - now)) shift = other;
    }
    return { shift, joined: false, overlaps: false };
  }

  #shift(segment: number): Micros {
    return this.#shifts[segment] ?? ZERO;
  }

  #segmentOf(stamps: Stamps, state: StreamState, time: Micros): number {
    if (!this.#broke(stamps, state, time)) return state.segment;
    for (let segment = state.segment + 1; segment < this.#shifts.length; segment += 1) {
      const ahead = minus(plus(time, this.#shift(segment)), state.end);
      if (ahead >= -MAX_EARLY && ahead <= MAX_AHEAD) return segment;
    }
    return this.#open(stamps.pts ?? time, state);
  }

  /** Whether a packet cannot belong to the segment of the one before it. */
  #broke({ stream, dts }: Stamps, state: StreamState, time: Micros): boolean {
    const at = plus(time, this.#shift(state.segment));
    const { last, end, gap, gaps } = state;
    const back = dts !== undefined && last !== undefined ? minus(last, at) - MAX_BACK : minus(end, at) - MAX_REORDERED;
    if (back > 0) return true;
    const ahead = minus(at, end);
    if (!this.#options.jumpsAhead || ahead <= MAX_AHEAD || gaps < ENOUGH_GAPS || ahead <= UNUSUAL * gap) return false;
    return !this.#goesOn(stream, state, at);
  }

  /** Whether another steady stream has passed through the gap before `at`. */
  #goesOn(stream: number, { segment }: StreamState, at: Micros): boolean {
    return this.#options.steady.some((other) => {
      const state = this.#streams.get(other);
      return other !== stream && state?.segment === segment && minus(at, state.end) <= MAX_AHEAD;
    });
  }

  /** A segment that begins with the stamp `to` at the end of what this stream has given. */
  #open(to: Micros, state: StreamState): number {
    this.#shifts.push(minus(state.end, to));
    this.#joins.push({ at: state.end, from: minus(state.end, this.#shift(state.segment)), to });
    return this.#shifts.length - 1;
  }
}

function note(state: StreamState, { pts, dts, duration }: Stamps, segment: number, shift: Micros): void {
  if (dts !== undefined) {
    const at = plus(dts, shift);
    if (segment === state.segment && state.last !== undefined && at > state.last) {
      state.gaps += 1;
      state.gap += (minus(at, state.last) - state.gap) / Math.min(8, state.gaps);
    }
    state.last = at;
    state.latest = micros(Math.max(state.latest ?? at, at));
  }
  const lasts = duration !== undefined && duration > 0 ? duration : micros(state.gap);
  state.segment = segment;
  state.end = micros(Math.max(state.end, plus(plus(pts ?? dts ?? ZERO, shift), lasts)));
}
