/** The streams that are copied beside the pictures, made to fit their new container. An adapter of node-av's packets. */
import {
  AV_CHANNEL_ORDER_NATIVE,
  AV_CODEC_ID_MOV_TEXT,
  AV_CODEC_ID_SUBRIP,
  AV_CODEC_ID_WEBVTT,
  AV_NOPTS_VALUE,
  type AVCodecID,
  CodecParameters,
  type Packet,
} from 'node-av';
import { FrameliftError } from '../../../errors.ts';
import type { OtherPacket, OtherStream } from '../../../ingest/file/accompaniment.ts';
import { type Micros, micros } from '../../../time.ts';
import type { CopiedStream } from '../container.ts';
import { assumedConfig, withoutAdts } from './adts.ts';
import type { Holding } from './table.ts';
import type { Tags } from './tags.ts';
import { convertSubtitle, isTextForm, type TextForm, timedTextHeader } from './text-subtitles.ts';
import { CopiedTimes, type TimeBase } from './times.ts';

const TEXT_FORMS: Readonly<Record<TextForm, AVCodecID>> = {
  subrip: AV_CODEC_ID_SUBRIP,
  webvtt: AV_CODEC_ID_WEBVTT,
  mov_text: AV_CODEC_ID_MOV_TEXT,
};

/** Speakers of a layout that is told by their number alone, as FFmpeg's masks. */
const USUAL_SPEAKERS: Readonly<Record<number, bigint>> = { 1: 0x4n, 2: 0x3n, 6: 0x3fn, 8: 0x63fn };

/** One stream on its way from the input to the output. */
export class CarriedStream {
  readonly source: OtherStream;
  /** What the muxer is told. */
  readonly copied: CopiedStream;
  readonly #times: CopiedTimes;
  /** Bytes of one moment of uncompressed sound. */
  readonly #sampleBytes: number | undefined;
  readonly #text: { readonly from: TextForm; readonly to: TextForm } | undefined;
  /** The container tells once what AAC is, not in each packet. */
  readonly #plainAac: boolean;
  /** True once a subtitle has lost a colour, a font or its place. */
  plainer = false;
  /** Time of the first packet on the input's timeline. */
  first: Micros | undefined;

  /**
   * @param tags of the copy.
   * @param cut the beginning of the stream is left out: what its encoder put before the sound is not there to be skipped.
   * @throws FrameliftError `mux.failed` when memory is short.
   */
  constructor(source: OtherStream, holding: Holding, tags: Tags, cut: boolean) {
    this.source = source;
    const parameters = new CodecParameters();
    parameters.alloc();
    const { codecpar, timeBase } = source.native;
    if (codecpar.copy(parameters) < 0) throw new FrameliftError('mux.failed', 'a stream cannot be copied');
    // Each container has its own letters for a codec; data has nothing else.
    if (source.kind !== 'data') parameters.codecTag = 0;
    const text = isTextForm(source.codec) ? textForm(source.codec, holding) : undefined;
    if (text !== undefined && text !== source.codec && isTextForm(source.codec)) {
      this.#text = { from: source.codec, to: text };
      parameters.codecId = TEXT_FORMS[text];
      parameters.extradata = text === 'mov_text' ? timedTextHeader() : null;
    }
    this.#plainAac = source.codec === 'aac' && codecpar.extradataSize === 0 && !holding.adts;
    if (this.#plainAac) parameters.extradata = assumedConfig(codecpar.sampleRate, codecpar.channels) ?? null;
    let base: TimeBase = { num: timeBase.num, den: timeBase.den };
    if (source.kind === 'audio') {
      const frame = codecpar.frameSize;
      this.#sampleBytes = sampleBytes(source.codec, codecpar);
      if (codecpar.sampleRate > 0 && (frame > 0 || this.#sampleBytes)) base = { num: 1, den: codecpar.sampleRate };
      settleChannels(parameters);
      if (cut && source.codec !== 'opus') parameters.initialPadding = 0;
      const length = base.num === 1 && base.den === codecpar.sampleRate && frame > 0 ? BigInt(frame) : undefined;
      this.#times = new CopiedTimes({ from: timeBase, to: base, length });
    } else this.#times = new CopiedTimes({ from: timeBase, to: base });
    const { disposition } = source.native;
    this.copied = { codecParameters: parameters, timeBase: base, disposition, metadata: tags };
  }

  /**
   * A packet in the form and the time base of the output, on the input's timeline; the caller's to free. Undefined for one that
   * says nothing. The given one stays its owner's.
   */
  convert({ native, shift }: OtherPacket): Packet | undefined {
    const packet = native.clone();
    if (!packet) throw new FrameliftError('mux.failed', 'a packet cannot be copied: memory is short');
    if (!this.#rewrite(packet)) {
      packet.free();
      return undefined;
    }
    this.#time(packet, shift);
    packet.pos = -1n;
    return packet;
  }

  /** Frees what was made for the muxer. */
  close(): void {
    this.copied.codecParameters.free();
  }

  /** @returns whether there is something to write. */
  #rewrite(packet: Packet): boolean {
    if (this.#plainAac) this.#stripAdts(packet);
    if (!this.#text) return true;
    const { data, plainer } = convertSubtitle(packet.data ?? Buffer.alloc(0), this.#text.from, this.#text.to);
    if (!data) return false;
    this.plainer ||= plainer;
    replaceData(packet, data);
    return true;
  }

  #stripAdts(packet: Packet): void {
    const frame = packet.data && withoutAdts(packet.data);
    if (!frame) return;
    // Until the container's header is written, the first packet says what its stream is.
    this.copied.codecParameters.extradata = frame.config;
    replaceData(packet, frame.data);
  }

  #time(packet: Packet, shift: Micros): void {
    const bytes = this.#sampleBytes;
    const length = bytes ? BigInt(Math.floor(packet.size / bytes)) : undefined;
    const duration = length ?? (packet.duration > 0n ? this.#times.span(packet.duration) : 0n);
    const { pts, dts } = this.#times.next({ pts: known(packet.pts), dts: known(packet.dts) }, shift, length);
    packet.pts = pts ?? AV_NOPTS_VALUE;
    packet.dts = dts ?? AV_NOPTS_VALUE;
    packet.duration = this.#times.length ?? duration;
    const { num, den } = this.copied.timeBase;
    if (pts !== undefined) this.first ??= micros((Number(pts) * 1e6 * num) / den);
  }
}

/** The form that a text subtitle takes in a container. */
function textForm(codec: TextForm, { texts }: Holding): TextForm | undefined {
  return texts.includes(codec) ? codec : texts[0];
}

function sampleBytes(codec: string, { channels, bitsPerCodedSample }: CodecParameters): number | undefined {
  if (!/^pcm_([usf]\d+([lb]e)?|alaw|mulaw)$/.test(codec) || channels === 0) return undefined;
  const bits = Number(/\d+/.exec(codec)?.[0] ?? 8) || bitsPerCodedSample;
  return bits > 0 ? (bits / 8) * channels : undefined;
}

/** mp4 wants to know where the speakers stand; a number of channels means the usual places. */
function settleChannels(parameters: CodecParameters): void {
  const { order, nbChannels } = parameters.channelLayout;
  const mask = USUAL_SPEAKERS[nbChannels];
  if (order === 0 && mask !== undefined)
    parameters.channelLayout = { order: AV_CHANNEL_ORDER_NATIVE, nbChannels, mask };
}

/** node-av empties a packet that is given other bytes. */
function replaceData(packet: Packet, data: Buffer): void {
  const { pts, dts, duration, flags } = packet;
  packet.data = Buffer.from(data);
  packet.pts = pts;
  packet.dts = dts;
  packet.duration = duration;
  packet.setFlags(flags);
}

function known(stamp: bigint): bigint | undefined {
  return stamp === AV_NOPTS_VALUE ? undefined : stamp;
}
