/** How much a source may send. Pure. */
import { FrameliftError } from '../errors.ts';
import type { Micros } from '../time.ts';
import { TokenBucket } from '../token-bucket.ts';
import { MAX_PACKETS_PER_SECOND, MAX_PARTS_PER_SECOND } from './peer-limits.ts';

/** Bounds on a source's frames and data. */
export interface IngestLimits {
  /** Luma samples. */
  readonly maxWidth: number;
  /** Luma samples. */
  readonly maxHeight: number;
  /** Frames per second. */
  readonly maxFps: number;
  /** What arrives, where we see it: RTSP and WHIP. */
  readonly maxBitrateKbps: number;
}

/** What no camera exceeds: 8K, 240 frames and 200 Mbit a second. */
export const DEFAULT_LIMITS: IngestLimits = { maxWidth: 8192, maxHeight: 4320, maxFps: 240, maxBitrateKbps: 200_000 };

/**
 * Rates may be exceeded by so much: clocks differ, 29.97 is written as 30, and rates are measured
 * as frames arrive.
 */
const TOLERANCE = 1.05;
/**
 * A burst of so much is no rate: servers send the frames since the last keyframe at once, networks
 * stall.
 */
const BURST_SECONDS = 3;
/** Decoders count whole blocks, and rows aligned for their vector instructions. */
const ALIGNMENT = 128;

/** The error for a frame of this size, undefined when it is within the limits. */
export function sizeExcess(limits: IngestLimits, width: number, height: number): FrameliftError | undefined {
  const { maxWidth, maxHeight } = limits;
  if (width <= maxWidth && height <= maxHeight) return undefined;
  return new FrameliftError(
    'source.too-large',
    `the frames are ${width}x${height}, the limit is ${maxWidth}x${maxHeight}`,
    { remedy: 'Let the source send smaller frames, or raise limits.maxWidth and limits.maxHeight.' },
  );
}

/**
 * Luma samples beyond which a decoder need not even begin: what protects memory before the first
 * frame is there.
 */
export function maxPixels({ maxWidth, maxHeight }: IngestLimits): number {
  return (maxWidth + ALIGNMENT) * (maxHeight + ALIGNMENT);
}

/** Measures what a source sends against its limits, by token buckets. One for each connection. */
export class IngestGauge {
  readonly #limits: IngestLimits;
  readonly #frames: TokenBucket;
  readonly #bits: TokenBucket;
  readonly #packets = bucketFor(MAX_PACKETS_PER_SECOND);
  readonly #parts = bucketFor(MAX_PARTS_PER_SECOND);
  #partsSoFar = 0;

  constructor(limits: IngestLimits) {
    this.#limits = limits;
    this.#frames = bucketFor(limits.maxFps);
    this.#bits = bucketFor(limits.maxBitrateKbps * 1000);
  }

  /**
   * Counts a frame that came at `now`. Returns the error when there are too many, or it is too
   * large.
   */
  frame(width: number, height: number, now: Micros): FrameliftError | undefined {
    const { maxFps } = this.#limits;
    if (this.#frames.take(1, now)) return sizeExcess(this.#limits, width, height);
    return new FrameliftError('source.too-fast', `more than ${maxFps} frames per second arrive, the limit`, {
      remedy: 'Let the source send fewer frames, or raise limits.maxFps.',
    });
  }

  /**
   * Counts a packet that came at `now`, whatever it is good for: an access unit that never ends is
   * data as well. Returns the error when it is too much.
   */
  packet(bytes: number, now: Micros): FrameliftError | undefined {
    if (!this.#packets.take(1, now)) {
      return new FrameliftError(
        'source.too-fast',
        `more than ${MAX_PACKETS_PER_SECOND} packets per second arrive, the limit`,
        { remedy: 'Let the source send larger packets.' },
      );
    }
    if (this.#bits.take(bytes * 8, now)) return undefined;
    const { maxBitrateKbps } = this.#limits;
    return new FrameliftError('source.too-fast', `more than ${maxBitrateKbps} kbit/s arrive, the limit`, {
      remedy: 'Lower the bitrate of the source, or raise limits.maxBitrateKbps.',
    });
  }

  /**
   * Takes how many parts (NAL units, OBUs) the packets up to `now` held in all. Returns the error
   * when there are too many.
   */
  parts(soFar: number, now: Micros): FrameliftError | undefined {
    const count = soFar - this.#partsSoFar;
    this.#partsSoFar = soFar;
    if (this.#parts.take(count, now)) return undefined;
    return new FrameliftError(
      'source.too-fast',
      `more than ${MAX_PARTS_PER_SECOND} NAL units or OBUs per second arrive, the limit`,
      { remedy: 'Let the encoder make larger slices.' },
    );
  }
}

/** A bucket that a source of exactly `perSecond` never empties. */
function bucketFor(perSecond: number): TokenBucket {
  return new TokenBucket({ perSecond: perSecond * TOLERANCE, capacity: perSecond * BURST_SECONDS });
}
