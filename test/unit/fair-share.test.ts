import { describe, expect, it } from 'vitest';
import { clientOf, overShare } from '../../src/fair-share.ts';

describe('clientOf', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
    ['not an address', 'not an address'],
    [undefined, ''],
  ])('%s is %s', (address, client) => {
    expect(clientOf(address)).toBe(client);
  });
});

describe('overShare', () => {
  it('names who holds the most, if it still has no fewer than the newcomer afterwards', () => {
    expect(overShare([], 'a')).toBeUndefined();
    expect(overShare(['a', 'a', 'a'], 'b')).toBe('a');
    expect(overShare(['a', 'a', 'a'], 'a')).toBeUndefined();
    expect(overShare(['a', 'a', 'b', 'c'], 'b')).toBeUndefined();
    expect(overShare(['a', 'b', 'b', 'b', 'a'], 'a')).toBeUndefined();
    expect(overShare(['a', 'b', 'b', 'b', 'b'], 'a')).toBe('b');
    expect(overShare(['a'], 'b')).toBeUndefined();
  });

  it('ends with even shares, whoever came first', () => {
    const places = Array<string>(32).fill('greedy');
    for (let round = 0; round < 200; round += 1) {
      const newcomer = ['greedy', 'b', 'c', 'd'][round % 4] ?? '';
      const loser = overShare(places, newcomer);
      if (loser !== undefined) places[places.indexOf(loser)] = newcomer;
    }
    const counts = ['greedy', 'b', 'c', 'd'].map((client) => places.filter((holder) => holder === client).length);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2);
  });
});
