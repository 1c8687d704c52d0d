import { expect, it } from 'vitest';
import { type InterfaceAddress, neededAddresses } from '../../../../src/webrtc/ice/addresses.ts';

const INTERFACES: InterfaceAddress[] = [
  { address: '127.0.0.1', internal: true },
  { address: '::1', internal: true },
  { address: '10.0.0.5', internal: false },
  { address: '192.168.1.5', internal: false },
  { address: '2001:db8::5', internal: false },
  { address: 'fe80::5', internal: false },
];
const OUTWARD = ['10.0.0.5', '192.168.1.5', '2001:db8::5'];

it.each<[string, string[], string[], boolean, string[]]>([
  ['the loopback alone for HTTP on the loopback', ['127.0.0.1'], [], false, ['127.0.0.1']],
  ['both loopbacks for a name that leads there', ['::1', '127.0.0.1'], [], false, ['127.0.0.1', '::1']],
  ['one address for HTTP at one', ['192.168.1.5'], [], false, ['192.168.1.5']],
  ['all of IPv4 for 0.0.0.0', ['0.0.0.0'], [], false, ['10.0.0.5', '192.168.1.5', '127.0.0.1']],
  ['all of both families for ::', ['::'], [], false, [...OUTWARD, '127.0.0.1', '::1']],
  ['the interface that has an advertised address', ['127.0.0.1'], ['10.0.0.5'], false, ['10.0.0.5', '127.0.0.1']],
  ['every outward one for an address behind NAT', ['127.0.0.1'], ['203.0.113.9'], false, [...OUTWARD, '127.0.0.1']],
  ['every outward one for a name without address', ['127.0.0.1'], [], true, [...OUTWARD, '127.0.0.1']],
])('needs %s', (_, hosts, advertised, unresolved, needed) => {
  expect(neededAddresses({ hosts, advertised, unresolved }, INTERFACES)).toEqual(needed);
});

it('needs the loopback where there is no network', () => {
  expect(neededAddresses({ hosts: ['0.0.0.0'], advertised: ['203.0.113.9'], unresolved: false }, [])).toEqual([
    '127.0.0.1',
  ]);
});

it('opens no more sockets than it can use on a machine with hundreds of addresses', () => {
  const many = Array.from({ length: 300 }, (_, i) => ({ address: `10.1.${i >> 8}.${i & 255}`, internal: false }));
  expect(neededAddresses({ hosts: ['0.0.0.0'], advertised: [], unresolved: false }, many)).toHaveLength(32);
});
