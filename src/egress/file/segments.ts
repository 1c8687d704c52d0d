/** Video in segments, each from an encoder of its own: a run that goes on from another one's segments gives the same packets. */
import type { Stream } from 'node-av';
import type { Frame } from '../../media/frame.ts';
import type { PictureTraits } from '../../media/picture-traits.ts';
import type { Micros } from '../../time.ts';
import { FileEncoder, type FileEncoderOptions } from './encoder.ts';
import type { Muxing } from './muxing.ts';

/** Seconds of the output in a segment: what a killed run does over again. */
const SEGMENT_SECONDS = 2;
/** A segment has no fewer frames: each begins with a keyframe … */
const MIN_FRAMES = 48;
/** … and no more: each of them is work. */
const MAX_FRAMES = 120;

/** Frames of the output after which a segment ends, at the next source frame. Pure. */
export function segmentFrames(fps: { readonly num: number; readonly den: number }): number {
  return Math.min(Math.max(MIN_FRAMES, Math.round((SEGMENT_SECONDS * fps.num) / fps.den)), MAX_FRAMES);
}

/** One encoder after the other. */
export class Segments {
  readonly #options: FileEncoderOptions;
  readonly #muxing: Muxing;
  readonly #length: number;
  #traits: PictureTraits | undefined;
  #encoder: FileEncoder | undefined;
  #first = 0;

  constructor(options: FileEncoderOptions, muxing: Muxing) {
    this.#options = options;
    this.#muxing = muxing;
    this.#length = segmentFrames(options.fps);
  }

  /** Starts the file by its first frame, whose `traits` tag all; `start` is given what describes the video. */
  async begin(
    frame: Frame,
    at: Micros,
    traits: PictureTraits | undefined,
    start: (describe: (stream: Stream) => void) => Promise<void>,
  ): Promise<void> {
    this.#traits = traits;
    const probe = await this.#open();
    try {
      await probe.encode(frame, at, traits);
      await start((stream) => probe.describe(stream));
    } finally {
      probe.close();
    }
  }

  /** Encodes a frame, which stays the caller's, and writes what comes out. */
  async write(frame: Frame, at: Micros): Promise<void> {
    this.#encoder ??= await this.#open();
    await this.#encoder.encode(frame, at, this.#traits);
    await this.#drain(this.#encoder, false);
  }

  /** Frames of the output before the segment under way. */
  get first(): number {
    return this.#first;
  }

  /** What comes next is the first frame of a segment. */
  startAt(frames: number): void {
    this.#first = frames;
  }

  /** Ends the segment if it is long enough. @param frames of the output so far. @returns whether it did. */
  async end(frames: number): Promise<boolean> {
    if (frames - this.#first < this.#length) return false;
    await this.flush();
    this.#first = frames;
    return true;
  }

  /** Writes all that waits in the encoder. */
  async flush(): Promise<void> {
    const encoder = this.#encoder;
    if (!encoder) return;
    this.#encoder = undefined;
    try {
      await this.#drain(encoder, true);
    } finally {
      encoder.close();
    }
  }

  /** Closing twice is harmless. */
  close(): void {
    this.#encoder?.close();
    this.#encoder = undefined;
  }

  #open(): Promise<FileEncoder> {
    return FileEncoder.open({ ...this.#options, globalHeader: this.#muxing.wantsGlobalHeader });
  }

  async #drain(encoder: FileEncoder, toTheEnd: boolean): Promise<void> {
    for await (const packet of encoder.packets(toTheEnd)) {
      try {
        await this.#muxing.writeVideo(packet);
      } finally {
        packet.free();
      }
    }
  }
}
