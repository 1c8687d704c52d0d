/**
 * Who of a publication's viewers is sent which rendition, and the encoders of those that are not the
 * full one. The others notice nothing: their encoder is not touched.
 */
import type { Arena } from '../../media/arena.ts';
import type { Frame } from '../../media/frame.ts';
import type { PictureTraits } from '../../media/picture-traits.ts';
import { fromMs, type Micros, minus, plus } from '../../time.ts';
import type { EncodingOptions } from '../codec/encoding.ts';
import type { EncodedUnit, PacketizedUnit, Viewer } from '../viewer.ts';
import { RenditionChoice, type RenditionName, type RenditionNeeds } from './choice.ts';
import { Rendition } from './rendition.ts';
import { SourceRate } from './source-rate.ts';

/** Bits for each pixel below which half the size looks better. */
const LEAST_BITS = 0.04;
/** Rows below which nothing is halved. */
const MIN_ROWS = 180;
/** Bits per second of the poorest rendition. */
const MIN_BITRATE = 80e3;
/** How often paths are looked at, and told of. */
const LOOK_INTERVAL = fromMs(50);
const TELL_INTERVAL = fromMs(1000);
/** The full rendition's bitrate is measured over this. */
const MEASURE = fromMs(1000);
/** Share of the most that is left of it after each. */
const LASTING = 0.9;
/** Least time between two frames as shown. */
const LEAST_STEP = fromMs(1);

const LESSER = ['reduced', 'small'] as const;
type Lesser = (typeof LESSER)[number];

/** Options of {@link Renditions}. */
export interface RenditionsOptions extends EncodingOptions {
  /** Where smaller frames are made; undefined: there is no small rendition. */
  readonly arena: Arena | undefined;
  /** Splits an access unit into packets. */
  readonly packetize: (unit: EncodedUnit) => PacketizedUnit;
}

interface Seat {
  readonly choice: RenditionChoice;
  /** What it is sent until the chosen rendition has a keyframe. */
  sent: RenditionName;
}

/** The renditions of one publication. */
export class Renditions {
  readonly #options: RenditionsOptions;
  readonly #rate: SourceRate;
  readonly #seats = new Map<Viewer, Seat>();
  /** Of the last unit that a viewer was sent. */
  readonly #lastDue = new WeakMap<Viewer, Micros>();
  readonly #lesser: Readonly<Record<Lesser, Rendition>>;
  readonly #told = new Set<Lesser>();
  #lookedAt: Micros | undefined;
  #toldAt: Micros | undefined;
  #fullBytes = 0;
  #fullSince: Micros | undefined;
  #fullNow: number | undefined;
  /** The most that it took of late. */
  #fullMost: number | undefined;
  #pixels = 0;
  #rows = 0;

  constructor(options: RenditionsOptions) {
    this.#options = options;
    this.#rate = new SourceRate(options.fps);
    const make = (name: Lesser): Rendition => {
      const { packetize, arena, fps: _, bitrate: __, ...encoding } = options;
      return new Rendition({
        ...encoding,
        halvedIn: name === 'small' ? arena : undefined,
        onUnit: (unit) => this.#deliver(name, packetize(unit)),
      });
    };
    this.#lesser = { reduced: make('reduced'), small: make('small') };
  }

  /**
   * A frame is shown at `due`; it stays the caller's.
   * @param target bits per second of the full rendition's encoder; or it is none of ours, and takes what it takes.
   */
  push(frame: Frame, due: Micros, viewers: Iterable<Viewer>, target: number | 'as measured' | undefined): void {
    const fullTarget = target === 'as measured' ? this.#fullMost : target;
    const kept = this.#rate.keeps(frame.provenance, due);
    this.#pixels = frame.width * frame.height;
    this.#rows = frame.height;
    this.#look(viewers, fullTarget);
    if (!kept) return;
    for (const name of LESSER) {
      const bitrate = this.#bitrateOf(name, fullTarget);
      if (bitrate !== undefined) this.#lesser[name].encode(frame, due, bitrate, this.#rate.fps);
    }
  }

  /** An access unit of the full rendition, for those that are sent it. */
  full(item: PacketizedUnit, viewers: Iterable<Viewer>): void {
    for (const viewer of viewers) this.give('full', viewer, item);
  }

  /** Sends an access unit of a rendition to a viewer, if that is the one that it is sent, or is to be from here on. */
  give(name: RenditionName, viewer: Viewer, item: PacketizedUnit): void {
    const seat = this.#seats.get(viewer);
    if (name !== (seat?.sent ?? 'full')) {
      if (seat?.choice.name !== name || !item.unit.keyframe) return;
      seat.sent = name;
      viewer.restart();
    }
    const { unit } = item;
    // Of the frame of the change the other rendition may have been sent.
    const last = this.#lastDue.get(viewer);
    const due = last !== undefined && unit.due <= last ? plus(last, LEAST_STEP) : unit.due;
    this.#lastDue.set(viewer, due);
    viewer.send(due === unit.due ? item : { ...item, unit: { ...unit, due } });
  }

  /** Learns of an access unit of the full rendition how much it takes. */
  measure({ data, due }: Pick<EncodedUnit, 'data' | 'due'>): void {
    this.#fullSince ??= due;
    const span = minus(due, this.#fullSince);
    if (span >= MEASURE) {
      this.#fullNow = (this.#fullBytes * 8e6) / span;
      this.#fullMost = Math.max(this.#fullNow, LASTING * (this.#fullMost ?? 0));
      this.#fullBytes = 0;
      this.#fullSince = due;
    }
    this.#fullBytes += data.length;
  }

  /** A viewer needs a keyframe; false where that is the full rendition's business. */
  requestKeyframe(viewer: Viewer | undefined): boolean {
    const seat = viewer && this.#seats.get(viewer);
    if (!seat || seat.sent === 'full') return false;
    this.#lesser[seat.sent].requestKeyframe();
    return true;
  }

  /** See {@link Encoding.setTraits}. */
  setTraits(traits: PictureTraits | undefined): void {
    for (const name of LESSER) this.#lesser[name].setTraits(traits);
  }

  /** See {@link Encoding.setMaxSlice}. */
  setMaxSlice(bytes: number | undefined): void {
    for (const name of LESSER) this.#lesser[name].setMaxSlice(bytes);
  }

  /** Closes all encoders. Twice is harmless. */
  async close(): Promise<void> {
    this.#seats.clear();
    await Promise.all(LESSER.map((name) => this.#lesser[name].close()));
  }

  #deliver(name: Lesser, item: PacketizedUnit): void {
    for (const viewer of this.#seats.keys()) if (viewer.connected) this.give(name, viewer, item);
  }

  #look(viewers: Iterable<Viewer>, fullTarget: number | undefined): void {
    const now = this.#options.clock.now();
    if (fullTarget === undefined || (this.#lookedAt !== undefined && minus(now, this.#lookedAt) < LOOK_INTERVAL))
      return;
    this.#lookedAt = now;
    const needs = this.#needs(fullTarget);
    const present = new Set<Viewer>();
    for (const viewer of viewers) {
      if (!viewer.connected) continue;
      present.add(viewer);
      this.#choose(viewer, needs, now);
    }
    for (const viewer of this.#seats.keys()) if (!present.has(viewer)) this.#seats.delete(viewer);
    for (const name of LESSER) if (!this.#inUse(name)) void this.#lesser[name].close();
    this.#tell(present, now);
  }

  #choose(viewer: Viewer, needs: RenditionNeeds, now: Micros): void {
    const seat = this.#seats.get(viewer) ?? { choice: new RenditionChoice(), sent: 'full' };
    const before = seat.choice.name;
    const name = seat.choice.update(viewer.path, needs, now);
    if (viewer.path) this.#seats.set(viewer, seat);
    viewer.want(name === 'full' ? 0 : 1.15 * needs.fullTarget);
    if (name === before) return;
    const { stream, variant, events } = this.#options;
    events.emit({ type: 'rendition-change', stream, variant, rendition: name });
    // The full rendition has a keyframe every two seconds; one more would cost all the others bits.
    if (name !== 'full') this.#lesser[name].requestKeyframe();
  }

  #needs(fullTarget: number): RenditionNeeds {
    const halvable = this.#options.arena !== undefined && this.#rows >= MIN_ROWS;
    return {
      fullNow: Math.min(this.#fullNow ?? fullTarget, fullTarget),
      fullTarget,
      reducedLeast: halvable ? this.#pixels * this.#rate.fps * LEAST_BITS : undefined,
    };
  }

  #inUse(name: Lesser): boolean {
    for (const { choice, sent } of this.#seats.values()) if (choice.name === name || sent === name) return true;
    return false;
  }

  /** What the weakest of a rendition's viewers takes; undefined when there is none. */
  #bitrateOf(name: Lesser, fullTarget = Number.POSITIVE_INFINITY): number | undefined {
    let least: number | undefined;
    for (const [viewer, { choice, sent }] of this.#seats) {
      // Who leaves for the other one has its own bitrate there.
      if (choice.name !== name && (sent !== name || choice.name !== 'full')) continue;
      least = Math.min(least ?? fullTarget, viewer.path?.available ?? fullTarget);
    }
    return least === undefined ? undefined : Math.max(MIN_BITRATE, least);
  }

  #tell(present: ReadonlySet<Viewer>, now: Micros): void {
    if (this.#toldAt !== undefined && minus(now, this.#toldAt) < TELL_INTERVAL) return;
    this.#toldAt = now;
    const { stream, variant, events } = this.#options;
    for (const { path } of present) {
      if (path) events.emit({ type: 'viewer-path', stream, variant, bitsPerSecond: path.available, loss: path.loss });
    }
    for (const rendition of LESSER) {
      const viewers = [...this.#seats.values()].filter(({ choice }) => choice.name === rendition).length;
      if (viewers === 0 && !this.#told.delete(rendition)) continue;
      if (viewers > 0) this.#told.add(rendition);
      const bitsPerSecond = viewers > 0 ? this.#lesser[rendition].bitrate : 0;
      events.emit({ type: 'rendition', stream, variant, rendition, viewers, bitsPerSecond });
    }
  }
}
