/** Reads the access units of a file as NAL units. An adapter of node-av's demuxers and bitstream filters. */
import { existsSync } from 'node:fs';
import {
  AV_LOG_FATAL,
  AV_NOPTS_VALUE,
  avGetCodecName,
  BitStreamFilterAPI,
  Demuxer,
  Log,
  type Packet,
  type Stream,
} from 'node-av';
import type { MarkedCodec } from '../../egress/marks/user-data.ts';
import { splitNalUnits } from '../../egress/rtp/packetizer.ts';
import { FrameliftError } from '../../errors.ts';

/** A picture as it is coded. */
export interface CodedUnit {
  /** Without start codes; valid until the next one is asked for. */
  readonly nals: readonly Buffer[];
  /** Seconds, as the container has it; undefined where it has no times. */
  readonly at: number | undefined;
  readonly keyframe: boolean;
}

/** The video of a file. */
export interface CodedFile extends AsyncDisposable {
  readonly codec: MarkedCodec;
  /** In coding order. */
  units(): AsyncGenerator<CodedUnit>;
}

const FILTERS: Readonly<Record<string, { readonly codec: MarkedCodec; readonly filter: string }>> = {
  h264: { codec: 'h264', filter: 'h264_mp4toannexb' },
  hevc: { codec: 'h265', filter: 'hevc_mp4toannexb' },
};

/**
 * Opens the first video of a file.
 * @throws FrameliftError `source.not-found`, `source.protocol` for what is no media, `source.no-video`,
 * `source.unsupported-codec` for a codec that carries no marks.
 */
export async function openCoded(path: string): Promise<CodedFile> {
  Log.setLevel(AV_LOG_FATAL);
  if (!existsSync(path)) throw new FrameliftError('source.not-found', `no file "${path}"`);
  let demuxer: Demuxer;
  try {
    demuxer = await Demuxer.open(path);
  } catch (cause) {
    throw new FrameliftError('source.protocol', `${path} is no media that FFmpeg reads`, { cause });
  }
  try {
    const stream = demuxer.video();
    if (!stream) throw new FrameliftError('source.no-video', `${path} has no video`);
    const name = avGetCodecName(stream.codecpar.codecId) ?? 'of an unknown codec';
    const known = FILTERS[name];
    if (!known) {
      throw new FrameliftError('source.unsupported-codec', `${path} is ${name}, whose access units carry no marks`, {
        remedy: 'Marks are in H.264 and H.265 that framelift has encoded.',
      });
    }
    return {
      codec: known.codec,
      units: () => unitsOf(demuxer, stream, known.filter),
      [Symbol.asyncDispose]: () => demuxer.close(),
    };
  } catch (error) {
    await demuxer.close();
    throw error;
  }
}

async function* unitsOf(demuxer: Demuxer, stream: Stream, filterName: string): AsyncGenerator<CodedUnit> {
  using filter = BitStreamFilterAPI.create(filterName, stream);
  const { num, den } = stream.timeBase;
  for await (const packet of filter.packets(demuxer.packets(stream.index))) {
    if (!packet) return;
    const unit = unitOf(packet, num / den);
    yield unit;
    packet.free();
  }
}

function unitOf({ data, pts, isKeyframe }: Packet, tick: number): CodedUnit {
  const at = pts === AV_NOPTS_VALUE ? undefined : Number(pts) * tick;
  return { nals: splitNalUnits(data ?? Buffer.alloc(0)), at, keyframe: isKeyframe };
}
