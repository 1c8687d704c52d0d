/**
 * Pushes by RTSP, RTMP and SRT. A child process speaks the protocol; it gets our own access units and
 * copies them, so that nothing is encoded twice, and can be killed when the other server hangs.
 */
import type { Writable } from 'node:stream';
import { asFrameliftError, FrameliftError } from '../../errors.ts';
import { runFfmpeg } from '../../ingest/ffmpeg/process.ts';
import type { SoundCodec } from '../../media/sound.ts';
import { type Clock, fromMs, type Micros, minus, plus } from '../../time.ts';
import type { SoundUnit } from '../audio/sound-out.ts';
import { type ParameterSets, parameterSetsOf } from '../codec/parameter-sets.ts';
import type { Follower } from '../followers.ts';
import type { EncodedUnit } from '../viewer.ts';
import { type OutputAddress, type OutputKind, shownOutput } from './address.ts';
import { pushFault } from './fault.ts';
import { Beginning, type Life, pushOf } from './life.ts';
import { NutWriter } from './nut-writer.ts';
import type { Push, PushReport, PushSource } from './push.ts';

/** Options of {@link ffmpegPush}. */
export interface FfmpegPushOptions {
  readonly address: OutputAddress;
  /** Whether the sound goes along. */
  readonly audio: boolean;
  readonly clock: Clock;
  /** Finds the program when it is needed. @throws FrameliftError `ffmpeg.missing`. */
  readonly program: () => string;
  /** So long the other server may let us wait: to take the stream, and to take what is sent. Default 10 s. */
  readonly timeout?: Micros;
  /** Told of each line that ffmpeg writes. */
  readonly onLine?: (line: string) => void;
}

const TIMEOUT = fromMs(10_000);
/** How often silence is looked for. */
const LOOK_INTERVAL = fromMs(1000);
/** Bytes that may wait: seconds of any usual stream. */
const MAX_WAITING = 8 << 20;
/** Lines of ffmpeg's that an error may be found in. */
const MAX_LINES = 50;

/** A little probing, since NUT tells all in its header: each unit goes out as it comes. */
const INPUT: readonly string[] = [
  ...['-hide_banner', '-nostats', '-loglevel', 'level+info'],
  ...['-fflags', 'nobuffer', '-probesize', '5000', '-analyzeduration', '0', '-fpsprobesize', '0', '-f', 'nut'],
];

/** What of the output is not the same for all. */
const FORMATS: Readonly<Record<Exclude<OutputKind, 'whip'>, readonly string[]>> = {
  rtsp: ['-f', 'rtsp', '-rtsp_transport', 'tcp'],
  rtmp: ['-f', 'flv', '-flvflags', 'no_duration_filesize'],
  srt: ['-f', 'mpegts'],
};

/** Sound that a container does not carry, or that hardly anybody takes from it, is encoded to AAC. The picture never is. */
function soundOptions(kind: OutputKind, sound: SoundCodec | undefined): readonly string[] {
  const carried = kind === 'rtsp' || (kind === 'srt' && sound === 'opus');
  return sound === undefined || carried ? [] : ['-c:a', 'aac', '-b:a', '128k', '-ar', '48000'];
}

/** Options before the output. Pure. */
export function outputOptions(
  { kind, tls }: Pick<OutputAddress, 'kind' | 'tls'>,
  sound: SoundCodec | undefined,
): readonly string[] {
  if (kind === 'whip') throw new TypeError('WHIP is not pushed by ffmpeg');
  return [
    ...['-map', '0', '-c', 'copy', ...soundOptions(kind, sound)],
    // Sound that is missing, or late, must not keep the picture back.
    ...['-max_interleave_delta', '100000', '-muxdelay', '0', '-muxpreload', '0', '-flush_packets', '1'],
    ...(tls && kind === 'rtmp' ? ['-tls_verify', '1'] : []),
    ...FORMATS[kind],
  ];
}

/** A push through an ffmpeg child. */
export function ffmpegPush(options: FfmpegPushOptions): Push {
  return pushOf(
    shownOutput(options.address.url),
    (source, report, signal) => new FfmpegLife(options, source, report, signal),
  );
}

/** One run, from the first keyframe on. */
class FfmpegLife implements Follower, Life {
  readonly #options: FfmpegPushOptions;
  readonly #report: PushReport;
  readonly #following: Disposable;
  readonly #end = Promise.withResolvers<'stopped' | 'changed'>();
  readonly #kill = new AbortController();
  readonly #signal: AbortSignal;
  readonly #lines: string[] = [];
  #child: Promise<unknown> = Promise.resolve();
  #writer: NutWriter | undefined;
  readonly #beginning: Beginning;
  /** Units since the first keyframe, while sound is waited for. */
  #held: EncodedUnit[] = [];
  #sound: SoundCodec | undefined;
  #input: Writable | undefined;
  /** Bytes for an input that is not there yet. */
  #early: Buffer[] = [];
  #waiting = 0;
  #takenAt: Micros;
  #startedAt: Micros;
  #live = false;
  #cancelLook = (): void => {};

  constructor(options: FfmpegPushOptions, source: PushSource, report: PushReport, signal: AbortSignal) {
    this.#options = options;
    this.#report = report;
    this.#signal = signal;
    const { audio, clock } = options;
    this.#beginning = new Beginning({ audio, source, clock, begin: (sets, sound) => this.#begin(sets, sound) });
    this.#startedAt = clock.now();
    this.#takenAt = this.#startedAt;
    signal.addEventListener('abort', this.#stop);
    if (signal.aborted) this.#stop();
    this.#following = source.follow(this);
  }

  /** How it ends. @throws FrameliftError as {@link Push.run}. */
  get ended(): Promise<'stopped' | 'changed'> {
    return this.#end.promise;
  }

  take(unit: EncodedUnit): void {
    if (this.#kill.signal.aborted) return;
    const sets = unit.keyframe ? parameterSetsOf(unit.data) : undefined;
    const first = this.#beginning.sets;
    if (sets && first && !sets.annexB.equals(first.annexB)) this.#end.resolve('changed');
    else if (this.#writer) this.#write((writer) => writer.video(unit));
    else if (sets || first) {
      this.#held.push(unit);
      if (sets) this.#beginning.keyframe(sets);
    }
  }

  takeSound(unit: SoundUnit): void {
    if (!this.#options.audio || !this.#beginning.sets || this.#kill.signal.aborted) return;
    this.#beginning.sound(unit.codec);
    if (unit.codec !== this.#sound) this.#end.resolve('changed');
    else this.#write((writer) => writer.sound(unit));
  }

  /** Leaves nothing: no process, no timer, nothing native. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal.removeEventListener('abort', this.#stop);
    this.#following[Symbol.dispose]();
    this.#cancelLook();
    this.#beginning.close();
    this.#kill.abort();
    await this.#child;
    this.#writer?.close();
  }

  readonly #stop = (): void => this.#end.resolve('stopped');

  /** Starts the child, whose input is described by the first keyframe. */
  #begin(sets: ParameterSets, sound: SoundCodec | undefined): void {
    const { address, clock, program } = this.#options;
    const [first] = this.#held;
    if (!first) return;
    this.#sound = sound;
    try {
      const path = program();
      this.#writer = new NutWriter({ sets, sound, start: first.due });
      for (const unit of this.#held) this.#write((writer) => writer.video(unit));
      this.#held = [];
      this.#startedAt = clock.now();
      this.#child = runFfmpeg({
        ...{ path, before: INPUT, url: 'pipe:0', after: outputOptions(address, sound), output: address.url },
        ...{ clock, signal: this.#kill.signal, onData: () => undefined },
        onInput: (input) => this.#fed(input),
        onLine: (line) => this.#line(line),
      }).then(
        (code) => this.#end.reject(pushFault(this.#lines, code, address.url)),
        (thrown: unknown) => this.#end.reject(asFrameliftError(thrown, 'ffmpeg.failed')),
      );
      this.#look();
    } catch (thrown) {
      this.#end.reject(asFrameliftError(thrown, 'output.failed'));
    }
  }

  #fed(input: Writable): void {
    this.#input = input;
    // A child that is gone tells so by its exit.
    input.on('error', () => {});
    for (const chunk of this.#early) input.write(chunk, () => this.#taken(chunk.length));
    this.#early = [];
  }

  #write(write: (writer: NutWriter) => void): void {
    const writer = this.#writer;
    if (!writer) return;
    try {
      write(writer);
      for (const chunk of writer.take()) this.#send(chunk);
    } catch (thrown) {
      this.#end.reject(asFrameliftError(thrown, 'output.failed'));
    }
  }

  #send(chunk: Buffer): void {
    this.#waiting += chunk.length;
    if (this.#waiting > MAX_WAITING) this.#giveUp('takes less than is sent to it: 8 MiB wait');
    else if (this.#input) this.#input.write(chunk, () => this.#taken(chunk.length));
    else this.#early.push(chunk);
  }

  #taken(bytes: number): void {
    this.#waiting -= bytes;
    this.#takenAt = this.#options.clock.now();
    if (this.#live) this.#report.sent(bytes);
  }

  #line(line: string): void {
    this.#options.onLine?.(line);
    if (/^\[(?:warning|error|fatal)\]|\[(?:warning|error|fatal)\] /.test(line)) {
      this.#lines.push(line);
      if (this.#lines.length > MAX_LINES) this.#lines.shift();
    }
    // Written once the header is, which takes a connection.
    if (this.#live || !/\bOutput #0, /.test(line)) return;
    this.#live = true;
    this.#report.live();
  }

  /** A host that hangs is noticed by what it does not take. */
  #look(): void {
    const { clock, timeout = TIMEOUT } = this.#options;
    const now = clock.now();
    const seconds = `${Math.round(timeout / 1e6)} s`;
    const silence = this.#live ? minus(now, this.#takenAt) : minus(now, this.#startedAt);
    if (!this.#live && silence > timeout) this.#giveUp(`did not take the stream within ${seconds}`);
    if (this.#live && this.#waiting > 0 && silence > timeout) this.#giveUp(`has taken nothing for ${seconds}`);
    this.#cancelLook = clock.at(plus(now, LOOK_INTERVAL), () => this.#look());
  }

  #giveUp(why: string): void {
    const code = this.#live ? 'output.stalled' : 'output.unreachable';
    const remedy = "Check the output's host, port and firewall, and that its path carries the stream's bitrate.";
    const message = `${shownOutput(this.#options.address.url)} ${why}`;
    this.#end.reject(new FrameliftError(code, message, { recoverable: true, remedy }));
  }
}
