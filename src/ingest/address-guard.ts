/**
 * To which addresses sources may lead: classes of addresses, what is allowed of them, and names
 * resolved once and checked.
 */
import { type LookupAddress, lookup } from 'node:dns';
import { BlockList, isIP, isIPv4, type LookupFunction } from 'node:net';
import { FrameliftError } from '../errors.ts';

/** What kind of network an address belongs to. Only `public` ones lead into the internet. */
export type AddressClass = 'link-local' | 'loopback' | 'unspecified' | 'private' | 'multicast' | 'reserved' | 'public';

/**
 * IANA's special-purpose registries. The first class that has an address wins. Translations of IPv4
 * that hide it from routers' rules (6to4, Teredo, IPv4-compatible, local NAT64) are `reserved`.
 */
const RANGES: readonly (readonly [AddressClass, readonly string[]])[] = [
  // With the metadata services of Amazon (IPv6), Google (IPv6), Alibaba and Oracle, which lie
  // elsewhere.
  [
    'link-local',
    [
      ...['169.254.0.0/16', 'fe80::/10'],
      ...['fd00:ec2::254/128', 'fd20:ce::254/128', '100.100.100.200/32', '192.0.0.192/32'],
    ],
  ],
  ['loopback', ['127.0.0.0/8', '::1/128']],
  ['unspecified', ['0.0.0.0/8', '::/128']],
  ['private', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7']],
  ['multicast', ['224.0.0.0/4', 'ff00::/8']],
  [
    'reserved',
    [
      ...['192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
      ...['240.0.0.0/4', '::/96', '::ffff:0:0:0/96', '64:ff9b:1::/48', '100::/64', '2001::/23', '2001:db8::/32'],
      ...['2002::/16', '3fff::/20', '5f00::/16', 'fec0::/10'],
    ],
  ],
];

/**
 * NAT64 (RFC 6052): such an address is the IPv4 address in its last 32 bits. IPv4-mapped ones
 * BlockList knows itself.
 */
const NAT64 = '64:ff9b::';

function addRange(list: BlockList, range: string): void {
  const [address = '', bits] = range.split('/');
  const version = isIPv4(address) ? 4 : 6;
  const prefix = bits === undefined ? (version === 4 ? 32 : 128) : Number(bits);
  list.addSubnet(address, prefix, version === 4 ? 'ipv4' : 'ipv6');
  if (version === 4) list.addSubnet(`${NAT64}${address}`, 96 + prefix, 'ipv6');
}

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) addRange(list, range);
  return list;
}

const CLASSES = RANGES.map(([name, ranges]) => [name, blockList(ranges)] as const);

function contains(list: BlockList, address: string): boolean {
  return list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}

/**
 * The class of an IPv4 or IPv6 address, zone or none. IPv4 inside IPv6 (mapped, NAT64) has the
 * class of the IPv4 address.
 */
export function addressClass(address: string): AddressClass {
  const bare = address.replace(/%.*$/, '');
  return CLASSES.find(([, list]) => contains(list, bare))?.[0] ?? 'public';
}

/**
 * True for what {@link AddressGuard} takes as an exception: `loopback`, `private`, an address, or a
 * range in CIDR notation.
 */
export function isAllowance(text: string): boolean {
  if (text === 'loopback' || text === 'private') return true;
  const [address = '', bits, ...more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || address.includes('%') || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

/**
 * What URLs may lead to that an operator wrote down: cameras are in private networks, and test
 * servers on this machine.
 */
export const OPERATORS_CLASSES: readonly AddressClass[] = ['loopback', 'private'];

/**
 * Name resolution: all addresses of a host name, in the order in which they are to be tried.
 * Rejects as `dns.lookup` does.
 */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

const systemResolve: Resolve = (host) =>
  new Promise((resolve, reject) => {
    lookup(host, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)));
  });

/**
 * Decides where sources may connect to: public addresses, and what is allowed beside them. Names
 * are resolved once for each connection, all their addresses are checked, and the connection goes
 * to one that was: a name that changes between check and use (DNS rebinding) changes nothing.
 */
export class AddressGuard {
  readonly #allowances: readonly string[];
  readonly #ofUrl: readonly AddressClass[];
  readonly #classes: ReadonlySet<string>;
  readonly #ranges: BlockList;
  readonly #resolve: Resolve;

  /**
   * @param allowances where everything may lead, each as {@link isAllowance} takes it.
   * @param ofUrl classes that the URL itself may lead to, too; see {@link beyond}.
   */
  constructor(allowances: readonly string[], resolve: Resolve = systemResolve, ofUrl: readonly AddressClass[] = []) {
    this.#allowances = allowances;
    this.#ofUrl = ofUrl;
    this.#classes = new Set([...allowances, ...ofUrl]);
    this.#ranges = blockList(allowances.filter((text) => isIP(text.split('/')[0] ?? '') !== 0));
    this.#resolve = resolve;
  }

  /**
   * The guard of what a server at these addresses may lead to: redirections, playlists. Not further
   * inside than itself: from a public address to public ones, from a private network not to this
   * machine.
   */
  beyond(addresses: readonly string[]): AddressGuard {
    const classes = new Set(addresses.map(addressClass));
    const inside = classes.has('loopback') || classes.has('private');
    const kept = this.#ofUrl.filter((name) => (name === 'private' ? inside : classes.has('loopback')));
    return new AddressGuard(this.#allowances, this.#resolve, kept);
  }

  /**
   * True when sources may lead to this address. `multicast`: the protocol receives by joining
   * groups.
   */
  permits(address: string, multicast = false): boolean {
    const found = addressClass(address);
    if (found === 'public' || (found === 'multicast' && multicast)) return true;
    return this.#classes.has(found) || contains(this.#ranges, address.replace(/%.*$/, ''));
  }

  /**
   * Checks a host if it is an address; names are left to {@link lookup}, which is not called for
   * addresses.
   * @throws FrameliftError `source.forbidden`.
   */
  checkLiteral(host: string, multicast = false): void {
    if (isIP(host) !== 0 && !this.permits(host, multicast)) throw forbidden(host, host);
  }

  /**
   * The addresses of a host, name or address, all of them permitted.
   * @throws FrameliftError `source.forbidden` when one is not, `source.unreachable` when the name
   * is not known.
   */
  async resolve(host: string, multicast = false): Promise<readonly LookupAddress[]> {
    const version = isIP(host);
    const addresses = version === 0 ? await this.#lookUp(host) : [{ address: host, family: version }];
    const bad = addresses.find(({ address }) => !this.permits(address, multicast));
    if (bad) throw forbidden(host, bad.address);
    return addresses;
  }

  /**
   * For `net.connect`, `tls.connect` and `http.request`, with {@link checkLiteral} before. Its
   * errors are FrameliftErrors.
   */
  readonly lookup: LookupFunction = (host, options, callback) => {
    this.resolve(host).then(
      (all) => {
        const family = Number(String(options.family ?? 0).replace('IPv', ''));
        const usable = all.filter((found) => family === 0 || found.family === family);
        const [first] = usable;
        if (!first) callback(unknownName(host, undefined), '');
        else if (options.all) callback(null, usable);
        else callback(null, first.address, first.family);
      },
      (error: Error) => callback(error, ''),
    );
  };

  async #lookUp(host: string): Promise<readonly LookupAddress[]> {
    try {
      const addresses = await this.#resolve(host);
      if (addresses.length > 0) return addresses;
    } catch (cause) {
      throw unknownName(host, cause);
    }
    throw unknownName(host, undefined);
  }
}

/** The guard of sources that their operators wrote down. */
export const OPERATORS_GUARD = new AddressGuard([], systemResolve, OPERATORS_CLASSES);

function forbidden(host: string, address: string): FrameliftError {
  const found = addressClass(address);
  const way = host === address ? address : `${host} leads to ${address}, which`;
  const remedy =
    found === 'loopback' || found === 'private'
      ? `Add ${found}, or the address alone, to sources.allow if it is meant.`
      : 'Add the address to sources.allow if it is meant.';
  return new FrameliftError('source.forbidden', `${way} is a ${found} address, where this source may not lead to`, {
    remedy,
  });
}

function unknownName(host: string, cause: unknown): FrameliftError {
  return new FrameliftError('source.unreachable', `the name ${host} is not known`, { recoverable: true, cause });
}
