/**
 * WebRTC connections: ICE, DTLS and SRTP of a peer that has offered. werift sees none of the peer's media lines: packets
 * are numbered, ordered, repeated and reported in `egress/` and `ingest/`. With `egress/peer.ts` and `ingest/webrtc-peer.ts` the only adapter of werift.
 */
import { lookup } from 'node:dns/promises';
import { RTCPeerConnection, RTCRtpCodecParameters, type RTCRtpTransceiver } from 'werift';
import { FrameliftError } from '../errors.ts';
import { type CancelTimer, type Clock, fromMs, type Micros, minus, plus } from '../time.ts';
import { followRollover } from './rollover.ts';
import type { LocalTransport, RemoteTransport } from './sdp.ts';

/** Network settings of WebRTC connections. */
export interface TransportSettings {
  /** UDP ports to use, inclusive, at least two. Undefined = any. */
  readonly portRange?: readonly [number, number];
  /** Addresses to announce beside the machine's own, e.g. the public one behind NAT or Docker. IP addresses or names. */
  readonly advertisedHosts?: readonly string[];
  /** STUN/TURN servers. None by default: no request leaves the machine unasked, and ICE runs in its lite form. */
  readonly iceServers?: readonly { readonly urls: string; readonly username?: string; readonly credential?: string }[];
}

/** A connection that is being made. */
export interface PeerTransport {
  readonly pc: RTCPeerConnection;
  readonly transceiver: RTCRtpTransceiver;
  /** For the answer. */
  readonly local: LocalTransport;
  /** When anything came from the peer that proves it is there. */
  readonly heard: { at: Micros };
}

/** Makes a connection for a peer that has offered. Close its `pc`. @throws what werift throws, when the peer's values make no sense to it. */
export async function openTransport(
  remote: RemoteTransport,
  settings: TransportSettings,
  clock: Clock,
): Promise<PeerTransport> {
  const lite = !settings.iceServers || settings.iceServers.length === 0;
  const heard = { at: clock.now() };
  let username = '';
  const pc = new RTCPeerConnection({
    codecs: { audio: [], video: [CODEC] },
    headerExtensions: { audio: [], video: [] },
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
    await pc.setRemoteDescription({ type: 'offer', sdp: transportOffer(remote) });
    await pc.setLocalDescription(await pc.createAnswer());
    await gathered(pc);
    const sdp = pc.localDescription?.sdp ?? '';
    const local = {
      iceUfrag: attribute(sdp, 'ice-ufrag'),
      icePwd: attribute(sdp, 'ice-pwd'),
      iceLite: lite,
      fingerprint: attribute(sdp, 'fingerprint'),
      setup: attribute(sdp, 'setup'),
      candidates: await announce(attributes(sdp, 'candidate'), settings.advertisedHosts ?? []),
    };
    username = `${local.iceUfrag}:${remote.ufrag}`;
    mendRollover(transceiver);
    return { pc, transceiver, local, heard };
  } catch (error) {
    await pc.close();
    throw error;
  }
}

/** What happens to a connection. Each is called at most once. */
export interface TransportEvents {
  /** Media can flow. */
  connected(): void;
  /** It broke, never came about, or the peer fell silent. */
  broken(reason: string): void;
}

/** A peer that has not connected by then never will. */
const CONNECT_TIMEOUT = fromMs(8000);
/** Peers send reports every second and ICE checks every few: silence this long is a peer that is gone. */
const SILENCE_TIMEOUT = fromMs(10_000);
const WATCH_EVERY = fromMs(1000);

/** Watches a connection until the returned function is called. @param everySecond called once a second while it is connected. */
export function watchTransport(
  { pc, transceiver, heard }: PeerTransport,
  clock: Clock,
  events: TransportEvents,
  everySecond: () => void = () => {},
): CancelTimer {
  let over = false;
  let connected = false;
  let cancel: CancelTimer = () => {};
  const stop = (): void => {
    over = true;
    cancel();
  };
  const broken = (reason: string): void => {
    if (over) return;
    stop();
    events.broken(reason);
  };
  const watch = (): void => {
    if (over) return;
    if (minus(clock.now(), heard.at) > SILENCE_TIMEOUT) {
      broken('peer fell silent');
      return;
    }
    everySecond();
    cancel = clock.at(plus(clock.now(), WATCH_EVERY), watch);
  };
  pc.connectionStateChange.subscribe((state) => {
    if (state === 'failed' || state === 'disconnected' || state === 'closed') broken(`ICE or DTLS ${state}`);
    if (state !== 'connected' || connected || over) return;
    connected = true;
    cancel();
    heard.at = clock.now();
    watch();
    events.connected();
  });
  transceiver.dtlsTransport.onStateChange.subscribe((state) => {
    if (state === 'closed' || state === 'failed') broken(`DTLS ${state}`);
  });
  cancel = clock.at(plus(clock.now(), CONNECT_TIMEOUT), () => broken('not connected in time'));
  return stop;
}

/** werift wants a codec to speak of; which one never matters, since it sees no media. */
const CODEC = new RTCRtpCodecParameters({ mimeType: 'video/VP8', clockRate: 90_000, payloadType: 96 });

/** The offer as werift sees it: a player's, whoever the peer is, so that neither its sender nor its receiver does anything. */
function transportOffer({ ufrag, pwd, fingerprints, setup, candidates }: RemoteTransport): string {
  const lines = [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'a=group:BUNDLE 0',
    'm=video 9 UDP/TLS/RTP/SAVPF 96',
    'c=IN IP4 0.0.0.0',
    'a=mid:0',
    'a=recvonly',
    'a=rtcp-mux',
    'a=rtcp-rsize',
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${pwd}`,
    ...fingerprints.map((fingerprint) => `a=fingerprint:${fingerprint}`),
    `a=setup:${setup}`,
    'a=rtpmap:96 VP8/90000',
    ...candidates.map((candidate) => `a=candidate:${candidate}`),
    'a=end-of-candidates',
  ];
  return `${lines.join('\r\n')}\r\n`;
}

/** Puts our rollover counter into werift's SRTP, as soon as there is one. Going out, it matters for packets that are sent again. */
export function mendRollover({ dtlsTransport }: RTCRtpTransceiver): void {
  dtlsTransport.onStateChange.subscribe((state) => {
    if (state !== 'connected') return;
    dtlsTransport.srtp.remoteContext.updateRolloverCount = followRollover;
    dtlsTransport.srtp.localContext.updateRolloverCount = followRollover;
  });
}

/** As configured. werift asks a public STUN server when none is named; a TURN server answers STUN as well, so that one is asked instead. */
function iceServersOf({
  iceServers = [],
}: TransportSettings): { urls: string; username?: string; credential?: string }[] {
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
