/**
 * WebRTC connections: ICE, DTLS and SRTP of a peer that has offered. werift sees none of the peer's
 * media lines: packets are numbered, ordered, repeated and reported in `egress/` and `ingest/`.
 * With `egress/peer.ts` and `ingest/whip/peer.ts` the only adapter of werift.
 */
import { RTCPeerConnection, RTCRtpCodecParameters, type RTCRtpTransceiver, type RTCSctpTransport } from 'werift';
import { FrameliftError } from '../errors.ts';
import { type Log, SILENT_LOG } from '../log.ts';
import { type Clock, fromMs, type Micros, plus } from '../time.ts';
import { advertised } from './advertise.ts';
import { ConnectionLog } from './connection-log.ts';
import { guardDtls } from './dtls/guard.ts';
import type { Refusal } from './dtls/refusal.ts';
import type { IceServer, IceServers } from './ice-servers.ts';
import { MAX_CANDIDATES, type RemoteTransport } from './remote-transport.ts';
import { followRollover } from './rollover.ts';
import { wellFormed } from './sctp-guard.ts';
import type { LocalTransport } from './sdp-answer.ts';
import { transportOffer } from './transport-offer.ts';

/** Network settings of WebRTC connections. */
export interface TransportSettings {
  /** UDP ports to use, inclusive, at least two. Undefined = any. */
  readonly portRange?: readonly [number, number];
  /**
   * Addresses to announce beside the machine's own, e.g. the public one behind NAT or Docker. IP
   * addresses or names.
   */
  readonly advertisedHosts?: readonly string[];
  /**
   * STUN/TURN servers. None by default: no request leaves the machine unasked, and ICE runs in its
   * lite form.
   */
  readonly iceServers?: Pick<IceServers, 'own' | 'got'>;
  /** Told of states, candidates and RTCP. Default: nothing is. */
  readonly log?: Log;
  /** Told of each thing that a peer, or somebody in its place, sent in vain. Default: nobody is. */
  readonly refused?: (reason: Refusal) => void;
}

/**
 * Takes our candidates as they are found, values of `a=candidate:` lines; undefined when there are
 * no more.
 */
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
  /** Where the connection writes what it does. */
  readonly log: ConnectionLog;
  /**
   * Takes a candidate of the peer's that was not in its offer, the value of an `a=candidate:` line
   * that was checked. Of too many the last are ignored.
   */
  addCandidate(candidate: string): void;
  /** Ends the connection. */
  close(): Promise<void>;
}

/**
 * An answer waits so long for STUN and TURN servers: what they have not said by then is left out.
 */
const GATHER_TIMEOUT = fromMs(2000);
/**
 * Chunks of a peer that may wait for earlier ones: a message of the longest size that the answer
 * announces, and as much again.
 */
const MAX_WAITING_CHUNKS = 128;
/** Channels that a peer may open, one after the other. */
const MAX_OPENED_CHANNELS = 64;
/** Payload protocol of the messages that open channels (RFC 8832). */
const DCEP = 50;

/**
 * Makes a connection for a peer that has offered; close it.
 * @param trickle takes our candidates, which the answer then lacks; without it the answer has them
 * all.
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
  const log = new ConnectionLog(settings.log ?? SILENT_LOG, remote.ufrag, clock);
  let username = '';
  const pc = makeConnection(settings.portRange, servers, (given) => {
    if (given !== username) return false;
    heard.at = clock.now();
    return true;
  });
  try {
    const transceiver = pc.addTransceiver('video', { direction: 'sendonly' });
    await pc.setRemoteDescription({ type: 'offer', sdp: transportOffer(remote) });
    const answer = await pc.createAnswer();
    username = `${attribute(answer.sdp, 'ice-ufrag')}:${remote.ufrag}`;
    log.follow({ pc, dtls: transceiver.dtlsTransport });
    mendRollover(transceiver);
    guardDtls(transceiver.dtlsTransport, { clock, refused: settings.refused ?? (() => {}) });
    const gathering = gather(pc, answer, settings, trickle);
    gathering.done.then(
      () => log.gathered(gathering.candidates, remote.candidates.length),
      // Whoever still waits is told; a connection that fails later is noticed by who watches it.
      () => {},
    );
    const end = (): Promise<void> => close(pc, gathering.done);
    guardData(pc, () => void end().catch(() => {}));
    if (!trickle) await within(gathering.done, GATHER_TIMEOUT, clock);
    return {
      ...{ pc, transceiver, heard, log },
      local: localTransport(answer.sdp, lite, trickle ? undefined : [...gathering.candidates]),
      longestMessage: longestMessage(remote),
      addCandidate: candidateTaker(pc, remote, lite, log),
      close: end,
    };
  } catch (error) {
    await pc.close();
    throw error;
  }
}

/**
 * @param accept by the user name of an ICE check. werift takes any check as the peer's: only those
 * for this session count.
 */
function makeConnection(
  portRange: TransportSettings['portRange'],
  servers: readonly IceServer[],
  accept: (username: string) => boolean,
): RTCPeerConnection {
  return new RTCPeerConnection({
    codecs: { audio: [], video: [CODEC] },
    headerExtensions: { audio: [], video: [] },
    iceServers: [...servers],
    iceStunGatherTimeout: 1,
    iceTurnConnectTimeout: 2,
    iceLite: servers.length === 0,
    iceAdditionalHostAddresses: ['127.0.0.1'],
    bundlePolicy: 'max-bundle',
    ...(portRange ? { icePortRange: [...portRange] } : {}),
    iceFilterStunResponse: (message) => accept(String(message.getAttributeValue('USERNAME'))),
  });
}

/** @param answer of werift, whose media mean nothing. */
function localTransport(answer: string, iceLite: boolean, candidates: readonly string[] | undefined): LocalTransport {
  return {
    iceUfrag: attribute(answer, 'ice-ufrag'),
    icePwd: attribute(answer, 'ice-pwd'),
    iceLite,
    fingerprint: attribute(answer, 'fingerprint'),
    setup: attribute(answer, 'setup'),
    candidates,
  };
}

function longestMessage({ data }: RemoteTransport): number | undefined {
  return data && (data.maxMessageSize === 0 ? Number.POSITIVE_INFINITY : data.maxMessageSize);
}

function candidateTaker(
  pc: RTCPeerConnection,
  remote: RemoteTransport,
  lite: boolean,
  log: ConnectionLog,
): (candidate: string) => void {
  let known = remote.candidates.length;
  return (candidate) => {
    known += 1;
    // In its lite form ICE waits to be asked: it has no use for the peer's addresses.
    if (lite || known > MAX_CANDIDATES || pc.connectionState === 'closed') return;
    log.trickled(candidate);
    // One that werift cannot use is as good as none.
    void pc.addIceCandidate({ candidate: `candidate:${candidate}`, sdpMid: '0' }).catch(() => {});
  };
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
  return { candidates, done: run() };
}

/** Resolves with `done`, or after `timeout`. */
async function within(done: Promise<void>, timeout: Micros, clock: Clock): Promise<void> {
  const late = Promise.withResolvers<void>();
  const cancel = clock.at(plus(clock.now(), timeout), late.resolve);
  await Promise.race([done, late.promise]).finally(cancel);
}

/**
 * werift forgets what a TURN server gives after the end: it is closed once more when nothing can
 * come any more.
 */
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
 * Lets through to werift only what it can bear, and catches what it throws in promises that it
 * forgets: either would end the process.
 * @param end ends this peer's connection.
 */
function guardData({ sctpTransport }: RTCPeerConnection, end: () => void): void {
  if (!sctpTransport) return;
  const { sctp, dtlsTransport } = sctpTransport;
  let opened = 0;
  dtlsTransport.dataReceiver = (packet) => {
    if (wellFormed(packet) && waiting(sctpTransport) <= MAX_WAITING_CHUNKS) void sctp['handleData'](packet).catch(end);
    else end();
  };
  sctp.onReceive.allUnsubscribe();
  sctp.onReceive.subscribe((stream, protocol, message) => {
    if (protocol === DCEP) opened += 1;
    if (opened <= MAX_OPENED_CHANNELS) void sctpTransport['datachannelReceive'](stream, protocol, message).catch(end);
    else end();
  });
}

/**
 * Chunks that wait for earlier ones, for the same message or the same stream. werift does not limit
 * them.
 */
function waiting({ sctp }: RTCSctpTransport): number {
  const streams: { reassembly: unknown[] }[] = Object.values(sctp['inboundStreams']);
  return streams.reduce((sum, { reassembly }) => sum + reassembly.length, sctp['sackMisOrdered'].size);
}
// biome-ignore-end lint/complexity/useLiteralKeys: private to TypeScript, and there is no other way to them

/**
 * Puts our rollover counter into werift's SRTP, as soon as there is one. Going out, it matters for
 * packets that are sent again.
 */
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
