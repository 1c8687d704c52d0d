import { describe, expect, test } from 'vitest';
import { AddressGuard, OPERATORS_GUARD } from '../../../../src/ingest/address-guard.ts';
import { parseTransport, sourceAddress } from '../../../../src/ingest/rtsp/transport.ts';
import { Fuzzer } from '../../../support/fuzz.ts';
import { fastestMs } from '../../../support/timing.ts';

test('what a well-behaved server says', () => {
  expect(parseTransport('RTP/AVP/TCP;unicast;interleaved=2-3;ssrc=00B4E1F0;mode="PLAY"')).toEqual({
    lower: 'tcp',
    channels: { rtp: 2, rtcp: 3 },
    serverPorts: undefined,
    ssrc: 0xb4e1f0,
    source: undefined,
  });
  const udp = 'RTP/AVP;unicast;client_port=5000-5001;server_port=6970-6971;source=10.0.0.7';
  expect(parseTransport(udp)).toEqual({
    lower: 'udp',
    channels: undefined,
    serverPorts: { rtp: 6970, rtcp: 6971 },
    ssrc: undefined,
    source: '10.0.0.7',
  });
});

describe('UDP ports', () => {
  test.each([
    ['6970-6971', 6970, 6971],
    ['6970', 6970, 6971],
    ['65535', 65_535, undefined],
    ['6970-0', 6970, undefined],
    ['6970-70000', 6970, undefined],
    ['0-1', undefined, undefined],
    ['70000-70001', undefined, undefined],
    ['99999999999999999999', undefined, undefined],
    ['-1', undefined, undefined],
    ['0x1b3a', undefined, undefined],
    ['6970-6971-6972', undefined, undefined],
    ['', undefined, undefined],
  ])('server_port=%s', (written, rtp, rtcp) => {
    const { serverPorts } = parseTransport(`RTP/AVP;unicast;server_port=${written}`);
    expect(serverPorts).toEqual(rtp === undefined ? undefined : { rtp, rtcp });
  });
});

describe('channels', () => {
  test.each([
    ['0-1', 0, 1],
    ['4', 4, 5],
    ['0-0', 0, 0],
    ['255', 255, undefined],
    ['254-255', 254, 255],
    ['256-257', undefined, undefined],
    ['a-b', undefined, undefined],
  ])('interleaved=%s', (written, rtp, rtcp) => {
    const { channels } = parseTransport(`RTP/AVP/TCP;unicast;interleaved=${written}`);
    expect(channels).toEqual(rtp === undefined ? undefined : { rtp, rtcp });
  });
});

test.each([
  ['RTP/AVP/TCP;unicast', 'tcp'],
  ['RTP/AVP;unicast;interleaved=0-1', 'tcp'],
  ['RTP/AVP;unicast;client_port=0-0', 'udp'],
  ['RTP/AVP/UDP;unicast;server_port=0-1', 'udp'],
  ['RTP/AVP;multicast;destination=239.0.0.1;port=5000-5001;ttl=99999', undefined],
  ['RTP/AVP;unicast;mode=record', undefined],
  ['', undefined],
  [undefined, undefined],
])('%s is by %s', (field, lower) => {
  expect(parseTransport(field).lower).toBe(lower);
});

test.each([
  ['ssrc=DEADBEEF', 0xdeadbeef],
  ['ssrc=7', 7],
  ['ssrc=123456789', undefined],
  ['ssrc=xyz', undefined],
  ['ssrc', undefined],
])('%s', (written, ssrc) => {
  expect(parseTransport(`RTP/AVP/TCP;${written}`).ssrc).toBe(ssrc);
});

test.each([
  ['192.168.1.5', '192.168.1.5'],
  ['"10.0.0.7"', '10.0.0.7'],
  ['[2606:4700::1]', '2606:4700::1'],
  ['169.254.169.254', undefined],
  ['::ffff:169.254.169.254', undefined],
  ['[fe80::1%eth0]', undefined],
  ['fd00:ec2::254', undefined],
  ['metadata.internal', undefined],
  ['0xa9fea9fe', undefined],
  ['', undefined],
])('packets from source=%s are taken from %s', (source, address) => {
  const answer = parseTransport(`RTP/AVP;unicast;source=${source};server_port=6970-6971`);
  expect(sourceAddress(answer, OPERATORS_GUARD)).toBe(address);
});

test('a source of the API is not led to this machine by a Transport field', () => {
  const answer = parseTransport('RTP/AVP;unicast;source=127.0.0.1;server_port=53-54');
  expect(sourceAddress(answer, new AddressGuard([]))).toBeUndefined();
});

test('a Transport field without a source names none', () => {
  expect(sourceAddress(parseTransport('RTP/AVP;unicast;server_port=6970-6971'), OPERATORS_GUARD)).toBeUndefined();
  expect(sourceAddress(parseTransport(undefined), OPERATORS_GUARD)).toBeUndefined();
});

test('whatever is written, each number is one that can be', () => {
  const sound = 'RTP/AVP/TCP;unicast;interleaved=0-1;server_port=6970-6971;ssrc=1234ABCD;source=10.0.0.1';
  for (let seed = 0; seed < 3000; seed += 1) {
    const { channels, serverPorts, ssrc } = parseTransport(new Fuzzer(seed).damageLines(sound));
    const numbers = [
      channels?.rtp ?? 0,
      channels?.rtcp ?? 0,
      (serverPorts?.rtp ?? 1) >> 8,
      (serverPorts?.rtcp ?? 1) >> 8,
    ];
    expect(numbers.every((number) => Number.isInteger(number) && number >= 0 && number <= 255)).toBe(true);
    expect(serverPorts?.rtp).not.toBe(0);
    expect(serverPorts?.rtcp).not.toBe(0);
    expect(ssrc === undefined || (ssrc >= 0 && ssrc < 2 ** 32)).toBe(true);
  }
});

test.each([';', ';a=', ' ', '1', 'interleaved='])('64 KiB of %j take no time', (piece) => {
  const field = piece.repeat(65_536 / piece.length);
  expect(fastestMs(() => parseTransport(field))).toBeLessThan(20);
});
