/**
 * Places that many clients want: what counts as one client, and whose place a newcomer gets when all
 * are taken. Pure.
 */
import { isIPv6 } from 'node:net';

/**
 * The client behind an address: an IPv4 address, or the /64 network in which an IPv6 host may choose
 * its addresses as it likes. Requests without an address are one client.
 */
export function clientOf(address = ''): string {
  const plain = plainAddress(address);
  const bare = plain.split('%', 1)[0] ?? '';
  if (!isIPv6(bare)) return plain;
  const [head = '', tail] = bare.split('::', 2);
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  // A dotted end stands for two groups; it is behind the network in any case.
  const groups = after.length + (bare.includes('.') ? 1 : 0);
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - groups);
  const network = [...before, ...Array<string>(zeros).fill('0'), ...after].slice(0, 4);
  return `${network.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}

/** An address as IPv4 where it is one that a socket listening on `::` has written in IPv6. */
export function plainAddress(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}

/**
 * The client that holds the most places, if that is more than its share: so many that it still has no
 * fewer than `newcomer` when it has given one to it. Places that nobody else wants may all be of one
 * client.
 * @param holders the client of each place that is taken.
 */
export function overShare(holders: Iterable<string>, newcomer: string): string | undefined {
  const counts = new Map<string, number>();
  for (const client of holders) counts.set(client, (counts.get(client) ?? 0) + 1);
  const none: [string, number] = ['', 0];
  const [largest, most] = [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best), none);
  return most > (counts.get(newcomer) ?? 0) + 1 ? largest : undefined;
}
