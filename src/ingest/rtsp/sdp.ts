/** The session description (RFC 8866) of an RTSP stream: its first video track. Pure. */

import { FrameliftError } from '../../errors.ts';
import type { VideoCodec } from '../../media/access-unit.ts';
import { formatsOf, parseSdp, type SdpFormat } from '../../media/sdp.ts';
import { MAX_PARAMETER_SET_BYTES, MAX_PARAMETER_SETS, quoted } from '../peer-limits.ts';

/** The video track that framelift takes. */
export interface VideoTrack {
  readonly codec: VideoCodec;
  readonly payloadType: number;
  /** Hz. */
  readonly clockRate: number;
  /** `a=control` of the track, as written; undefined when absent. */
  readonly control: string | undefined;
  /** `a=control` of the session. */
  readonly sessionControl: string | undefined;
  /** Parameter sets as Annex B, empty when the description has none. */
  readonly extradata: Uint8Array;
  /** Declared frame rate, if any. */
  readonly fps: number | undefined;
  /** Its sender makes a keyframe when it is told of a lost picture: `a=rtcp-fb:… nack pli`. */
  readonly takesPli: boolean;
}

/** RTP clocks of video beyond these are misprints. RFC 6184 and RFC 7798 demand 90,000. */
const MIN_CLOCK_RATE = 1000;
const MAX_CLOCK_RATE = 10_000_000;

const START_CODE = Uint8Array.of(0, 0, 0, 1);
const NO_SETS = new Uint8Array(0);

/** RTP encoding names to FFmpeg's spelling. */
const CODECS: ReadonlyMap<string, VideoCodec> = new Map([
  ['H264', 'h264'],
  ['H265', 'hevc'],
  ['HEVC', 'hevc'],
]);
/** Static payload types that cameras use for video. */
const STATIC_TYPES: ReadonlyMap<string, string> = new Map([
  ['26', 'JPEG'],
  ['28', 'nv'],
  ['31', 'H261'],
  ['32', 'MPV'],
  ['33', 'MP2T'],
  ['34', 'H263'],
]);

/**
 * Finds the first video track and what decoding it needs. Cameras write their descriptions
 * carelessly: what is malformed elsewhere is passed over.
 * @throws FrameliftError `source.no-video` without a video track, `source.unsupported-codec` naming
 * the codec.
 */
export function findVideo(sdp: string): VideoTrack {
  const { session, sections } = parseSdp(sdp);
  const video = sections.find(({ kind }) => kind === 'video');
  if (!video) {
    const kinds =
      sections
        .map(({ kind }) => kind)
        .join(', ')
        .slice(0, 1000) || 'nothing';
    throw new FrameliftError('source.no-video', `the source offers no video (it offers ${quoted(kinds)})`, {
      remedy: "Check the stream's path: cameras often have several.",
    });
  }
  const formats = formatsOf(video);
  const format = formats.find((candidate) => codecOf(candidate) !== undefined);
  const codec = format && codecOf(format);
  if (!codec) throw unsupported(nameOf(formats.at(-1)));
  const { parameters, clockRate } = format;
  if (codec === 'h264' && parameters.get('packetization-mode') === '2') throw unsupported('H264 in interleaved mode');
  const fps = Number(video.attributes.first('framerate') ?? Number.NaN);
  return {
    codec,
    payloadType: Number(format.id),
    clockRate: clockRate >= MIN_CLOCK_RATE && clockRate <= MAX_CLOCK_RATE ? clockRate : 90_000,
    control: video.attributes.first('control'),
    sessionControl: session.first('control'),
    extradata: parameterSets(codec, parameters),
    fps: fps > 0 && fps < 1000 ? fps : undefined,
    takesPli: video.attributes
      .all('rtcp-fb')
      .some((line) => /^(?:\*|\d+) +nack +pli\s*$/i.test(line) && ofFormat(line, format.id)),
  };
}

function codecOf({ id, encoding = '' }: SdpFormat): VideoCodec | undefined {
  const isPayloadType = /^\d{1,3}$/.test(id) && Number(id) < 128;
  return isPayloadType ? CODECS.get(encoding.toUpperCase()) : undefined;
}

/** Whether a feedback line is about a format: by its number, or about all. */
function ofFormat(line: string, id: string): boolean {
  const [about] = line.split(' ', 1);
  return about === '*' || about === id;
}

function nameOf(format: SdpFormat | undefined): string {
  if (!format) return 'no format';
  return quoted(format.encoding ?? STATIC_TYPES.get(format.id) ?? `payload type ${format.id}`);
}

function unsupported(encoding: string): FrameliftError {
  return new FrameliftError(
    'source.unsupported-codec',
    `the source sends ${encoding}; framelift takes H264 and H265 over RTSP directly`,
    { remedy: 'Add ?ingest=ffmpeg to the URL to read it with ffmpeg, or set the camera to H264.' },
  );
}

/**
 * sprop parameter sets, each behind a start code. None when there are more than decoders have use
 * for: those in the stream must do then.
 */
function parameterSets(codec: VideoCodec, parameters: ReadonlyMap<string, string>): Uint8Array {
  const names = codec === 'h264' ? ['sprop-parameter-sets'] : ['sprop-vps', 'sprop-sps', 'sprop-pps'];
  const encoded = names.flatMap((name) => parameters.get(name)?.split(',', MAX_PARAMETER_SETS + 1) ?? []);
  if (encoded.length > MAX_PARAMETER_SETS) return NO_SETS;
  const sets = encoded.map((set) => Buffer.from(set.replaceAll('"', ''), 'base64')).filter((set) => set.length > 1);
  const bytes = Buffer.concat(sets.flatMap((set) => [START_CODE, set]));
  return bytes.length > MAX_PARAMETER_SET_BYTES ? NO_SETS : bytes;
}
