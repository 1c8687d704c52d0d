/**
 * Candidates for addresses that this machine does not know of: the public one behind NAT or Docker.
 */
import { lookup } from 'node:dns/promises';

/**
 * A candidate for each of `hosts`, at the UDP port of the first outward host candidate. Names that
 * do not resolve, and addresses that are there already, are left out.
 */
export async function advertised(candidates: readonly string[], hosts: readonly string[]): Promise<string[]> {
  const all = candidates.map((line) => line.split(' '));
  const local = all.find((fields) => isOutward(fields));
  if (!local) return [];
  const addresses = await Promise.all(hosts.map(addressOf));
  const fresh = new Set(addresses.filter((address) => address !== undefined));
  for (const fields of all) fresh.delete(fields[4] ?? '');
  return [...fresh].map((address, index) => {
    const fields = [...local];
    fields[0] = `adv${index}`;
    fields[4] = address;
    return fields.join(' ');
  });
}

async function addressOf(host: string): Promise<string | undefined> {
  const found = await lookup(host, { family: 4 }).catch(() => undefined);
  return found?.address;
}

/** An IPv4 address of a network interface, loopback apart. */
function isOutward(fields: readonly string[]): boolean {
  const [, , , , address = '', , , type] = fields;
  return type === 'host' && /^\d+\.\d+\.\d+\.\d+$/.test(address) && !address.startsWith('127.');
}
