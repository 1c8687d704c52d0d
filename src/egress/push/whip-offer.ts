/** The offer of a stream to a WHIP server (RFC 9725), and what its `Link` fields say. Pure. */
import { SOUND_MAPPING, type SoundCodec } from '../../media/sound.ts';
import type { IceServer } from '../../webrtc/ice-servers.ts';
import type { Identity } from '../../webrtc/identity.ts';
import { EXTENSIONS, type ExtensionName } from '../offer.ts';

/** What is offered. */
export interface OfferedStream {
  readonly identity: Omit<Identity, 'certificate'>;
  /** Values of `a=candidate:` lines. */
  readonly candidates: readonly string[];
  /** A sequence parameter set: the profile. */
  readonly sequence: Buffer;
  readonly sound: SoundCodec | undefined;
}

const VIDEO = 96;
const RTX = 97;
const SOUND: Readonly<Record<SoundCodec, number>> = { opus: 111, pcmu: 0, pcma: 8 };
const OFFERED: readonly ExtensionName[] = ['mid', 'transportCc', 'absSendTime', 'absCaptureTime'];
const MAX_LINKS = 8;

/** A sendonly offer: the picture, the sound if there is any, on one connection. */
export function writeOffer({ identity, candidates, sequence, sound }: OfferedStream): string {
  const { ssrc, rtxSsrc, soundSsrc, cname } = identity;
  const session = [
    ...['v=0', `o=- ${ssrc} 1 IN IP4 0.0.0.0`, 's=-', 't=0 0'],
    ...[`a=group:BUNDLE ${sound === undefined ? '0' : '0 1'}`, 'a=msid-semantic: WMS *'],
  ];
  const video = [
    `m=video 9 UDP/TLS/RTP/SAVPF ${VIDEO} ${RTX}`,
    ...transportLines(identity, '0'),
    ...OFFERED.map((name, index) => `a=extmap:${index + 1} ${EXTENSIONS[name]}`),
    `a=rtpmap:${VIDEO} H264/90000`,
    ...['nack', 'nack pli', 'ccm fir', 'transport-cc'].map((kind) => `a=rtcp-fb:${VIDEO} ${kind}`),
    `a=fmtp:${VIDEO} level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=${profileOf(sequence)}`,
    ...[`a=rtpmap:${RTX} rtx/90000`, `a=fmtp:${RTX} apt=${VIDEO}`],
    ...['a=msid:framelift video', `a=ssrc-group:FID ${ssrc} ${rtxSsrc}`],
    ...[ssrc, rtxSsrc].flatMap((id) => [`a=ssrc:${id} cname:${cname}`, `a=ssrc:${id} msid:framelift video`]),
    ...candidates.map((candidate) => `a=candidate:${candidate}`),
    'a=end-of-candidates',
  ];
  const type = sound && SOUND[sound];
  const audio = [
    `m=audio 9 UDP/TLS/RTP/SAVPF ${type}`,
    ...transportLines(identity, '1'),
    `a=extmap:1 ${EXTENSIONS.mid}`,
    `a=rtpmap:${type} ${sound && SOUND_MAPPING[sound]}`,
    ...(sound === 'opus' ? [`a=fmtp:${type} minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1`] : []),
    ...['a=msid:framelift sound', `a=ssrc:${soundSsrc} cname:${cname}`, `a=ssrc:${soundSsrc} msid:framelift sound`],
  ];
  return `${[...session, ...video, ...(sound === undefined ? [] : audio)].join('\r\n')}\r\n`;
}

function transportLines({ ice, fingerprint }: OfferedStream['identity'], mid: string): string[] {
  return [
    ...['c=IN IP4 0.0.0.0', `a=mid:${mid}`, 'a=sendonly', 'a=rtcp-mux', 'a=rtcp-rsize'],
    ...[`a=ice-ufrag:${ice.ufrag}`, `a=ice-pwd:${ice.pwd}`, `a=fingerprint:${fingerprint}`, 'a=setup:actpass'],
  ];
}

/** As servers register it: the profile, and level 3.1, which nobody holds us to. */
function profileOf(sequence: Buffer): string {
  return { 77: '4d001f', 100: '64001f' }[sequence[1] ?? 66] ?? '42e01f';
}

/** STUN and TURN servers that the `Link` fields of an answer name (section 4.6); of many the first few. */
export function iceServersOf(links: string): IceServer[] {
  const found = links.slice(0, 16_384).matchAll(/<([^<>\s]{1,512})>([^<]{0,2048})/g);
  const servers = [...found].flatMap(([, url = '', rest = '']): IceServer[] => {
    const parameter = (name: string): string | undefined => {
      const match = new RegExp(`;\\s*${name}\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s",;]+))`, 'i').exec(rest);
      return match?.[1]?.replace(/\\(.)/g, '$1') ?? match?.[2];
    };
    if (parameter('rel') !== 'ice-server' || !/^(?:stuns?|turns?):[^\s]+$/i.test(url)) return [];
    const [username, credential] = [parameter('username'), parameter('credential')];
    return [
      username === undefined || credential === undefined ? { urls: [url] } : { urls: [url], username, credential },
    ];
  });
  return servers.slice(0, MAX_LINKS);
}
