/** Sound of any codec to Opus: FFmpeg's decoders, its resampler and libopus. The adapter of node-av for sound on its way in. */
import {
  AV_CHANNEL_LAYOUT_MONO,
  AV_CHANNEL_LAYOUT_STEREO,
  AV_CODEC_ID_AAC,
  AV_LOG_FATAL,
  AV_OPT_SEARCH_CHILDREN,
  AV_OPT_TYPE_STRING,
  AV_SAMPLE_FMT_FLT,
  AVERROR_EAGAIN,
  AVERROR_EOF,
  type AVSampleFormat,
  Frame as AvFrame,
  avGetCodecName,
  avGetSampleFmtName,
  Codec,
  CodecContext,
  type CodecParameters,
  FF_ENCODER_LIBOPUS,
  FFmpegError,
  Filter,
  type FilterContext,
  FilterGraph,
  Log,
  Packet,
  Rational,
} from 'node-av';
import { asFrameliftError, FrameliftError } from '../../errors.ts';
import { type Micros, micros, minus, plus } from '../../time.ts';

const RATE = 48_000;
/** Samples of a packet: 20 ms. */
const PACKET_SAMPLES = 960;
/** Bits per second: speech and music that nobody tells from the original. */
const BITRATE = { mono: 64_000, stereo: 128_000 };
/** Low delay costs nothing at these rates; a complexity of 5 a third of that of 10. */
const OPUS_SETTINGS = [
  ['application', 'lowdelay'],
  ['frame_duration', '20'],
  ['compression_level', '5'],
] as const;
/** What libopus looks ahead for low delay: 120 samples. What it gives begins so much earlier. */
const LOOK_AHEAD = micros((120 * 1e6) / RATE);
/** Input that is further from where it was expected follows on a gap. */
const GAP = 40_000;

/** An Opus packet. */
export interface OpusPacket {
  readonly data: Uint8Array;
  readonly pts: Micros;
  /** Ticks of 48 kHz since the start, gaps included. */
  readonly timestamp: number;
  readonly fresh: boolean;
}

/** What is decoded: AAC as RTP carries it, or a stream of a container. */
export type TranscoderOptions =
  | {
      readonly channels: number;
      /** AAC's AudioSpecificConfig. */
      readonly config: Uint8Array;
    }
  | { readonly channels: number; readonly parameters: CodecParameters };

/**
 * Decodes sound and encodes Opus, at once: a packet costs well under a millisecond. What is damaged is left
 * out. Close it.
 */
export class OpusTranscoder {
  readonly #channels: 1 | 2;
  readonly #decoder: CodecContext;
  readonly #encoder: CodecContext;
  readonly #frame = new AvFrame();
  readonly #packet = new Packet();
  #filter: SoundFilter | undefined;
  /** The next input is expected here. */
  #expected: number | undefined;
  /** Where the next sample out of the filter stands. */
  #next = 0;
  #ticks = 0;
  #fresh = true;
  #closed = false;

  /** @throws FrameliftError `decode.failed`. */
  constructor(options: TranscoderOptions) {
    const { channels } = options;
    Log.setLevel(AV_LOG_FATAL);
    this.#channels = channels === 1 ? 1 : 2;
    this.#frame.alloc();
    this.#packet.alloc();
    this.#decoder = new CodecContext();
    this.#encoder = new CodecContext();
    try {
      this.#openDecoder(options);
      this.#openEncoder();
    } catch (error) {
      this.close();
      throw asFrameliftError(error, 'decode.failed');
    }
  }

  /** Takes an access unit of which the first sample stands at `pts`; gives what is complete. */
  push(data: Uint8Array, pts: Micros, fresh: boolean, emit: (packet: OpusPacket) => void): void {
    if (this.#closed) return;
    this.#packet.data = Buffer.from(data);
    const code = this.#decoder.sendPacketSync(this.#packet);
    this.#packet.unref();
    // A packet that cannot be decoded is lost; the next one may be sound.
    if (code < 0) return;
    while (this.#decoder.receiveFrameSync(this.#frame) >= 0) {
      this.#place(pts, fresh);
      this.#filterFrame(emit);
    }
  }

  /** Frees everything native. Closing twice is harmless. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#filter?.close();
    this.#frame.free();
    this.#packet.free();
    this.#decoder.freeContext();
    this.#encoder.freeContext();
  }

  /** Small differences are followed sample by sample; behind a gap everything begins anew. */
  #place(pts: Micros, fresh: boolean): void {
    const { nbSamples, sampleRate } = this.#frame;
    const expected = this.#expected;
    const off = expected === undefined ? 0 : pts - expected;
    if (expected === undefined || fresh || Math.abs(off) > GAP) {
      this.#filter?.close();
      this.#filter = undefined;
      this.#next = pts;
      this.#fresh = expected === undefined || fresh || off < 0;
      if (!this.#fresh) this.#ticks += Math.round((off * RATE) / 1e6 / PACKET_SAMPLES) * PACKET_SAMPLES;
    } else this.#next += off;
    this.#expected = pts + (nbSamples * 1e6) / sampleRate;
  }

  #filterFrame(emit: (packet: OpusPacket) => void): void {
    this.#filter ??= new SoundFilter(this.#frame, this.#channels);
    if (!this.#filter.fits(this.#frame)) {
      this.#filter.close();
      this.#filter = new SoundFilter(this.#frame, this.#channels);
    }
    this.#filter.push(this.#frame, (samples) => this.#encode(samples, emit));
  }

  #encode(samples: AvFrame, emit: (packet: OpusPacket) => void): void {
    samples.pts = BigInt(this.#ticks);
    FFmpegError.throwIfError(this.#encoder.sendFrameSync(samples), 'encoding sound');
    while (this.#encoder.receivePacketSync(this.#packet) >= 0) {
      const pts = minus(micros(this.#next), LOOK_AHEAD);
      emit({ data: Buffer.from(this.#packet.data ?? []), pts, timestamp: this.#ticks, fresh: this.#fresh });
      this.#fresh = false;
      this.#packet.unref();
    }
    this.#ticks += PACKET_SAMPLES;
    this.#next = plus(micros(this.#next), micros((PACKET_SAMPLES * 1e6) / RATE));
  }

  #openDecoder(options: TranscoderOptions): void {
    const parameters = 'parameters' in options ? options.parameters : undefined;
    const id = parameters?.codecId ?? AV_CODEC_ID_AAC;
    const codec = Codec.findDecoder(id);
    const name = avGetCodecName(id) ?? `codec id ${id}`;
    if (!codec) throw new FrameliftError('decode.failed', `the FFmpeg that node-av carries has no decoder for ${name}`);
    const context = this.#decoder;
    context.allocContext3(codec);
    if (parameters) FFmpegError.throwIfError(context.parametersToContext(parameters), 'codec parameters');
    if ('config' in options) context.extraData = Buffer.from(options.config);
    FFmpegError.throwIfError(context.open2Sync(codec), `the decoder for ${name} did not open`);
  }

  #openEncoder(): void {
    const codec = Codec.findEncoderByName(FF_ENCODER_LIBOPUS);
    if (!codec) throw new FrameliftError('decode.failed', 'the FFmpeg that node-av carries has no libopus');
    const context = this.#encoder;
    const stereo = this.#channels === 2;
    context.allocContext3(codec);
    context.sampleRate = RATE;
    context.sampleFormat = AV_SAMPLE_FMT_FLT;
    context.channelLayout = stereo ? AV_CHANNEL_LAYOUT_STEREO : AV_CHANNEL_LAYOUT_MONO;
    context.timeBase = new Rational(1, RATE);
    context.bitRate = BigInt(stereo ? BITRATE.stereo : BITRATE.mono);
    // A dictionary would not outlive opening at once: node-av frees it twice.
    for (const [name, value] of OPUS_SETTINGS) {
      FFmpegError.throwIfError(
        context.setOption(name, value, AV_OPT_TYPE_STRING, AV_OPT_SEARCH_CHILDREN),
        `libopus: ${name}`,
      );
    }
    FFmpegError.throwIfError(context.open2Sync(codec), 'libopus did not open');
  }
}

/** Any samples to 48 kHz in pieces of 20 ms. */
class SoundFilter {
  readonly #graph = new FilterGraph();
  readonly #in: FilterContext;
  readonly #out: FilterContext;
  readonly #like: string;
  readonly #samples = new AvFrame();

  /** @param like a frame as those that will come. */
  constructor(like: AvFrame, channels: 1 | 2) {
    this.#samples.alloc();
    this.#graph.alloc();
    this.#like = formOf(like);
    try {
      const layout = channels === 1 ? 'mono' : 'stereo';
      this.#in = this.#make('abuffer', this.#like);
      const convert = this.#make('aresample', `${RATE}`);
      const form = this.#make('aformat', `sample_fmts=flt:sample_rates=${RATE}:channel_layouts=${layout}`);
      const pieces = this.#make('asetnsamples', `n=${PACKET_SAMPLES}:p=0`);
      this.#out = this.#make('abuffersink', null);
      const chain = [this.#in, convert, form, pieces, this.#out];
      chain.slice(1).forEach((next, i) => {
        FFmpegError.throwIfError(chain[i]?.link(0, next, 0) ?? 0, 'setting up the resampler');
      });
      FFmpegError.throwIfError(this.#graph.configSync(), 'setting up the resampler');
    } catch (error) {
      this.close();
      throw error;
    }
  }

  fits(frame: AvFrame): boolean {
    return formOf(frame) === this.#like;
  }

  push(frame: AvFrame, emit: (samples: AvFrame) => void): void {
    FFmpegError.throwIfError(this.#in.buffersrcAddFrameSync(frame), 'resampling');
    for (;;) {
      const code = this.#out.buffersinkGetFrameSync(this.#samples);
      if (code === AVERROR_EAGAIN || code === AVERROR_EOF) return;
      FFmpegError.throwIfError(code, 'resampling');
      try {
        emit(this.#samples);
      } finally {
        this.#samples.unref();
      }
    }
  }

  close(): void {
    this.#samples.free();
    this.#graph.free();
  }

  #make(name: string, options: string | null): FilterContext {
    const filter = Filter.getByName(name);
    const context = filter && this.#graph.createFilter(filter, name, options);
    if (!context) throw new FrameliftError('decode.failed', `FFmpeg has no filter "${name}" for such sound`);
    return context;
  }
}

function formOf({ sampleRate, format, channels }: AvFrame): string {
  // A sample format; the type also covers pictures.
  const name = avGetSampleFmtName(format as AVSampleFormat);
  return `time_base=1/${sampleRate}:sample_rate=${sampleRate}:sample_fmt=${name}:channel_layout=${channels}c`;
}
