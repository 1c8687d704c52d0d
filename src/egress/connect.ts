/** Making WebRTC connections: offer in, answer and viewer out. With `peer.ts` the only adapter of werift on the way out. */
import { lookup } from 'node:dns/promises';
import { RTCPeerConnection, RTCRtpCodecParameters, RTCRtpHeaderExtensionParameters } from 'werift';
import { asFrameliftError, FrameliftError } from '../errors.ts';
import { type Clock, ZERO } from '../time.ts';
import { EXTENSIONS, type OfferedVideo, readOffer, writeAnswer } from './offer.ts';
import { PeerViewer } from './peer.ts';
import type { PeerSettings, ViewerEvents } from './viewer.ts';

/** Makes a connection for a player's offer. @throws FrameliftError `webrtc.bad-offer`, `webrtc.unacceptable`, `server.failed`. */
export async function connectPeer(
  offer: string,
  settings: PeerSettings,
  clock: Clock,
  events: ViewerEvents,
): Promise<PeerViewer> {
  const video = readOffer(offer);
  const lite = !settings.iceServers || settings.iceServers.length === 0;
  const heard = { at: clock.now() };
  let username = '';
  const pc = new RTCPeerConnection({
    codecs: { audio: [], video: codecsFor(video) },
    headerExtensions: {
      audio: [],
      video: [...video.extensions.keys()].map((name) => new RTCRtpHeaderExtensionParameters({ uri: EXTENSIONS[name] })),
    },
    iceServers: iceServersOf(settings),
    iceStunGatherTimeout: 1,
    iceLite: lite,
    iceAdditionalHostAddresses: ['127.0.0.1'],
    bundlePolicy: 'max-bundle',
    ...(settings.portRange ? { icePortRange: [...settings.portRange] } : {}),
    // werift takes any check as the peer's: only those for this session count.
    iceFilterStunResponse: (message) => {
      if (message.getAttributeValue('USERNAME') !== username) return false;
      heard.at = clock.now();
      return true;
    },
  });
  try {
    const transceiver = pc.addTransceiver('video', { direction: 'sendonly' });
    await pc.setRemoteDescription({ type: 'offer', sdp: video.sdp });
    await pc.setLocalDescription(await pc.createAnswer());
    await gathered(pc);
    const sdp = pc.localDescription?.sdp ?? '';
    const { sender } = transceiver;
    const transport = {
      iceUfrag: attribute(sdp, 'ice-ufrag'),
      icePwd: attribute(sdp, 'ice-pwd'),
      iceLite: lite,
      fingerprint: attribute(sdp, 'fingerprint'),
      setup: attribute(sdp, 'setup'),
      candidates: await announce(attributes(sdp, 'candidate'), settings.advertisedHosts ?? []),
      ssrc: sender.ssrc,
      rtxSsrc: sender.rtxSsrc,
      cname: pc.cname,
    };
    username = `${transport.iceUfrag}:${video.iceUfrag}`;
    return new PeerViewer({
      pc,
      transceiver,
      video,
      answer: writeAnswer(video, transport),
      clock,
      events,
      maxPlayoutDelay: settings.maxPlayoutDelay ?? ZERO,
      heard,
    });
  } catch (thrown) {
    await pc.close();
    throw asFrameliftError(thrown, 'webrtc.bad-offer', false);
  }
}

function codecsFor(video: OfferedVideo): RTCRtpCodecParameters[] {
  const rtcpFeedback = video.feedback.map((line) => {
    const [type = '', parameter] = line.split(' ');
    return parameter === undefined ? { type } : { type, parameter };
  });
  const h264 = new RTCRtpCodecParameters({
    mimeType: 'video/H264',
    clockRate: 90_000,
    payloadType: video.payloadType,
    rtcpFeedback,
    ...(video.format ? { parameters: video.format } : {}),
  });
  if (video.rtxPayloadType === undefined) return [h264];
  const rtx = new RTCRtpCodecParameters({
    mimeType: 'video/rtx',
    clockRate: 90_000,
    payloadType: video.rtxPayloadType,
    parameters: `apt=${video.payloadType}`,
  });
  return [h264, rtx];
}

/** As configured. werift asks a public STUN server when none is named; a TURN server answers STUN as well, so that one is asked instead. */
function iceServersOf({ iceServers = [] }: PeerSettings): { urls: string; username?: string; credential?: string }[] {
  const servers = iceServers.map((server) => ({ ...server }));
  const turn = servers.find(({ urls }) => urls.startsWith('turn'));
  if (turn && !servers.some(({ urls }) => urls.startsWith('stun:'))) {
    servers.push({ urls: turn.urls.replace(/^turns?:/, 'stun:').replace(/\?.*$/, '') });
  }
  return servers;
}

function gathered(pc: RTCPeerConnection): Promise<void> {
  if (pc.iceGatheringState === 'complete') return Promise.resolve();
  return new Promise((resolve) => {
    pc.iceGatheringStateChange.subscribe((state) => {
      if (state === 'complete') resolve();
    });
  });
}

function attributes(sdp: string, name: string): string[] {
  const prefix = `a=${name}:`;
  const found = sdp.split(/\r?\n/).filter((line) => line.startsWith(prefix));
  return [...new Set(found.map((line) => line.slice(prefix.length)))];
}

function attribute(sdp: string, name: string): string {
  const [value] = attributes(sdp, name);
  if (value === undefined) throw new FrameliftError('server.failed', `the WebRTC library gave no ${name}`);
  return value;
}

/** Adds a candidate per advertised host for each UDP port that a real interface has. Names that do not resolve are left out. */
async function announce(candidates: readonly string[], hosts: readonly string[]): Promise<string[]> {
  const all = [...candidates];
  const local = candidates.map((line) => line.split(' ')).find(([, , , , address]) => isOutward(address ?? ''));
  if (!local) return all;
  for (const [index, host] of hosts.entries()) {
    const address = await lookup(host, { family: 4 }).then(
      (found) => found.address,
      () => undefined,
    );
    if (address === undefined || candidates.some((line) => line.split(' ')[4] === address)) continue;
    const fields = [...local];
    fields[0] = `adv${index}`;
    fields[4] = address;
    all.push(fields.join(' '));
  }
  return all;
}

function isOutward(address: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(address) && !address.startsWith('127.');
}
