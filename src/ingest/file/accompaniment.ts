/** What a file holds beside the pictures that are converted. An adapter of node-av's streams. */
import {
  AV_DISPOSITION_ATTACHED_PIC,
  AV_NOPTS_VALUE,
  AV_PKT_DATA_DISPLAYMATRIX,
  AVMEDIA_TYPE_ATTACHMENT,
  AVMEDIA_TYPE_AUDIO,
  AVMEDIA_TYPE_SUBTITLE,
  AVMEDIA_TYPE_VIDEO,
  avGetCodecName,
  type FormatContext,
  type Packet,
  type Stream,
} from 'node-av';
import { type Clock, type Micros, micros } from '../../time.ts';
import { type Chapter, readChapters } from './chapters.ts';

/** Names and values that a container gives of itself, a stream or a chapter. */
type Tags = Readonly<Record<string, string>>;

/** What a stream beside the converted one is: `cover` is a still picture, `video` a further one that moves. */
type OtherKind = 'audio' | 'subtitle' | 'attachment' | 'cover' | 'data' | 'video';

/** A stream beside the one that is converted. */
export interface OtherStream {
  /** Its number in the file. */
  readonly index: number;
  readonly kind: OtherKind;
  /** FFmpeg's name, `aac`; `none` for data that it does not know. */
  readonly codec: string;
  /** The four letters by which the container calls the codec, `gpmd`; empty without. */
  readonly codecTag: string;
  readonly tags: Tags;
  /** Of a cover: the picture, as it is coded. */
  readonly picture: Buffer | undefined;
  /** For the muxer; valid until the file is closed. */
  readonly native: Stream;
}

/** One coded packet of an {@link OtherStream}. */
export interface OtherPacket {
  readonly stream: OtherStream;
  /** With the times of its stream's own time base. Lent: valid until the receiver's promise settles. */
  readonly native: Packet;
  /** What the timeline adds to its times. */
  readonly shift: Micros;
}

/** Takes the packets of other streams in the order of the file. */
export type OtherSink = (packet: OtherPacket) => Promise<void> | void;

/** Everything in a file beside the pictures that are converted. */
export interface Accompaniment {
  readonly streams: readonly OtherStream[];
  readonly chapters: readonly Chapter[];
  /** Of the file: title, date. */
  readonly tags: Tags;
  /** Of the stream that is converted: its language, the camera's name for it. */
  readonly videoTags: Tags;
  /** FFmpeg's `AV_DISPOSITION_…` of the stream that is converted. */
  readonly videoDisposition: number;
  /** How a player turns or mirrors the picture: nine 32-bit numbers, as FFmpeg has them. */
  readonly displayMatrix: Buffer | undefined;
  /** Time of the earliest stream's beginning: zero on a player's clock. */
  readonly start: Micros;
}

/**
 * The coded still pictures of an open input, by the numbers of their streams: FFmpeg gives them
 * before all else. @param read the next packet, valid until the next call. @param ahead where copies
 * go of packets that come instead of them.
 */
export async function readCovers(
  context: FormatContext,
  read: () => Promise<Packet | undefined>,
  ahead: Packet[],
): Promise<Map<number, Buffer>> {
  const wanted = context.streams.filter((stream) => kindOf(stream) === 'cover').map(({ index }) => index);
  const found = new Map<number, Buffer>();
  for (let left = wanted.length; left > 0; left -= 1) {
    const packet = await read();
    if (!packet) break;
    if (wanted.includes(packet.streamIndex) && packet.data) found.set(packet.streamIndex, Buffer.from(packet.data));
    else keepCopy(ahead, packet);
  }
  return found;
}

/**
 * Everything in an open input beside the stream `video`. @param covers coded pictures by the
 * numbers of their streams.
 */
export async function readAccompaniment(
  context: FormatContext,
  video: Stream,
  covers: ReadonlyMap<number, Buffer>,
  clock: Clock,
): Promise<Accompaniment> {
  const start = context.startTime;
  return {
    streams: context.streams
      .filter((stream) => stream.index !== video.index)
      .map((stream) => describe(stream, covers.get(stream.index))),
    chapters: await readChapters(context, clock),
    tags: context.metadata?.getAll() ?? {},
    videoTags: video.metadata?.getAll() ?? {},
    videoDisposition: video.disposition,
    displayMatrix: video.codecpar.getCodedSideData(AV_PKT_DATA_DISPLAYMATRIX) ?? undefined,
    start: micros(start === AV_NOPTS_VALUE ? 0 : Number(start)),
  };
}

function describe(native: Stream, picture: Buffer | undefined): OtherStream {
  const { codecId, codecTagString } = native.codecpar;
  return {
    index: native.index,
    kind: kindOf(native),
    codec: avGetCodecName(codecId) ?? 'none',
    codecTag: codecTagString ?? '',
    tags: native.metadata?.getAll() ?? {},
    picture,
    native,
  };
}

function kindOf(stream: Stream): OtherKind {
  const type = stream.codecpar.codecType;
  if (type === AVMEDIA_TYPE_AUDIO) return 'audio';
  if (type === AVMEDIA_TYPE_SUBTITLE) return 'subtitle';
  if (type === AVMEDIA_TYPE_ATTACHMENT) return 'attachment';
  if (type === AVMEDIA_TYPE_VIDEO) return stream.hasDisposition(AV_DISPOSITION_ATTACHED_PIC) ? 'cover' : 'video';
  return 'data';
}

function keepCopy(packets: Packet[], packet: Packet): void {
  const copy = packet.clone();
  if (copy) packets.push(copy);
}
