/** The session description (RFC 8866) of an RTSP stream: its first video track. Pure. */

import { FrameliftError } from '../../errors.ts';
import type { VideoCodec } from '../../media/access-unit.ts';
import { formatsOf, parseSdp, type SdpFormat } from '../../media/sdp.ts';

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
}

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
    const kinds = sections.map(({ kind }) => kind).join(', ') || 'nothing';
    throw new FrameliftError('source.no-video', `the source offers no video (it offers ${kinds})`, {
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
    clockRate: clockRate > 0 ? clockRate : 90_000,
    control: video.attributes.first('control'),
    sessionControl: session.first('control'),
    extradata: parameterSets(codec, parameters),
    fps: fps > 0 && fps < 1000 ? fps : undefined,
  };
}

function codecOf({ encoding = '' }: SdpFormat): VideoCodec | undefined {
  return CODECS.get(encoding.toUpperCase());
}

function nameOf(format: SdpFormat | undefined): string {
  if (!format) return 'no format';
  return format.encoding ?? STATIC_TYPES.get(format.id) ?? `payload type ${format.id}`;
}

function unsupported(encoding: string): FrameliftError {
  return new FrameliftError(
    'source.unsupported-codec',
    `the source sends ${encoding}; framelift takes H264 and H265 over RTSP directly`,
    { remedy: 'Add ?ingest=ffmpeg to the URL to read it with ffmpeg, or set the camera to H264.' },
  );
}

/** sprop parameter sets, each behind a start code. */
function parameterSets(codec: VideoCodec, parameters: ReadonlyMap<string, string>): Uint8Array {
  const names = codec === 'h264' ? ['sprop-parameter-sets'] : ['sprop-vps', 'sprop-sps', 'sprop-pps'];
  const parts: Uint8Array[] = [];
  for (const name of names) {
    for (const encoded of parameters.get(name)?.replaceAll('"', '').split(',') ?? []) {
      const nal = Buffer.from(encoded, 'base64');
      if (nal.length > 1) parts.push(Uint8Array.of(0, 0, 0, 1), nal);
    }
  }
  return Buffer.concat(parts);
}
