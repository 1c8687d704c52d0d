/**
 * WebRTC connections: ICE, DTLS and SRTP of a peer that has offered. ICE is our own (`ice/`); werift
 * does DTLS, SRTP and SCTP and sees none of the peer's media lines: packets are numbered, ordered,
 * repeated and reported in `egress/` and `ingest/`.
 */
import {
  Event,
  ProtectionProfileAeadAes128Gcm,
  ProtectionProfileAes128CmHmacSha1_80,
  RTCDtlsFingerprint,
  RTCDtlsParameters,
  RTCDtlsTransport,
  type RTCIceTransport,
  RTCSctpTransport,
} from 'werift';
import { type Log, SILENT_LOG } from '../log.ts';
import { type CancelTimer, type Clock, fromMs, type Micros, plus } from '../time.ts';
import { ConnectionLog } from './connection-log.ts';
import { guardDtls } from './dtls/guard.ts';
import type { Refusal } from './dtls/refusal.ts';
import { type Credentials, IceAgent } from './ice/agent.ts';
import { CheckList } from './ice/checks.ts';
import { gather, type ServedGathering } from './ice/gathering.ts';
import type { Path } from './ice/path.ts';
import { IcePort } from './ice/port.ts';
import type { IceServers } from './ice-servers.ts';
import {
  type Certificate,
  type Identity,
  newCertificate,
  newStreams,
  type StreamNames,
  writtenFingerprints,
} from './identity.ts';
import { MAX_CANDIDATES, type RemoteTransport } from './remote-transport.ts';
import { followRollover } from './rollover.ts';
import { wellFormed } from './sctp-guard.ts';
import type { LocalTransport } from './sdp-answer.ts';

/** Network settings of WebRTC connections. */
export interface TransportSettings {
  /**
   * The sockets that all connections share. Default: each connection has sockets of its own, on the
   * loopback.
   */
  readonly port?: IcePort;
  /**
   * STUN/TURN servers. None by default: no request leaves the machine unasked, and ICE runs in its
   * lite form.
   */
  readonly iceServers?: Pick<IceServers, 'own' | 'got'>;
  /** Told of states, candidates and RTCP. Default: nothing is. */
  readonly log?: Log;
  /** Told of each thing that a peer, or somebody in its place, sent in vain. Default: nobody is. */
  readonly refused?: (reason: Refusal) => void;
  /** What an offer of ours has said of this side. Default: the peer has offered. */
  readonly identity?: Identity;
}

/**
 * Takes our candidates as they are found, values of `a=candidate:` lines; undefined when there are
 * no more.
 */
export type CandidateSink = (candidate: string | undefined) => void;

/** A connection that is being made. */
export interface PeerTransport extends StreamNames {
  /** DTLS and SRTP. */
  readonly dtls: RTCDtlsTransport;
  /** Data channels; undefined when the peer takes none. */
  readonly sctp: RTCSctpTransport | undefined;
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
  /** Ends the connection. Closing twice is harmless. */
  close(): Promise<void>;
}

/**
 * An answer waits so long for STUN and TURN servers: what they have not said by then is left out.
 */
const GATHER_TIMEOUT = fromMs(2000);
/** A nomination that is not answered is said again after so long … */
const NOMINATE_INTERVAL = fromMs(250);
/** … and checks go on: RFC 7675 gives a peer 30 s, NATs of UDP often less than that. */
const KEEP_ALIVE_INTERVAL = fromMs(2500);
/**
 * Chunks of a peer that may wait for earlier ones: a message of the longest size that the answer
 * announces, and as much again.
 */
const MAX_WAITING_CHUNKS = 128;
/** Channels that a peer may open, one after the other. */
const MAX_OPENED_CHANNELS = 64;
/** Payload protocol of the messages that open channels (RFC 8832). */
const DCEP = 50;
/** Our side's port of SCTP, as answers have it. */
const SCTP_PORT = 5000;
const SRTP_PROFILES = [ProtectionProfileAeadAes128Gcm, ProtectionProfileAes128CmHmacSha1_80];

/**
 * Makes a connection for a peer that has offered; close it.
 * @param trickle takes our candidates, which the answer then lacks; without it the answer has them
 * all.
 * @throws FrameliftError `webrtc.no-port`, and what werift throws when the peer's values make no
 * sense to it.
 */
export async function openTransport(
  remote: RemoteTransport,
  settings: TransportSettings,
  clock: Clock,
  trickle?: CandidateSink,
): Promise<PeerTransport> {
  await using opening = new AsyncDisposableStack();
  const port = settings.port ?? opening.use(await IcePort.open({ clock }));
  const candidates = await port.candidates();
  const log = new ConnectionLog(settings.log ?? SILENT_LOG, remote.ufrag, clock);
  const { identity } = settings;
  const ice = opening.adopt(new IceSession(remote, port, clock, log, identity?.ice), (session) => session.close());
  const dtls = opening.adopt(await makeDtls(remote, ice, identity?.certificate), closeDtls);
  guardDtls(dtls, { clock, refused: settings.refused ?? (() => {}) });
  log.follow(dtls);
  const sctp = remote.data && opening.adopt(makeSctp(remote.data, dtls), (transport) => transport.stop());
  const served = ice.gather(settings, candidates, trickle);
  const closing = opening.move();
  const end = (): Promise<void> => closing.disposeAsync();
  if (sctp) guardData(sctp, () => void end().catch(() => {}));
  ice.whenConnected(() => void start(dtls, sctp, remote).catch(() => {}));
  if (served && !trickle) await within(served.done, GATHER_TIMEOUT, clock);
  return {
    ...{
      dtls,
      sctp,
      log,
      heard: ice.heard,
      ...(identity ?? newStreams()),
    },
    local: {
      iceUfrag: ice.agent.local.ufrag,
      icePwd: ice.agent.local.pwd,
      iceLite: served === undefined,
      fingerprint: fingerprintOf(dtls),
      setup: answeredSetup(remote.setup),
      candidates: trickle ? undefined : [...candidates],
    },
    longestMessage: longestMessage(remote),
    addCandidate: (candidate) => ice.addCandidate(candidate),
    close: end,
  };
}

/**
 * Our role in DTLS. A peer that leaves the choice (`actpass`) gets the answer that RFC 8842 section
 * 5.3 recommends: we begin, so that the handshake need not wait until the peer has the answer.
 */
function answeredSetup(offered: string): 'active' | 'passive' {
  return offered === 'active' ? 'passive' : 'active';
}

/** ICE of one connection, and what werift sees of it. */
class IceSession {
  readonly agent: IceAgent;
  readonly heard: { at: Micros };
  /** Datagrams from nominated addresses that are not STUN. */
  readonly onData = new Event<[Buffer]>();
  readonly #remote: RemoteTransport;
  readonly #port: IcePort;
  readonly #clock: Clock;
  readonly #log: ConnectionLog;
  readonly #leave: () => void;
  /** We have offered: nothing comes about unless we ask. */
  readonly #controlling: boolean;
  #cancelKeepAlive: CancelTimer = () => {};
  #connected: () => void = () => {};
  #checks: CheckList | undefined;
  #served: ServedGathering | undefined;
  #named = 0;

  constructor(remote: RemoteTransport, port: IcePort, clock: Clock, log: ConnectionLog, offered?: Credentials) {
    this.#controlling = offered !== undefined;
    this.#remote = remote;
    this.#port = port;
    this.#clock = clock;
    this.#log = log;
    this.heard = { at: clock.now() };
    const events = {
      connected: () => {
        this.#checks?.stop();
        this.#connected();
      },
      heard: () => {
        this.heard.at = clock.now();
      },
      selected: (path: Path) => log.selected(path),
      data: (datagram: Buffer) => this.onData.execute(datagram),
    };
    this.agent = new IceAgent(remote, port.router, clock, events, offered);
    this.#leave = port.router.add(this.agent.local.ufrag, this.agent);
  }

  /** @param connected called once, when data can flow. */
  whenConnected(connected: () => void): void {
    this.#connected = connected;
  }

  /**
   * Looks for candidates beyond those of the port, and asks at the peer's; neither where no servers
   * are configured.
   * @param candidates those of the port; further ones are added.
   */
  gather(
    { iceServers }: TransportSettings,
    candidates: string[],
    trickle: CandidateSink = () => {},
  ): ServedGathering | undefined {
    for (const candidate of candidates) trickle(candidate);
    const servers = iceServers?.own() ?? [];
    const over = (): void => {
      this.#log.gathered(candidates, this.#remote.candidates.length);
      trickle(undefined);
    };
    if (this.#controlling) this.#keepAlive();
    if (!this.#controlling && servers.length === 0) {
      over();
      return undefined;
    }
    const checks = new CheckList(this.agent, this.#clock);
    this.#checks = checks;
    if (!iceServers || servers.length === 0) {
      for (const { table } of this.#port.sockets) checks.addSocket(table);
      for (const candidate of this.#remote.candidates) this.addCandidate(candidate);
      over();
      return undefined;
    }
    const found = (candidate: string): void => {
      candidates.push(candidate);
      trickle(candidate);
    };
    const served = gather(servers, (given) => iceServers.got(given), {
      port: this.#port,
      clock: this.#clock,
      checks,
      found,
    });
    this.#served = served;
    for (const candidate of this.#remote.candidates) this.addCandidate(candidate);
    void served.done.then(over);
    return served;
  }

  /** In its lite form ICE waits to be asked: it has no use for the peer's addresses. */
  addCandidate(candidate: string): void {
    this.#named += 1;
    if (!this.#checks || this.#named > MAX_CANDIDATES) return;
    if (this.#named > this.#remote.candidates.length) this.#log.trickled(candidate);
    this.#checks.addCandidate(candidate);
  }

  /** Often until it is connected, then so that neither the peer nor a NAT forgets us. */
  #keepAlive(): void {
    this.agent.keepAlive();
    const wait = this.agent.selected ? KEEP_ALIVE_INTERVAL : NOMINATE_INTERVAL;
    this.#cancelKeepAlive = this.#clock.at(plus(this.#clock.now(), wait), () => this.#keepAlive());
  }

  async close(): Promise<void> {
    this.#cancelKeepAlive();
    this.#leave();
    this.agent.close();
    this.#checks?.stop();
    this.#served?.close();
    this.onData.allUnsubscribe();
  }
}

/** DTLS and SRTP over ICE. The only place where they are made. */
async function makeDtls(
  { setup, fingerprints }: RemoteTransport,
  ice: IceSession,
  offered?: Certificate,
): Promise<RTCDtlsTransport> {
  const certificate = offered ?? (await newCertificate());
  const connection = {
    onData: ice.onData,
    send: async (datagram: Buffer): Promise<void> => ice.agent.send(datagram),
    close: () => ice.close(),
  };
  const seen = { connection, role: 'controlled', state: 'connected', stop: () => ice.close() };
  // All that DTLS and SCTP use of werift's ICE, which has no other part in this.
  const dtls = new RTCDtlsTransport({}, seen as unknown as RTCIceTransport, certificate, SRTP_PROFILES);
  dtls.role = answeredSetup(setup) === 'passive' ? 'server' : 'client';
  const theirs = fingerprints.map((line) => {
    const [algorithm = '', value = ''] = line.split(' ');
    return new RTCDtlsFingerprint(algorithm, value);
  });
  dtls.setRemoteParams(new RTCDtlsParameters(theirs, dtls.role === 'server' ? 'client' : 'server'));
  mendRollover(dtls);
  return dtls;
}

async function closeDtls(dtls: RTCDtlsTransport): Promise<void> {
  await dtls.stop();
  dtls.onRtp.allUnsubscribe();
  dtls.onRtcp.allUnsubscribe();
}

function makeSctp(data: NonNullable<RemoteTransport['data']>, dtls: RTCDtlsTransport): RTCSctpTransport {
  const sctp = new RTCSctpTransport(SCTP_PORT);
  sctp.setDtlsTransport(dtls);
  sctp.setRemoteMaxMessageSize(data.maxMessageSize);
  sctp.setRemotePort(data.port);
  return sctp;
}

/** @throws what werift says of a handshake that failed: DTLS tells it as its state, too. */
async function start(
  dtls: RTCDtlsTransport,
  sctp: RTCSctpTransport | undefined,
  { data }: RemoteTransport,
): Promise<void> {
  if (dtls.state !== 'new') return;
  await dtls.start();
  if (sctp && data) await sctp.start(data.port);
}

function fingerprintOf({ localParameters: { fingerprints } }: RTCDtlsTransport): string {
  return writtenFingerprints(fingerprints);
}

function longestMessage({ data }: RemoteTransport): number | undefined {
  return data && (data.maxMessageSize === 0 ? Number.POSITIVE_INFINITY : data.maxMessageSize);
}

/** Resolves with `done`, or after `timeout`. */
async function within(done: Promise<void>, timeout: Micros, clock: Clock): Promise<void> {
  const late = Promise.withResolvers<void>();
  const cancel = clock.at(plus(clock.now(), timeout), late.resolve);
  await Promise.race([done, late.promise]).finally(cancel);
}

// biome-ignore-start lint/complexity/useLiteralKeys: private to TypeScript, and there is no other way to them
/**
 * Lets through to werift only what it can bear, and catches what it throws in promises that it
 * forgets: either would end the process.
 * @param end ends this peer's connection.
 */
function guardData(sctpTransport: RTCSctpTransport, end: () => void): void {
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
export function mendRollover(dtls: RTCDtlsTransport): void {
  dtls.onStateChange.subscribe((state) => {
    if (state !== 'connected') return;
    dtls.srtp.remoteContext.updateRolloverCount = followRollover;
    dtls.srtp.localContext.updateRolloverCount = followRollover;
  });
}
