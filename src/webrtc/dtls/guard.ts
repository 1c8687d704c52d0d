/**
 * Puts the gate into the WebRTC library's DTLS and SRTP. werift, read at 0.25.2, takes alerts and
 * hellos from anybody at any time, keeps every fragment, verifies neither signatures nor Finished,
 * and numbers two records alike under one key. What is reached into here is private there: a
 * release that moves it fails at the first connection and in the tests.
 */
import type { RTCDtlsTransport } from 'werift';
import { FrameliftError } from '../../errors.ts';
import type { Clock } from '../../time.ts';
import { DtlsGate, type GateDeps, type SessionKeys } from './gate.ts';
import type { Refusal } from './refusal.ts';
import { guardSrtp } from './srtp.ts';

/** Collaborators of {@link guardDtls}. */
export interface GuardDeps {
  readonly clock: Pick<Clock, 'now'>;
  /** Told of each thing that a peer, or somebody in its place, sent in vain. */
  refused(reason: Refusal): void;
}

type Socket = NonNullable<RTCDtlsTransport['dtls']>;

/** werift's numbers. */
const CLIENT = 1;
const RSA = 1;

/**
 * Guards a DTLS transport of werift that has not started yet: call it once, before `start`.
 * Nothing is sent or taken, media or data, before the peer has proved who it is.
 */
export function guardDtls(transport: RTCDtlsTransport, deps: GuardDeps): void {
  const start = transport.start.bind(transport);
  transport.start = () => {
    const started = start();
    // There is none when it has failed already.
    if (!transport.dtls || transport.state !== 'connecting') return started;
    try {
      attach(transport, transport.dtls, deps);
      return started;
    } catch (thrown) {
      // Without a gate it comes to nothing.
      started.catch(() => {});
      transport.dtls.close();
      return Promise.reject(thrown);
    }
  };
  guardSrtp(transport, deps);
}

/** Puts a gate between a DTLS socket of werift and its wire. */
function attach(transport: RTCDtlsTransport, socket: Socket, { clock, refused }: GuardDeps): void {
  const wire = socket.transport.socket;
  const { onData, send } = wire;
  // biome-ignore lint/complexity/useLiteralKeys: private to TypeScript, and there is no other way to it
  const fingerprints = transport['remoteParameters']?.fingerprints;
  const signature = transport.localCertificate?.signatureHash.signature;
  if (!onData || !send || !fingerprints || signature === undefined) throw moved();
  const sendDatagram = (datagram: Buffer): Promise<void> =>
    // What cannot be sent is lost, like any datagram.
    Promise.resolve(send.call(wire, datagram)).then(
      () => {},
      () => {},
    );
  const gateDeps: GateDeps = {
    clock,
    refused,
    deliver: (record) => onData.call(wire, record, ['', 0]),
    begin(cookie, extendedMasterSecret) {
      socket.dtls.cookie = cookie;
      // werift would confirm the extension to clients that know nothing of it.
      socket.options.extendedMasterSecret = extendedMasterSecret;
    },
    numberFrom(sequence) {
      socket.dtls.recordSequenceNumber = Math.max(socket.dtls.recordSequenceNumber, sequence);
    },
    keys: () => keysOf(socket),
    send: (datagram) => void sendDatagram(datagram),
    data(payload) {
      if (socket.connected) socket.onData.execute(payload);
    },
    closed: () => socket.onClose.execute(),
  };
  const role = socket.sessionType === CLIENT ? 'client' : 'server';
  const gate = new DtlsGate({ role, key: signature === RSA ? 'rsa' : 'ec', fingerprints }, gateDeps);
  wire.onData = (datagram) => gate.receive(datagram);
  wire.send = (datagram) => (gate.sent(datagram) ? sendDatagram(datagram) : Promise.resolve());
}

/** The secrets that werift has derived; undefined before that. */
function keysOf({ cipher, sessionType }: Socket): SessionKeys | undefined {
  const suite = cipher.cipher;
  if (!cipher.masterSecret || !suite) return undefined;
  const fromClient = sessionType !== CLIENT;
  const key = fromClient ? suite.clientWriteKey : suite.serverWriteKey;
  const nonce = fromClient ? suite.clientNonce : suite.serverNonce;
  if (!key || !nonce) return undefined;
  return { masterSecret: cipher.masterSecret, peer: { key, salt: Buffer.from(nonce.subarray(0, 4)) } };
}

function moved(): FrameliftError {
  return new FrameliftError('server.failed', 'the WebRTC library is not the one that its guard was written for', {
    remedy: 'Install the version of werift that framelift names.',
  });
}
