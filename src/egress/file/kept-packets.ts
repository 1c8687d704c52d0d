/** The video packets of an unfinished output, to be taken over. The adapter of node-av's demuxer for it. */
import {
  AV_CODEC_ID_H264,
  AV_CODEC_ID_HEVC,
  AV_NOPTS_VALUE,
  AV_PKT_FLAG_CORRUPT,
  AVMEDIA_TYPE_VIDEO,
  FormatContext,
  Packet,
  type Stream,
} from 'node-av';

/** A packet as the encoder gave it. Valid until the next one is asked for. */
export interface KeptPacket {
  readonly data: Buffer;
  readonly keyframe: boolean;
  /** Presentation time on the output's timeline, microseconds, as exact as the container holds it. */
  readonly at: number;
}

/** Codecs that mp4 and Matroska store with lengths in place of start codes. */
const LENGTH_CODECS: readonly number[] = [AV_CODEC_ID_H264, AV_CODEC_ID_HEVC];

/** Video packets in their order. */
export class KeptPackets {
  readonly #context: FormatContext;
  readonly #stream: Stream;
  /** Annex B is stored with lengths in these containers. */
  readonly #hasLengths: boolean;
  readonly #packet = new Packet();

  private constructor(context: FormatContext, stream: Stream) {
    this.#context = context;
    this.#stream = stream;
    const { extradata } = stream.codecpar;
    this.#hasLengths = LENGTH_CODECS.includes(stream.codecpar.codecId) && extradata?.[0] === 1;
    this.#packet.alloc();
  }

  /** Opens a file that may be cut off anywhere; undefined where nothing can be read. */
  static async open(path: string): Promise<KeptPackets | undefined> {
    const context = new FormatContext();
    context.allocContext();
    const opened = await context.openInput(`file:${path}`, null, null);
    if (opened >= 0 && (await context.findStreamInfo(null)) >= 0) {
      const stream = context.streams[context.findBestStream(AVMEDIA_TYPE_VIDEO, -1, -1)];
      if (stream) return new KeptPackets(context, stream);
    }
    await context.closeInput();
    return undefined;
  }

  /** Whole video packets of a file. The last one of all is not trusted: a file that was cut off may hold a part of it. */
  static async count(path: string): Promise<number> {
    const packets = await KeptPackets.open(path);
    if (!packets) return 0;
    let count = 0;
    while (await packets.next()) count += 1;
    await packets.close();
    return Math.max(0, count - 1);
  }

  /** The next video packet; undefined at the end, and where the file is broken. */
  async next(): Promise<KeptPacket | undefined> {
    const packet = this.#packet;
    for (;;) {
      packet.unref();
      if ((await this.#context.readFrame(packet)) < 0 || packet.hasFlags(AV_PKT_FLAG_CORRUPT)) return undefined;
      const data = packet.streamIndex === this.#stream.index && packet.size > 0 ? packet.data : null;
      if (!data) continue;
      const { num, den } = this.#stream.timeBase;
      const stamp = packet.pts === AV_NOPTS_VALUE ? packet.dts : packet.pts;
      const bytes = this.#hasLengths ? withStartCodes(data) : Buffer.from(data);
      const keyframe = startsAnew(this.#stream.codecpar.codecId, bytes) ?? packet.isKeyframe;
      return { data: bytes, keyframe, at: (Number(stamp) * 1e6 * num) / den };
    }
  }

  async close(): Promise<void> {
    this.#packet.free();
    await this.#context.closeInput();
  }
}

/** NAL units with four bytes of length before each, as encoders give them: with start codes. Pure. */
export function withStartCodes(data: Uint8Array): Buffer {
  const out = Buffer.from(data);
  for (let at = 0; at + 4 <= out.length; ) {
    const length = out.readUInt32BE(at);
    out.writeUInt32BE(1, at);
    at += 4 + length;
  }
  return out;
}

const START_CODE = Buffer.of(0, 0, 1);

/**
 * Whether a decoder can start at these NAL units: FFmpeg's parsers take every picture without reference for such a one, encoders
 * do not. Undefined for other codecs. Pure.
 */
export function startsAnew(codec: number, data: Buffer): boolean | undefined {
  if (!LENGTH_CODECS.includes(codec)) return undefined;
  for (let at = data.indexOf(START_CODE); at >= 0; at = data.indexOf(START_CODE, at + 3)) {
    const head = data[at + 3] ?? 0;
    const type = codec === AV_CODEC_ID_H264 ? head & 31 : (head >> 1) & 63;
    // The first slice tells: H.264 Table 7-1 (1…5, 5 = IDR), H.265 Table 7-1 (0…31, 16…23 = IRAP).
    if (codec === AV_CODEC_ID_H264 ? type >= 1 && type <= 5 : type < 32) {
      return codec === AV_CODEC_ID_H264 ? type === 5 : type >= 16 && type <= 23;
    }
  }
  return false;
}
