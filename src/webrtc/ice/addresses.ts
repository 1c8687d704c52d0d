/** Which addresses of this machine WebRTC needs. Pure. */

/** An address of a network interface. */
export interface InterfaceAddress {
  readonly address: string;
  readonly internal: boolean;
}

/** Where peers may come from. */
export interface Reach {
  /** Addresses that HTTP listens at: what `server.host` is or leads to. */
  readonly hosts: readonly string[];
  /** Addresses that are advertised, of names those that were found. */
  readonly advertised: readonly string[];
  /** True when names are advertised that no address was found for. */
  readonly unresolved: boolean;
}

/** Addresses of which the last are left out: a machine with many containers has dozens. */
const MAX_ADDRESSES = 32;

/**
 * The addresses to open sockets at, outward ones first. HTTP on the loopback alone needs no more;
 * HTTP at every address needs all; and what is advertised needs the interface that has the address,
 * or, where none has (behind NAT), every outward one.
 */
export function neededAddresses(
  { hosts, advertised, unresolved }: Reach,
  interfaces: readonly InterfaceAddress[],
): string[] {
  const usable = interfaces.filter(({ address }) => !isLinkLocal(address));
  const own = new Set(usable.map(({ address }) => address));
  const outside = unresolved || advertised.some((address) => !own.has(address));
  const chosen = new Set<string>();
  for (const host of hosts) {
    if (!isWildcard(host)) chosen.add(host);
    else for (const { address } of usable) if (host === '::' || !address.includes(':')) chosen.add(address);
    if (host === '0.0.0.0') chosen.add('127.0.0.1');
  }
  for (const { address, internal } of usable) {
    if (advertised.includes(address) || (outside && !internal)) chosen.add(address);
  }
  return [...chosen].sort((a, b) => rank(a) - rank(b)).slice(0, MAX_ADDRESSES);
}

/** True for every address of a family. */
function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** True for addresses that only this machine reaches. */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** They need a zone, which candidates do not have. */
function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/i.test(address);
}

/** Outward before loopback, IPv4 before IPv6: some peers take the first candidate alone. */
function rank(address: string): number {
  return (isLoopback(address) ? 2 : 0) + (address.includes(':') ? 1 : 0);
}
