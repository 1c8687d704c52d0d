/** The session description (RFC 8866) that RTSP readers get. Pure. */
import type { ParameterSets } from '../../egress/codec/parameter-sets.ts';
import { SOUND_MAPPING, type SoundCodec } from '../../media/sound.ts';

/** Payload types: those of G.711 are fixed. */
export const VIDEO_PAYLOAD_TYPE = 96;
export const SOUND_PAYLOAD_TYPES: Readonly<Record<SoundCodec, number>> = { opus: 97, pcmu: 0, pcma: 8 };

/** What a track is called in SETUP. */
export const TRACKS = ['trackID=0', 'trackID=1'] as const;

/** What there is to read. */
export interface Described {
  /** Of the stream. */
  readonly name: string;
  readonly sets: ParameterSets;
  readonly sound: SoundCodec | undefined;
}

/** @param id of this description: changes when it does. */
export function describeSession({ name, sets, sound }: Described, id: number): string {
  const { sequence, picture } = sets;
  const profile = sequence.toString('hex', 1, 4);
  const sprop = `${sequence.toString('base64')},${picture.toString('base64')}`;
  const video = [
    `m=video 0 RTP/AVP ${VIDEO_PAYLOAD_TYPE}`,
    `a=rtpmap:${VIDEO_PAYLOAD_TYPE} H264/90000`,
    `a=fmtp:${VIDEO_PAYLOAD_TYPE} packetization-mode=1;profile-level-id=${profile};sprop-parameter-sets=${sprop}`,
    `a=control:${TRACKS[0]}`,
  ];
  const lines = [
    ...[
      'v=0',
      `o=- ${id} 1 IN IP4 0.0.0.0`,
      `s=${name}`,
      'c=IN IP4 0.0.0.0',
      't=0 0',
      'a=control:*',
      'a=range:npt=now-',
    ],
    ...video,
    ...(sound === undefined ? [] : describeSound(sound)),
  ];
  return `${lines.join('\r\n')}\r\n`;
}

function describeSound(sound: SoundCodec): string[] {
  const type = SOUND_PAYLOAD_TYPES[sound];
  const format = sound === 'opus' ? [`a=fmtp:${type} sprop-stereo=1`] : [];
  return [`m=audio 0 RTP/AVP ${type}`, `a=rtpmap:${type} ${SOUND_MAPPING[sound]}`, ...format, `a=control:${TRACKS[1]}`];
}
