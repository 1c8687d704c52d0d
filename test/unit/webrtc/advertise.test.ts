import { expect, it } from 'vitest';
import { advertised } from '../../../src/webrtc/advertise.ts';

const LOOPBACK = 'lo 1 udp 2130706431 127.0.0.1 4000 typ host';
const OUTWARD = 'aa 1 udp 2130706175 10.0.0.7 4002 typ host generation 0';
const V6 = 'bb 1 udp 2130706000 2001:db8::1 4004 typ host';

it('repeats the first outward candidate under each further address, at the same port', async () => {
  expect(await advertised([LOOPBACK, V6, OUTWARD], ['203.0.113.5', '203.0.113.6'])).toEqual([
    'adv0 1 udp 2130706175 203.0.113.5 4002 typ host generation 0',
    'adv1 1 udp 2130706175 203.0.113.6 4002 typ host generation 0',
  ]);
});

it('leaves out addresses that are there already, said twice, or found nowhere', async () => {
  const hosts = ['10.0.0.7', '203.0.113.5', '203.0.113.5', 'nowhere.invalid'];
  expect(await advertised([OUTWARD], hosts)).toHaveLength(1);
});

it('has nothing to repeat without a network', async () => {
  expect(await advertised([LOOPBACK, V6], ['203.0.113.5'])).toEqual([]);
});
