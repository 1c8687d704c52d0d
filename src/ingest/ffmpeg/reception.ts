/** What one run of ffmpeg has sent so far: pictures into frames, stderr into facts, silence into an error. */

import { BoundedQueue } from '../../bounded-queue.ts';
import { asFrameliftError, FrameliftError } from '../../errors.ts';
import type { Arena } from '../../media/arena.ts';
import { copyPlane } from '../../media/copy-plane.ts';
import { Frame, SOURCE } from '../../media/frame.ts';
import type { DropReason, EventSink } from '../../metrics/events.ts';
import { type Clock, fromMs, type Micros, micros, minus, plus, toSeconds, waitUntil } from '../../time.ts';
import { IngestGauge, type IngestLimits, sizeExcess } from '../limits.ts';
import { RealtimePacing } from '../realtime.ts';
import type { FrameSink } from '../source.ts';
import { type NutHeader, NutReader } from './nut-reader.ts';

/** Larger steps of the timestamps are jumps, across which nothing is interpolated. */
const MAX_STEP = fromMs(1000);
/**
 * Smaller steps are none: where times do not grow, ffmpeg's muxer makes each a microsecond later than the one before.
 * One is a timestamp given twice; so many in a row are a clock that went back.
 */
const MIN_STEP = micros(100);
const MAX_SQUEEZED = 8;
/** A clock that goes back by more has restarted: waiting until it catches up would freeze the stream. */
const MAX_BACK = fromMs(200);
/** Pictures that wait for their time: those of one chunk from the pipe, so that only stamps of pictures come near. */
const MAX_HELD = 256;
const MAX_LINES = 30;

/** What {@link Reception} needs of a source's options. */
export interface ReceptionOptions {
  readonly stream: string;
  readonly arena: Arena;
  readonly clock: Clock;
  readonly events: EventSink;
  /** Longest silence between two pictures, default 10 s. */
  readonly stallTimeout?: Micros;
  /** Longest wait for the first picture, default 15 s. */
  readonly startTimeout?: Micros;
  /** A source that exceeds them fails. Its bitrate is not seen. Default: none. */
  readonly limits?: IngestLimits | undefined;
}

/** One run. Close it at its end. */
export class Reception {
  readonly #options: ReceptionOptions;
  readonly #sink: FrameSink;
  readonly #reader: NutReader;
  readonly #pacing: RealtimePacing | undefined;
  readonly #gauge: IngestGauge | undefined;
  readonly #failing = new AbortController();
  readonly #held = new BoundedQueue<Frame>(MAX_HELD, 'drop-newest', (frame) => frame.release());
  readonly #lines: string[] = [];
  #failure: FrameliftError | undefined;
  #codec = 'unknown';
  #fps: number | undefined;
  #size = { width: 0, height: 0 };
  #announced = { width: 0, height: 0 };
  #lastPts: Micros | undefined;
  #squeezed = 0;
  #gap = true;
  #releasing = false;
  #delivered = 0;
  #lastSign: Micros;
  #cancelWatch: () => void = () => {};

  /** @param paced true when the pictures come as fast as they are taken, and are to be delivered in real time. */
  constructor(options: ReceptionOptions, sink: FrameSink, paced: boolean) {
    this.#options = options;
    this.#sink = sink;
    this.#pacing = paced ? new RealtimePacing() : undefined;
    this.#gauge = options.limits && new IngestGauge(options.limits);
    this.#lastSign = options.clock.now();
    this.#reader = new NutReader({
      header: (header) => this.#header(header),
      picture: (data, pts) => this.#picture(data, pts),
    });
    this.#watch();
  }

  /** Aborts when the run must end because of {@link failure}. */
  get failed(): AbortSignal {
    return this.#failing.signal;
  }

  get failure(): FrameliftError | undefined {
    return this.#failure;
  }

  /** Pictures that arrived. */
  get delivered(): number {
    return this.#delivered;
  }

  /** ffmpeg's last warnings and errors. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Pictures dropped because too many waited for their time. */
  get dropped(): number {
    return this.#held.dropped;
  }

  /** Takes output of ffmpeg; resolves when all its pictures are delivered, each when it was due. Never rejects. */
  data(chunk: Buffer, stopped: AbortSignal): Promise<void> | undefined {
    if (stopped.aborted) return undefined;
    try {
      this.#reader.push(chunk);
    } catch (thrown) {
      this.#fail(thrown instanceof FrameliftError ? thrown : new FrameliftError('source.protocol', String(thrown)));
    }
    return this.#held.length > 0 ? this.#release(stopped) : undefined;
  }

  /** Takes a line of stderr. */
  line(line: string): void {
    const video = /Stream #0:\d+.*?: Video: (\w+)/.exec(line);
    if (video?.[1] && this.#codec === 'unknown') {
      this.#codec = video[1];
      const fps = Number(/ ([\d.]+) fps\b/.exec(line)?.[1]);
      if (fps > 0) this.#fps = fps;
    }
    // ffmpeg up to 6, and from 7 on.
    const size = /\bw:(\d+) h:(\d+) pixfmt/.exec(line) ?? /parameters changed to .*?\b(\d+)x(\d+)/.exec(line);
    if (size) this.#announced = { width: Number(size[1]), height: Number(size[2]) };
    const refused = /Picture size (\d+)x(\d+) exceeds/.exec(line);
    if (refused) this.#tooLarge(Number(refused[1]), Number(refused[2]));
    if (/non-monoton\w+ dts/i.test(line)) this.#notMonotonic(line);
    if (!/\[(warning|error|fatal|panic)\]/.test(line)) return;
    this.#lines.push(line.replace(/\[(warning|error|fatal|panic)\] /, '').slice(0, 400));
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
  }

  close(): void {
    this.#cancelWatch();
    this.#held.clear();
  }

  #header(header: NutHeader): void {
    if (header.fourcc !== 'I420') {
      throw new FrameliftError('source.protocol', `ffmpeg sends ${header.fourcc} instead of I420`);
    }
    this.#resize(header);
  }

  #resize(size: { readonly width: number; readonly height: number }): void {
    if (size.width === this.#size.width && size.height === this.#size.height) return;
    this.#size = { width: size.width, height: size.height };
    this.#gap = true;
    this.#sink.info({ codec: this.#codec, ...this.#size, fps: this.#fps, transport: 'ffmpeg' });
  }

  #picture(data: Uint8Array, pts: Micros): void {
    const { clock } = this.#options;
    this.#lastSign = clock.now();
    this.#delivered += 1;
    // From here on the patience is another.
    if (this.#delivered === 1) this.#watch();
    if (data.length !== packedBytes(this.#size)) {
      // The pipe does not say the new size; ffmpeg's log did, before.
      if (data.length !== packedBytes(this.#announced)) {
        throw new FrameliftError('source.protocol', 'the size of the pictures changed', { recoverable: true });
      }
      this.#resize(this.#announced);
    }
    const excess = this.#gauge?.frame(this.#size.width, this.#size.height, clock.now());
    if (excess) throw excess;
    const last = this.#lastPts;
    if (last !== undefined && minus(pts, last) < MIN_STEP) {
      this.#drop('late');
      this.#squeezed += 1;
      if (this.#squeezed >= MAX_SQUEEZED) this.#wentBack();
      return;
    }
    this.#squeezed = 0;
    const jumped = last !== undefined && minus(pts, last) > MAX_STEP;
    this.#lastPts = pts;
    const frame = this.#allocate(pts, this.#gap || jumped);
    if (!frame) return;
    this.#gap = false;
    fill(frame, data);
    if (!this.#pacing) this.#sink.frame(frame);
    else if (!this.#held.push(frame)) this.#drop('queue-full');
  }

  #allocate(pts: Micros, discontinuity: boolean): Frame | undefined {
    const { arena, clock } = this.#options;
    const info = { pts, arrival: clock.now(), capture: clock.wall(), discontinuity, provenance: SOURCE };
    try {
      return Frame.allocate(arena, this.#size.width, this.#size.height, info);
    } catch (error) {
      if (!(error instanceof FrameliftError && error.code === 'arena.full')) throw error;
      this.#drop('arena-full');
      return undefined;
    }
  }

  /** Delivers what is held, each frame when it is due. Meanwhile ffmpeg waits, and so does the server behind it. */
  async #release(stopped: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    this.#releasing = true;
    try {
      // Out of the queue while it waits: what is in there may be cleared meanwhile.
      for (let frame = this.#held.shift(); frame; frame = this.#held.shift()) {
        await waitUntil(this.#pacing?.due(frame.pts, clock.now()) ?? clock.now(), clock, stopped);
        if (stopped.aborted) {
          frame.release();
          return;
        }
        this.#lastSign = clock.now();
        const due = frame.share({ arrival: clock.now(), capture: clock.wall() });
        frame.release();
        this.#sink.frame(due);
      }
    } catch (thrown) {
      this.#fail(asFrameliftError(thrown, 'source.protocol'));
    } finally {
      this.#releasing = false;
    }
  }

  /** ffmpeg's muxer says that a time is not later than the one before, both in the microseconds of our output. */
  #notMonotonic(line: string): void {
    const [, previous, current] = /previous: (-?\d+), current: (-?\d+)/.exec(line) ?? [];
    if (previous === undefined || Number(previous) - Number(current) > MAX_BACK) this.#wentBack();
  }

  /** The decoder will not even begin: no picture would ever come. */
  #tooLarge(width: number, height: number): void {
    const excess = this.#options.limits && sizeExcess(this.#options.limits, width, height);
    if (excess) this.#fail(excess);
  }

  #wentBack(): void {
    this.#fail(
      new FrameliftError('source.protocol', "the source's clock went back", {
        recoverable: true,
        remedy: 'Nothing, if the source has restarted; else let it send timestamps that grow.',
      }),
    );
  }

  #drop(reason: DropReason): void {
    this.#gap = true;
    this.#options.events.emit({ type: 'drop', stream: this.#options.stream, stage: 'ingest', reason });
  }

  #watch(): void {
    const { clock, stallTimeout = fromMs(10_000), startTimeout = fromMs(15_000) } = this.#options;
    const patience = this.#delivered === 0 ? startTimeout : stallTimeout;
    // A frame that waits for its time is a sign of life.
    const sign = this.#releasing ? clock.now() : this.#lastSign;
    const due = plus(sign, patience);
    this.#cancelWatch();
    if (clock.now() < due) {
      this.#cancelWatch = clock.at(due, () => this.#watch());
      return;
    }
    const what = this.#delivered === 0 ? 'no picture came within' : 'no picture for';
    this.#fail(
      new FrameliftError('source.stalled', `${what} ${toSeconds(patience)} s`, {
        recoverable: true,
        remedy: 'Check that the source is sending; raise stallTimeoutMs for sources that pause.',
      }),
    );
  }

  #fail(error: FrameliftError): void {
    this.#failure ??= error;
    this.#failing.abort();
  }
}

/** Bytes of an I420 picture without padding. */
function packedBytes({ width, height }: { readonly width: number; readonly height: number }): number {
  return width * height + 2 * ((width + 1) >> 1) * ((height + 1) >> 1);
}

function fill(frame: Frame, data: Uint8Array): void {
  const { layout, bytes } = frame;
  const luma = layout.width * layout.height;
  const chroma = layout.chromaWidth * layout.chromaHeight;
  const { width, height, chromaWidth, chromaHeight, strideY, strideC } = layout;
  copyPlane(bytes.subarray(layout.y, layout.u), strideY, data.subarray(0, luma), width, width, height);
  const u = data.subarray(luma, luma + chroma);
  const v = data.subarray(luma + chroma);
  copyPlane(bytes.subarray(layout.u, layout.v), strideC, u, chromaWidth, chromaWidth, chromaHeight);
  copyPlane(bytes.subarray(layout.v), strideC, v, chromaWidth, chromaWidth, chromaHeight);
}
