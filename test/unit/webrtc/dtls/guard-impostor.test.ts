import { describe, expect, it } from 'vitest';
import type { RTCCertificate } from 'werift';
import { readRecords } from '../../../../src/webrtc/dtls/record.ts';
import type { Refusal } from '../../../../src/webrtc/dtls/refusal.ts';
import { certificate, type DtlsEnd, type DtlsPairOptions, dtlsPair, impostor } from '../../../support/dtls-pair.ts';

/** Changes a flight of werift's before it is made: there is one from the server's hello on. */
function onFlight5(peer: DtlsEnd, change: (flight: Record<string, unknown>) => void): void {
  let flight: Record<string, unknown>;
  Object.defineProperty(peer.dtls, 'flight5', {
    get: () => flight,
    set: (made: Record<string, unknown>) => {
      flight = made;
      change(made);
    },
  });
}

/** A peer who is not who the description names, or does not prove it. */
interface Attack {
  readonly name: string;
  readonly role: DtlsPairOptions['role'];
  readonly refused: Refusal;
  certificates?(victim: RTCCertificate, own: RTCCertificate): Pick<DtlsPairOptions, 'peer' | 'named'>;
  /** Spoils the peer once it has begun. */
  spoil?(peer: DtlsEnd): void;
}

const wrongFinished = (peer: DtlsEnd): void => {
  peer.dtls.cipher.verifyData = () => Buffer.alloc(12, 7);
};

const ATTACKS: readonly Attack[] = [
  ...(['client', 'server'] as const).flatMap((role): Attack[] => [
    {
      name: "the victim's certificate and another key",
      role,
      refused: 'signature',
      certificates: (victim, own) => ({ peer: impostor(victim, own), named: victim }),
    },
    { name: 'a Finished that says something else', role, refused: 'finished', spoil: wrongFinished },
  ]),
];

async function attack({ role, certificates, spoil }: Attack, guarded: boolean) {
  const [victim, own] = [await certificate('peer'), await certificate('impostor')];
  const pair = await dtlsPair({ role, guarded, ...certificates?.(victim, own) });
  pair.start();
  spoil?.(pair.peer);
  return pair;
}

describe.each(ATTACKS)('$name, at a DTLS $role', (it_) => {
  it('does not connect, and gets nothing', async () => {
    const { ours } = await attack(it_, true);
    await ours.until(() => ours.refused.includes(it_.refused));
    // What the library still does about it, it does at once.
    await new Promise(setImmediate);
    expect(ours.transport.state).toBe('connecting');
    expect(ours.transport.srtpStarted).toBe(false);
    expect(ours.sent.filter(([first = 0]) => first > 22)).toEqual([]);
  });

  it('connects where there is no guard: the attack is real', async () => {
    const { ours } = await attack(it_, false);
    await ours.connected();
    expect(ours.transport.srtpStarted).toBe(true);
  });
});

describe('a peer', () => {
  it('that leaves out the proof of its key waits for ever', async () => {
    const { ours, peer, start } = await dtlsPair({ role: 'server' });
    start();
    onFlight5(peer, (flight) => {
      flight.sendCertificateVerify = () => undefined;
    });
    await peer.until(() =>
      peer.sent.some((datagram) => readRecords(datagram).records.some(({ epoch }) => epoch === 1)),
    );
    await new Promise(setImmediate);
    expect(ours.transport.state).toBe('connecting');
    expect(ours.sent.filter((datagram) => readRecords(datagram).records.some(({ epoch }) => epoch === 1))).toEqual([]);
  });

  it('without a certificate is refused', async () => {
    const { ours, peer, start } = await dtlsPair({ role: 'server' });
    start();
    peer.dtls.cipher.localCert = Buffer.alloc(0);
    await ours.until(() => ours.refused.includes('malformed'));
    expect(ours.transport.state).toBe('connecting');
  });

  it('that passes over the request for its certificate is refused', async () => {
    const { ours, peer, start } = await dtlsPair({ role: 'server' });
    start();
    onFlight5(peer, () => {
      Object.defineProperty(peer.dtls.dtls, 'requestedCertificateTypes', { get: () => [], set: () => {} });
    });
    await ours.until(() => ours.refused.includes('unexpected'));
    expect(ours.transport.state).toBe('connecting');
  });

  it.each(['client', 'server'] as const)('with another certificate than is named is refused at a %s', async (role) => {
    const { ours, start } = await dtlsPair({ role, named: await certificate('victim') });
    start();
    await ours.until(() => ours.refused.includes('certificate'));
    expect(ours.transport.state).toBe('connecting');
  });
});
