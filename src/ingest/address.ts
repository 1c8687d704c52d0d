/** Addresses that no source may lead to. Pure. */
import { BlockList, isIPv4, isIPv6 } from 'node:net';

const FORBIDDEN = new BlockList();
FORBIDDEN.addSubnet('169.254.0.0', 16, 'ipv4');
FORBIDDEN.addSubnet('fe80::', 10, 'ipv6');
// AWS' metadata service by IPv6.
FORBIDDEN.addAddress('fd00:ec2::254', 'ipv6');

/** True for link-local addresses, where cloud providers serve credentials. False for names: look them up first. */
export function isForbiddenAddress(address: string): boolean {
  const bare = address.replace(/%.*$/, '');
  if (isIPv4(bare)) return FORBIDDEN.check(bare, 'ipv4');
  if (!isIPv6(bare)) return false;
  // IPv4-mapped addresses are checked against the IPv4 rules by BlockList.
  return FORBIDDEN.check(bare, 'ipv6');
}
