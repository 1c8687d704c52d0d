import { expect, it } from 'vitest';
import { isUsable } from '../../../src/webrtc/remote-transport.ts';

it.each([
  '1 1 udp 1 10.0.0.1 5 typ host',
  '4 1 UDP 2122260223 203.0.113.9 65535 typ srflx raddr 0.0.0.0 rport 0',
  'a+/9 1 udp 1 2001:db8::1 5 typ relay generation 0 ufrag EsAw network-id 1',
])('%s can be used', (candidate) => {
  expect(isUsable(candidate)).toBe(true);
});

it.each([
  ['a name, which would need mDNS', '1 1 udp 1 4d8f.local 7 typ host'],
  ['TCP', '2 1 tcp 1 10.0.0.1 9 typ host tcptype active'],
  ['the component of RTCP', '1 2 udp 1 10.0.0.1 5 typ host'],
  ['a port that is none', '1 1 udp 1 10.0.0.1 65536 typ host'],
  ['a type that is none', '1 1 udp 1 10.0.0.1 5 typ hosts'],
  ['a second line', '1 1 udp 1 10.0.0.1 5 typ host \r\na=mid:0'],
  ['more than 300 characters', `1 1 udp 1 10.0.0.1 5 typ host ${'x'.repeat(300)}`],
  ['nothing', ''],
])('%s cannot be used', (_, candidate) => {
  expect(isUsable(candidate)).toBe(false);
});
