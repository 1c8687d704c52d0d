/** The session description (RFC 8866) of an RTSP stream: its first video track. Pure. */
import { FrameliftError } from '../../errors.ts';
import type { VideoCodec } from '../../media/access-unit.ts';

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

interface Media {
  readonly kind: string;
  readonly formats: readonly string[];
  readonly attributes: readonly (readonly [name: string, value: string])[];
}

/** RTP encoding names to FFmpeg's spelling. */
const CODECS: Readonly<Record<string, VideoCodec>> = { H264: 'h264', H265: 'hevc', HEVC: 'hevc' };
/** Static payload types that cameras use for video. */
const STATIC_TYPES: Readonly<Record<string, string>> = {
  '26': 'JPEG',
  '28': 'nv',
  '31': 'H261',
  '32': 'MPV',
  '33': 'MP2T',
  '34': 'H263',
};

/**
 * Finds the first video track and what decoding it needs.
 * @throws FrameliftError `source.no-video` without a video track, `source.unsupported-codec` naming the codec.
 */
export function findVideo(sdp: string): VideoTrack {
  const { session, media } = parse(sdp);
  const video = media.find((m) => m.kind === 'video');
  if (!video) {
    const kinds = media.map((m) => m.kind).join(', ') || 'nothing';
    throw new FrameliftError('source.no-video', `the source offers no video (it offers ${kinds})`, {
      remedy: "Check the stream's path: cameras often have several.",
    });
  }
  for (const format of video.formats) {
    const map = find(video, 'rtpmap', format);
    const [encoding, rate] = map?.split('/') ?? [STATIC_TYPES[format] ?? `payload type ${format}`];
    const codec = CODECS[encoding?.toUpperCase() ?? ''];
    if (!codec) {
      if (format === video.formats.at(-1)) throw unsupported(encoding ?? format);
      continue;
    }
    const parameters = parseParameters(find(video, 'fmtp', format) ?? '');
    if (codec === 'h264' && parameters.get('packetization-mode') === '2') throw unsupported('H264 in interleaved mode');
    const fps = Number(plain(video.attributes, 'framerate') ?? Number.NaN);
    return {
      codec,
      payloadType: Number(format),
      clockRate: Number(rate) > 0 ? Number(rate) : 90_000,
      control: plain(video.attributes, 'control'),
      sessionControl: plain(session, 'control'),
      extradata: parameterSets(codec, parameters),
      fps: fps > 0 && fps < 1000 ? fps : undefined,
    };
  }
  throw unsupported('no format');
}

function unsupported(encoding: string): FrameliftError {
  return new FrameliftError(
    'source.unsupported-codec',
    `the source sends ${encoding}; framelift takes H264 and H265 over RTSP directly`,
    { remedy: 'Add ?ingest=ffmpeg to the URL to read it with ffmpeg, or set the camera to H264.' },
  );
}

function parse(sdp: string): { session: Media['attributes']; media: Media[] } {
  const session: [string, string][] = [];
  const media: { kind: string; formats: string[]; attributes: [string, string][] }[] = [];
  for (const line of sdp.split(/\r\n|\n|\r/)) {
    const value = line.slice(2).trim();
    if (line.startsWith('m=')) {
      const [kind = '', , , ...formats] = value.split(/\s+/);
      media.push({ kind, formats, attributes: [] });
    } else if (line.startsWith('a=')) {
      const colon = value.indexOf(':');
      const attribute: [string, string] =
        colon < 0 ? [value, ''] : [value.slice(0, colon).trim(), value.slice(colon + 1).trim()];
      (media.at(-1)?.attributes ?? session).push(attribute);
    }
  }
  return { session, media };
}

/** The value of an attribute that begins with a payload type, without it. */
function find(media: Media, name: string, format: string): string | undefined {
  for (const [key, value] of media.attributes) {
    const match = key === name ? /^(\S+)\s+(.*)$/.exec(value) : null;
    if (match?.[1] === format) return match[2];
  }
  return undefined;
}

function plain(attributes: Media['attributes'], name: string): string | undefined {
  return attributes.find(([key]) => key === name)?.[1];
}

function parseParameters(fmtp: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const part of fmtp.split(';')) {
    const equals = part.indexOf('=');
    if (equals > 0) parameters.set(part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim());
  }
  return parameters;
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
