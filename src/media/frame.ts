/** The frame: I420 planes in the arena, an owner, times, and where it came from. */

import { FrameliftError } from '../errors.ts';
import type { Micros } from '../time.ts';
import type { CodedPicture } from './access-unit.ts';
import type { Arena, Block } from './arena.ts';
import { type DeepLayout, deepLayout, type SampleForm } from './deep-layout.ts';

/** Where a presented frame came from. Nothing synthetic is hidden. */
export type Provenance =
  | { readonly kind: 'source' }
  /** A source frame that a network has made larger: not its own samples any more. `hash` as of `synthetic`. */
  | { readonly kind: 'enlarged'; readonly model: string; readonly hash?: string }
  /** A source frame shown again in place of an interpolated one. `t` is the time it stands for; 0 where no other source frame has come. */
  | { readonly kind: 'repeated'; readonly t: number; readonly reason: RepeatReason }
  | ({ readonly kind: 'synthetic' } & Making)
  /** Carried on beyond the later parent, because no frame after it was there; 1 < t ≤ 1.5. */
  | ({ readonly kind: 'extrapolated' } & Making);

/** How a synthetic frame was made. */
interface Making {
  /** Time from the earlier parent (0) to the later one (1). */
  readonly t: number;
  /** Model id, as in the manifest; `blend` for the reference interpolator. */
  readonly model: string;
  /** First 16 hexadecimal digits of the SHA-256 of the model's file. Absent: it has none (`search`, `blend`). */
  readonly hash?: string;
  /** 0…1, an estimate without the truth; 1 = certain. Undefined: the model does not judge itself. */
  readonly confidence: number | undefined;
  /** 0…1: share of it that shows a parent where the interpolation was unsure. Absent: none. */
  readonly parental?: number;
  /** 0…1: synthetic noise was added up to this share of a real frame's. Absent: none. */
  readonly grain?: number;
  /** The motion was taken to change as it does from the pair beside. Absent: to be even. */
  readonly acceleration?: Acceleration;
}

/** Which pairs beside a pair tell how its motion changes: the one before, the one after, or both. */
export type Acceleration = 'before' | 'after' | 'both';

/** Why a source frame was repeated where an interpolated one was scheduled. */
export type RepeatReason =
  | 'deadline'
  | 'unsure'
  | 'cut'
  | 'flash'
  | 'duplicate'
  | 'discontinuity'
  | 'size-change'
  | 'no-model'
  | 'unwatched'
  | 'engine-error'
  | 'overload'
  | 'silence';

/** The provenance of every decoded frame. */
export const SOURCE: Provenance = { kind: 'source' };

/** Placement of the three planes within a frame's block. Strides are multiples of 64 (luma) and 32 (chroma). */
export interface PlaneLayout {
  /** Luma samples per row, rows. Any size ≥ 2, odd ones included. */
  readonly width: number;
  readonly height: number;
  /** ceil(width/2), ceil(height/2). */
  readonly chromaWidth: number;
  readonly chromaHeight: number;
  /** Bytes between rows. */
  readonly strideY: number;
  readonly strideC: number;
  /** Byte offsets from the start of the block. */
  readonly y: number;
  readonly u: number;
  readonly v: number;
  /** Bytes of the whole block, 64 bytes of read-past room included. */
  readonly bytes: number;
}

/** The layout of a width × height I420 frame. Pure. */
export function planeLayout(width: number, height: number): PlaneLayout {
  const chromaWidth = (width + 1) >> 1;
  const chromaHeight = (height + 1) >> 1;
  const strideY = Math.ceil(width / 64) * 64;
  const strideC = strideY / 2;
  const u = strideY * height;
  const v = u + strideC * chromaHeight;
  return {
    width,
    height,
    chromaWidth,
    chromaHeight,
    strideY,
    strideC,
    y: 0,
    u,
    v,
    bytes: v + strideC * chromaHeight + 64,
  };
}

/** What is known of a frame beside its pixels. */
export interface FrameInfo {
  /** Presentation time on the source's own timeline (RTP or container, unwrapped), never counted. */
  readonly pts: Micros;
  /** Monotonic clock when the last byte of the frame arrived. Latency is measured from here. */
  readonly arrival: Micros;
  /** Wall-clock capture time (Unix epoch) when the source tells it (RTCP sender report), else the wall clock at arrival. */
  readonly capture: Micros;
  /** True when no pair may be formed with the frame before it: loss, seek, reconnect, timestamp jump. */
  readonly discontinuity: boolean;
  readonly provenance: Provenance;
  /** What it was decoded from: this and nothing else. Absent: nobody wants it, or it is not known. */
  readonly coded?: CodedPicture | undefined;
}

let allocated = 0;

interface Pixels {
  /** Never the same for two allocations, though their blocks may be. */
  readonly id: number;
  readonly arena: Arena;
  readonly block: Block;
  readonly layout: PlaneLayout;
  readonly deep: { readonly block: Block; readonly layout: DeepLayout } | undefined;
  holders: number;
}

/** The same picture in its own form, beside the I420 one. */
export interface DeepPicture {
  readonly layout: DeepLayout;
  /** Byte offset of the block in the arena's memory; planes are at `offset + plane.offset`. */
  readonly offset: number;
  /** The whole block. */
  readonly bytes: Uint8Array;
}

/**
 * A handle on pixels in the arena. Whoever holds a handle owns it: pass it on or release it, on every path.
 * {@link Frame.share} makes a second handle on the same pixels; they are freed with the last one. Pixels are written
 * only between allocation and the first hand-over.
 */
export class Frame implements FrameInfo {
  readonly pts: Micros;
  readonly arrival: Micros;
  readonly capture: Micros;
  readonly discontinuity: boolean;
  readonly provenance: Provenance;
  readonly coded: CodedPicture | undefined;
  readonly #pixels: Pixels;
  #released = false;

  private constructor(pixels: Pixels, info: FrameInfo) {
    this.#pixels = pixels;
    this.pts = info.pts;
    this.arrival = info.arrival;
    this.capture = info.capture;
    this.discontinuity = info.discontinuity;
    this.provenance = info.provenance;
    this.coded = info.coded;
    pixels.holders += 1;
    pixels.arena.countFrame(1);
  }

  /**
   * A frame with undefined pixels. `form`: it holds the picture in that form, too.
   * @throws FrameliftError `arena.full`.
   */
  static allocate(arena: Arena, width: number, height: number, info: FrameInfo, form?: SampleForm): Frame {
    const layout = planeLayout(width, height);
    const block = arena.allocate(layout.bytes);
    const deep = form && allocateDeep(arena, form, width, height, block);
    allocated += 1;
    return new Frame({ id: allocated, arena, block, layout, deep, holders: 0 }, info);
  }

  get layout(): PlaneLayout {
    return this.#pixels.layout;
  }

  get width(): number {
    return this.#pixels.layout.width;
  }

  get height(): number {
    return this.#pixels.layout.height;
  }

  /** Byte offset of the block in the arena's memory; planes are at `offset + layout.y|u|v`. @throws `frame.misuse` after release. */
  get offset(): number {
    this.#check();
    return this.#pixels.block.offset;
  }

  /** Tells these pixels from all others that this thread has allocated, in the same block too: a key for what is derived from them. */
  get pixels(): number {
    return this.#pixels.id;
  }

  /** The whole block as bytes (rows with stride, planes one after the other). @throws `frame.misuse` after release. */
  get bytes(): Uint8Array {
    this.#check();
    const { arena, block, layout } = this.#pixels;
    return arena.u8.subarray(block.offset, block.offset + layout.bytes);
  }

  /** The picture as it came, where I420 cannot hold it and somebody wants it. @throws `frame.misuse` after release. */
  get deep(): DeepPicture | undefined {
    this.#check();
    const { arena, deep } = this.#pixels;
    if (!deep) return undefined;
    const { block, layout } = deep;
    const bytes = arena.u8.subarray(block.offset, block.offset + layout.bytes);
    return { layout, offset: block.offset, bytes };
  }

  /** True while this handle may be used. */
  get alive(): boolean {
    return !this.#released;
  }

  /** A second handle on the same pixels, with some of the information replaced. @throws `frame.misuse` after release. */
  share(changes: Partial<FrameInfo> = {}): Frame {
    this.#check();
    return new Frame(this.#pixels, {
      pts: changes.pts ?? this.pts,
      arrival: changes.arrival ?? this.arrival,
      capture: changes.capture ?? this.capture,
      discontinuity: changes.discontinuity ?? this.discontinuity,
      provenance: changes.provenance ?? this.provenance,
      coded: changes.coded ?? this.coded,
    });
  }

  /** Gives the handle up. @throws FrameliftError `frame.misuse` when it was given up before. */
  release(): void {
    this.#check();
    this.#released = true;
    const pixels = this.#pixels;
    pixels.holders -= 1;
    pixels.arena.countFrame(-1);
    if (pixels.holders > 0) return;
    pixels.arena.free(pixels.block);
    if (pixels.deep) pixels.arena.free(pixels.deep.block);
  }

  #check(): void {
    if (this.#released) throw new FrameliftError('frame.misuse', 'frame used after release');
  }
}

/** Gives `beside` up where there is no room for both. */
function allocateDeep(arena: Arena, form: SampleForm, width: number, height: number, beside: Block): Pixels['deep'] {
  const layout = deepLayout(form, width, height);
  try {
    return { block: arena.allocate(layout.bytes), layout };
  } catch (error) {
    arena.free(beside);
    throw error;
  }
}

/**
 * Gives a library's views on a decoded frame back at once. V8 counts each as memory outside of its heap: at 1080p30 it would collect the whole
 * heap four times a second, 100 ms each, until the collector finds the views.
 */
export function detachPlanes(planes: readonly Buffer[]): void {
  for (const { buffer, byteLength } of planes) {
    // Never a buffer that others look at, too: Node keeps small ones in a pool.
    if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
  }
}
