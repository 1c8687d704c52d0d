/** Local files as sources, paced in real time; the demo is one of them. */
import { basename } from 'node:path';
import { asFrameliftError, FrameliftError } from '../../errors.ts';
import type { Frame } from '../../media/frame.ts';
import type { PictureTraits } from '../../media/picture-traits.ts';
import { fromMs, type Micros, plus, waitUntil, ZERO } from '../../time.ts';
import { ClockedSink } from '../clock/clocked-sink.ts';
import { IngestGauge } from '../limits.ts';
import { RealtimePacing } from '../realtime.ts';
import type { FrameSink, Source } from '../source.ts';
import { SourceLog } from '../source-log.ts';
import type { VideoFileOptions } from './options.ts';
import { FileSound } from './sound.ts';
import { openVideoFile, type VideoFile } from './video-file.ts';

/** Options of {@link fileSource}. */
export interface FileSourceOptions extends VideoFileOptions {
  /**
   * Starts again at the end, on a timeline that goes on. Default false: ends with `source.ended`.
   */
  readonly loop?: boolean;
  /** The last frame leads into the first: the join is no discontinuity. Default false. */
  readonly seamless?: boolean;
  /** False delivers as fast as decoding goes. Default true: at the pace of the timestamps. */
  readonly realtime?: boolean;
  /** Whether its sound is played beside it, in real time. Default false. */
  readonly sound?: boolean;
}

/**
 * A file as a source. It ends with `source.ended`, or with `source.protocol` where the file is
 * broken; in a loop, a broken file starts again at its break. Errors of opening: those of
 * {@link openVideoFile}.
 */
export function fileSource(options: FileSourceOptions): Source {
  return {
    label: `file ${basename(options.path)}`,
    run: async (sink, signal) => {
      await using file = await openVideoFile({ whenFull: 'drop', ...options });
      await file.prime();
      const sound = options.sound ? await openSound(options) : undefined;
      try {
        await new Playback(file, sound, options, sink, signal).run();
      } finally {
        await sound?.close();
      }
    },
  };
}

/** Its sound; undefined where it has none that can be played: then its picture is. */
async function openSound({ path, stream, log }: FileSourceOptions): Promise<FileSound | undefined> {
  try {
    return await FileSound.open(path);
  } catch (error) {
    log?.warn(
      { stream },
      `the sound of the file is not taken, its picture is: ${asFrameliftError(error, 'decode.failed').message}`,
    );
    return undefined;
  }
}

/** How far sound is read ahead of the frame that is shown. */
const READ_AHEAD = fromMs(400);

/** One run: the file from its beginning to its end, as often as it is asked for. */
class Playback {
  readonly #file: VideoFile;
  readonly #sound: FileSound | undefined;
  readonly #options: FileSourceOptions;
  readonly #sink: FrameSink;
  readonly #signal: AbortSignal;
  readonly #pacing = new RealtimePacing();
  readonly #gauge: IngestGauge | undefined;
  readonly #log: SourceLog;
  #announced: { width: number; height: number; traits?: PictureTraits | undefined } = { width: 0, height: 0 };
  /** From the file's times to the stream's. */
  #offset = ZERO;

  constructor(
    file: VideoFile,
    sound: FileSound | undefined,
    options: FileSourceOptions,
    sink: FrameSink,
    signal: AbortSignal,
  ) {
    this.#file = file;
    this.#sound = sound;
    this.#options = options;
    // In real time a file is a live source: too large for this machine, its frames come late.
    this.#sink = options.realtime === false ? sink : new ClockedSink(sink, options);
    this.#signal = signal;
    this.#log = new SourceLog(options);
    this.#gauge = options.limits && new IngestGauge(options.limits);
  }

  async run(): Promise<void> {
    const { path, loop = false, seamless = false } = this.#options;
    for (let joined = false; ; joined = seamless) {
      const frames = await this.#round(joined);
      if (this.#signal.aborted) return;
      if (frames === 0) throw new FrameliftError('source.no-video', `${path} holds no frame that can be decoded`);
      if (!loop) throw new FrameliftError('source.ended', `${path} has ended`);
      this.#offset = plus(this.#offset, this.#file.length);
      await this.#file.rewind();
      await this.#sound?.rewind();
    }
  }

  /**
   * Plays the file once; returns how many frames it gave. `joined`: its first follows on what came
   * before.
   */
  async #round(joined: boolean): Promise<number> {
    let frames = 0;
    try {
      for await (const frame of this.#file.frames(this.#signal)) {
        await this.#deliver(frame, joined && frames === 0);
        frames += 1;
      }
    } catch (error) {
      // In a loop a broken file is shown up to its break.
      if (!this.#options.loop || frames === 0 || !isBroken(error)) throw error;
      this.#log.debug({ reason: error.message, frames }, 'the file is broken: playing it again up to there');
    }
    return frames;
  }

  /** Hands the frame over when it is due. */
  async #deliver(frame: Frame, joined: boolean): Promise<void> {
    const { clock, realtime = true } = this.#options;
    try {
      const pts = plus(frame.pts, this.#offset);
      if (realtime) await waitUntil(this.#pacing.due(pts, clock.now()), clock, this.#signal);
      const excess = this.#gauge?.frame(frame.width, frame.height, clock.now());
      if (excess) throw excess;
      if (this.#signal.aborted) return;
      this.#announce(frame);
      this.#playSound(frame.pts);
      const discontinuity = joined ? false : frame.discontinuity;
      this.#sink.frame(frame.share({ pts, arrival: clock.now(), capture: clock.wall(), discontinuity }));
    } finally {
      frame.release();
    }
  }

  /** The sound of the moments around a frame. It waits behind for its picture. */
  #playSound(pts: Micros): void {
    const offset = this.#offset;
    this.#sound?.advance(
      plus(pts, READ_AHEAD),
      (packet) => this.#sink.sound?.({ ...packet, pts: plus(packet.pts, offset) }),
      ({ message }) => this.#log.warn({}, `the sound of the file has failed, its picture goes on: ${message}`),
    );
  }

  #announce({ width, height }: Frame): void {
    const { info, traits } = this.#file;
    const last = this.#announced;
    if (width === last.width && height === last.height && traits === last.traits) return;
    this.#announced = { width, height, traits };
    const fps = info.fps && info.fps.num / info.fps.den;
    this.#sink.info({
      codec: info.codec,
      width,
      height,
      fps,
      transport: 'file',
      ...(traits && { traits }),
      ...(this.#sound && { sound: this.#sound.info }),
    });
  }
}

function isBroken(error: unknown): error is FrameliftError {
  return error instanceof FrameliftError && error.code === 'source.protocol';
}
