/** An encoder without pictures: it gives a unit at once, and remembers what it was given. */
import type { VideoEncoderOptions } from '../../src/egress/codec/encoder.ts';
import type { EncoderName } from '../../src/egress/codec/encoder-name.ts';
import type { Encoder } from '../../src/egress/codec/encoding.ts';
import type { Frame } from '../../src/media/frame.ts';
import { type Micros, micros } from '../../src/time.ts';

const UNIT_BYTES = 8000;

export class ScriptedEncoder implements Encoder {
  readonly depth = 0;
  readonly capacity = 3;
  readonly options: VideoEncoderOptions;
  bitrate: number;
  closed = false;
  /** Keyframes given. */
  keyframes = 0;
  /** Of the frames that it was given. */
  readonly widths: number[] = [];
  readonly kinds: string[] = [];
  /** The next unit is a keyframe. */
  keyframe = true;

  constructor(options: VideoEncoderOptions) {
    this.options = options;
    this.bitrate = options.bitrate;
  }

  get name(): EncoderName {
    return this.options.encoder ?? 'x264';
  }

  encode(frame: Frame, due: Micros): void {
    const { pts, arrival, capture, provenance, width } = frame;
    frame.release();
    const { keyframe } = this;
    this.keyframe = false;
    if (keyframe) this.keyframes += 1;
    this.widths.push(width);
    this.kinds.push(provenance.kind);
    // The last byte says who made it.
    const data = Buffer.alloc(UNIT_BYTES, this.name === 'libvpx' ? 8 : 4);
    data.set([0, 0, 0, 1, 0x65]);
    const encoded = this.options.clock.now();
    this.options.onAccessUnit({ data, keyframe, due, pts, arrival, capture, provenance, encoded }, micros(0));
  }

  requestKeyframe(): void {
    this.keyframe = true;
  }

  setBitrate(bitsPerSecond: number): void {
    this.bitrate = bitsPerSecond;
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}
