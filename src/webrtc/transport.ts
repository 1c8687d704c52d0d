/**
 * WebRTC connections: ICE, DTLS and SRTP of a peer that has offered. werift sees none of the peer's media lines: packets
 * are numbered, ordered, repeated and reported in `egress/` and `ingest/`. With `egress/peer.ts` and `ingest/webrtc-peer.ts` the only adapter of werift.
 */
import { RTCPeerConnection, RTCRtpCodecParameters, type RTCRtpTransceiver, type RTCSctpTransport } from 'werift';
import { FrameliftError } from '../errors.ts';
import { type Clock, fromMs, type Micros, plus } from '../time.ts';
import { advertised } from './advertise.ts';
import type { IceServers } from './ice-servers.ts';
import { MAX_CANDIDATES, type RemoteTransport } from './remote-transport.ts';
import { followRollover } from './rollover.ts';
import { wellFormed } from './sctp-guard.ts';
import type { LocalTransport } from './sdp-answer.ts';
import { transportOffer } from './transport-offer.ts';

/** Network settings of WebRTC connections. */
export interface TransportSettings {
  /** UDP ports to use, inclusive, at least two. Undefined = any. */
  readonly portRange?: readonly [number, number];
  /** Addresses to announce beside the machine's own, e.g. the public one behind NAT or Docker. IP addresses or names. */
  readonly advertisedHosts?: readonly string[];
  /** STUN/TURN servers. None by default: no request leaves the machine unasked, and ICE runs in its lite form. */
  readonly iceServers?: Pick<IceServers, 'own' | 'got'>;
}

/** Takes our candidates as they are found, values of `a=candidate:` lines; undefined when there are no more. */
export type CandidateSink = (candidate: string | undefined) => void;

/** A connection that is being made. */
export interface PeerTransport {
  readonly pc: RTCPeerConnection;
  readonly transceiver: RTCRtpTransceiver;
  /** For the answer. */
  readonly local: LocalTransport;
  /** When anything came from the peer that proves it is there. */
  readonly heard: { at: Micros };
  /** Longest message the peer takes on data channels, in bytes; undefined when it takes none. */
  readonly longestMessage: number | undefined;
  /** Takes a candidate of the peer's that was not in its offer, the value of an `a=candidate:` line that was checked. Of too many the last are ignored. */
  addCandidate(candidate: string): void;
  /** Ends the connection. */
  close(): Promise<void>;
}

/** An answer waits so long for STUN and TURN servers: what they have not said by then is left out. */
const GATHER_WITHIN = fromMs(2000);
/** Chunks of a peer that may wait for earlier ones: a message of the longest size that the answer announces, and as much again. */
const MOST_WAITING = 128;
/** Channels that a peer may open, one after the other. */
const MOST_OPENED = 64;
/** Payload protocol of the messages that open channels (RFC 8832). */
const DCEP = 50;

/**
 * Makes a connection for a peer that has offered; close it. @param trickle takes our candidates, which the answer then lacks; without it the answer has them all.
 * @throws what werift throws, when the peer's values make no sense to it.
 */
export async function openTransport(
  remote: RemoteTransport,
  settings: TransportSettings,
  clock: Clock,
  trickle?: CandidateSink,
): Promise<PeerTransport> {
  const servers = settings.iceServers?.own() ?? [];
  const lite = servers.length === 0;
  const heard = { at: clock.now() };
  let username = '';
  const pc = new RTCPeerConnection({
    codecs: { audio: [], video: [CODEC] },
    headerExtensions: { audio: [], video: [] },
    iceServers: [...servers],
    iceStunGatherTimeout: 1,
    iceTurnConnectTimeout: 2,
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
    const answer = await pc.createAnswer();
    const iceUfrag = attribute(answer.sdp, 'ice-ufrag');
    username = `${iceUfrag}:${remote.ufrag}`;
    mendRollover(transceiver);
    const gathering = gather(pc, answer, settings, trickle);
    guardData(pc, () => void close(pc, gathering.done).catch(() => {}));
    if (!trickle) await within(gathering.done, GATHER_WITHIN, clock);
    const local = {
      iceUfrag,
      icePwd: attribute(answer.sdp, 'ice-pwd'),
      iceLite: lite,
      fingerprint: attribute(answer.sdp, 'fingerprint'),
      setup: attribute(answer.sdp, 'setup'),
      candidates: trickle ? undefined : [...gathering.candidates],
    };
    const { data } = remote;
    const longestMessage = data && (data.maxMessageSize === 0 ? Number.POSITIVE_INFINITY : data.maxMessageSize);
    let known = remote.candidates.length;
    const addCandidate = (candidate: string): void => {
      known += 1;
      // In its lite form ICE waits to be asked: it has no use for the peer's addresses.
      if (lite || known > MAX_CANDIDATES || pc.connectionState === 'closed') return;
      // One that werift cannot use is as good as none.
      void pc.addIceCandidate({ candidate: `candidate:${candidate}`, sdpMid: '0' }).catch(() => {});
    };
    return { pc, transceiver, local, heard, longestMessage, addCandidate, close: () => close(pc, gathering.done) };
  } catch (error) {
    await pc.close();
    throw error;
  }
}

/** werift wants a codec to speak of; which one never matters, since it sees no media. */
const CODEC = new RTCRtpCodecParameters({ mimeType: 'video/VP8', clockRate: 90_000, payloadType: 96 });

interface Gathering {
  /** Found so far. */
  readonly candidates: readonly string[];
  /** Settles when there are no more. */
  readonly done: Promise<void>;
}

/** Looks for our candidates, and connects once all are there. */
function gather(
  pc: RTCPeerConnection,
  answer: Awaited<ReturnType<RTCPeerConnection['createAnswer']>>,
  { iceServers, advertisedHosts = [] }: TransportSettings,
  trickle: CandidateSink = () => {},
): Gathering {
  const candidates: string[] = [];
  const found = (candidate: string): void => {
    if (candidates.includes(candidate)) return;
    candidates.push(candidate);
    trickle(candidate);
  };
  pc.onIceCandidate.subscribe((event) => {
    const line = event?.candidate?.replace(/^(candidate:)+/, '');
    if (line) found(line);
  });
  const run = async (): Promise<void> => {
    await pc.setLocalDescription(answer);
    if (pc.connectionState !== 'closed') iceServers?.got(candidates);
    for (const candidate of await advertised(candidates, advertisedHosts)) found(candidate);
    trickle(undefined);
  };
  const done = run();
  // Whoever still waits is told; a connection that fails later is noticed by who watches it.
  done.catch(() => {});
  return { candidates, done };
}

/** Resolves with `done`, or after `most`. */
async function within(done: Promise<void>, most: Micros, clock: Clock): Promise<void> {
  const late = Promise.withResolvers<void>();
  const cancel = clock.at(plus(clock.now(), most), late.resolve);
  await Promise.race([done, late.promise]).finally(cancel);
}

/** werift forgets what a TURN server gives after the end: it is closed once more when nothing can come any more. */
async function close(pc: RTCPeerConnection, gathered: Promise<void>): Promise<void> {
  const transports = pc.iceTransports;
  await pc.close();
  const sweep = (): void => {
    for (const { connection } of transports) void connection.close();
  };
  void gathered.then(sweep, sweep);
}

// biome-ignore-start lint/complexity/useLiteralKeys: private to TypeScript, and there is no other way to them
/**
 * Lets through to werift only what it can bear, and catches what it throws in promises that it forgets: either would end the process.
 * @param end ends this peer's connection.
 */
function guardData({ sctpTransport }: RTCPeerConnection, end: () => void): void {
  if (!sctpTransport) return;
  const { sctp, dtlsTransport } = sctpTransport;
  let opened = 0;
  dtlsTransport.dataReceiver = (packet) => {
    if (wellFormed(packet) && waiting(sctpTransport) <= MOST_WAITING) void sctp['handleData'](packet).catch(end);
    else end();
  };
  sctp.onReceive.allUnsubscribe();
  sctp.onReceive.subscribe((stream, protocol, message) => {
    if (protocol === DCEP) opened += 1;
    if (opened <= MOST_OPENED) void sctpTransport['datachannelReceive'](stream, protocol, message).catch(end);
    else end();
  });
}

/** Chunks that wait for earlier ones, for the same message or the same stream. werift does not limit them. */
function waiting({ sctp }: RTCSctpTransport): number {
  const streams: { reassembly: unknown[] }[] = Object.values(sctp['inboundStreams']);
  return streams.reduce((sum, { reassembly }) => sum + reassembly.length, sctp['sackMisOrdered'].size);
}
// biome-ignore-end lint/complexity/useLiteralKeys: private to TypeScript, and there is no other way to them

/** Puts our rollover counter into werift's SRTP, as soon as there is one. Going out, it matters for packets that are sent again. */
export function mendRollover({ dtlsTransport }: RTCRtpTransceiver): void {
  dtlsTransport.onStateChange.subscribe((state) => {
    if (state !== 'connected') return;
    dtlsTransport.srtp.remoteContext.updateRolloverCount = followRollover;
    dtlsTransport.srtp.localContext.updateRolloverCount = followRollover;
  });
}

function attribute(sdp: string, name: string): string {
  const prefix = `a=${name}:`;
  const line = sdp.split(/\r?\n/).find((candidate) => candidate.startsWith(prefix));
  if (line === undefined) throw new FrameliftError('server.failed', `the WebRTC library gave no ${name}`);
  return line.slice(prefix.length);
}
