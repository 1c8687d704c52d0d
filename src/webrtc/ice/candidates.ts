/** Values of `a=candidate:` lines for our own addresses (RFC 8839, for TCP RFC 6544). Pure. */
import type { Endpoint } from './stun.ts';

/** Type preferences (RFC 8445 section 5.1.2.2); TCP below every UDP that is not relayed. */
const PREFERENCE = { host: 126, srflx: 100, tcp: 90, relay: 2 } as const;

/**
 * Candidates of one port at several addresses, UDP before TCP: peers prefer it, and some take the
 * first line alone.
 * @param advertised addresses that peers are told of beside our own; they come first.
 */
export function hostCandidates(own: readonly string[], advertised: readonly string[], port: number): string[] {
  const fresh = [...new Set(advertised)].filter((address) => !own.includes(address));
  const all = [...fresh.map((address, i) => [`adv${i}`, address]), ...own.map((address, i) => [`own${i}`, address])];
  const line =
    (tcp: boolean) =>
    (named: string[], index: number): string => {
      const [foundation = '', address = ''] = named;
      // Passive TCP: direction preference 2 in the upper three bits of the local preference.
      const local = tcp ? (2 << 13) + 8191 - index : 65_535 - index;
      const priority = priorityOf(tcp ? PREFERENCE.tcp : PREFERENCE.host, local);
      const head = `${foundation}${tcp ? 't' : 'u'} 1 ${tcp ? 'tcp' : 'udp'} ${priority} ${address} ${port} typ host`;
      return tcp ? `${head} tcptype passive` : head;
    };
  return [...all.map(line(false)), ...all.map(line(true))];
}

/** A candidate that a STUN or TURN server gave for the socket at `base`. */
export function servedCandidate(type: 'srflx' | 'relay', given: Endpoint, base: Endpoint, index: number): string {
  const priority = priorityOf(PREFERENCE[type], 65_535 - index);
  const { address, port } = given;
  return `${type}${index} 1 udp ${priority} ${address} ${port} typ ${type} raddr ${base.address} rport ${base.port}`;
}

function priorityOf(type: number, local: number): number {
  return type * 2 ** 24 + local * 2 ** 8 + 255;
}
