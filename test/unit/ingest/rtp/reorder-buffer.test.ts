import { expect, test } from 'vitest';
import { ReorderBuffer } from '../../../../src/ingest/rtp/reorder-buffer.ts';
import { fromMs, type Micros } from '../../../../src/time.ts';
import { seededRandom } from '../../../support/random.ts';
import { rtpPacket } from '../../../support/rtp.ts';

function buffer(maxWait: Micros, capacity = 16) {
  const out: string[] = [];
  const reorder = new ReorderBuffer({
    maxWait,
    capacity,
    deliver: (packet, lost) => out.push(lost > 0 ? `-${lost} ${packet.sequence}` : `${packet.sequence}`),
  });
  const push = (...sequences: number[]) => {
    for (const sequence of sequences) reorder.push(rtpPacket({ sequence, arrival: fromMs(sequence) }));
  };
  return { out, reorder, push };
}

const WAIT = fromMs(40);

test('packets in order pass at once, across the wrap', () => {
  const { out, reorder, push } = buffer(WAIT);
  push(65534, 65535, 0, 1);
  expect(out).toEqual(['65534', '65535', '0', '1']);
  expect(reorder.deadline).toBeUndefined();
});

test('swapped packets are put in order, also when 65535 is the late one', () => {
  const { out, push } = buffer(WAIT);
  push(65533, 65534, 0, 1, 65535, 3, 2);
  expect(out).toEqual(['65533', '65534', '65535', '0', '1', '2', '3']);
});

test('duplicates and stragglers are counted, not delivered', () => {
  const { out, reorder, push } = buffer(WAIT);
  push(5, 5, 7, 7, 6, 6);
  expect(out).toEqual(['5', '6', '7']);
  expect(reorder.late).toBe(3);
});

test('a missing packet is lost when its time is up, and not before', () => {
  const { out, reorder, push } = buffer(WAIT);
  push(1, 3, 4);
  expect(reorder.deadline).toBe(fromMs(43));
  reorder.expire(fromMs(42));
  expect(out).toEqual(['1']);
  reorder.expire(fromMs(43));
  expect(out).toEqual(['1', '-1 3', '4']);
  expect(reorder.deadline).toBeUndefined();
  push(2);
  expect(out).toHaveLength(3);
  expect(reorder.lost).toBe(1);
});

test('each gap has its own deadline', () => {
  const { out, reorder, push } = buffer(WAIT);
  push(1, 3, 30 - 20);
  reorder.expire(fromMs(43));
  expect(out).toEqual(['1', '-1 3']);
  expect(reorder.deadline).toBe(fromMs(50));
  reorder.expire(fromMs(50));
  expect(out).toEqual(['1', '-1 3', '-6 10']);
});

test('a full buffer gives the oldest gap up', () => {
  const { out, reorder, push } = buffer(WAIT, 4);
  push(1, 3, 4, 5, 6);
  expect(out).toEqual(['1', '-1 3', '4', '5', '6']);
  expect(reorder.held).toBe(0);
});

test('without waiting, a gap is loss at once', () => {
  const { out, push } = buffer(fromMs(0));
  push(1, 2, 5, 6);
  expect(out).toEqual(['1', '2', '-2 5', '6']);
});

test('a stray packet far away changes nothing, two in a row restart the stream', () => {
  const { out, push } = buffer(WAIT);
  push(100, 40_000, 101, 20_000, 20_001, 20_002);
  expect(out).toEqual(['100', '101', '-1 20001', '20002']);
});

test.each([1, 2, 3, 4, 5])('shuffled, duplicated and dropped packets: order and accounts hold (seed %i)', (seed) => {
  const random = seededRandom(seed);
  const total = 70_000;
  const deliveredIndex: number[] = [];
  let accounted = 0;
  const reorder = new ReorderBuffer({
    maxWait: fromMs(20),
    capacity: 64,
    deliver: (packet, lost) => {
      deliveredIndex.push(packet.timestamp);
      accounted += lost + 1;
    },
  });
  const window: number[] = [];
  let sent = 0;
  const send = (index: number, now: Micros) => {
    reorder.push(rtpPacket({ sequence: index & 0xffff, timestamp: index, arrival: now }));
  };
  for (let index = 0; index < total; index += 1) {
    const now = fromMs(index);
    if (index === 0 || random() > 0.05) window.push(index);
    if (random() < 0.02) window.push(index);
    while (window.length > 6) {
      const [one] = window.splice(index < 10 ? 0 : Math.floor(random() * window.length), 1);
      if (one !== undefined) send(one, now);
      sent += 1;
    }
    reorder.expire(now);
  }
  reorder.flush();
  for (let i = 1; i < deliveredIndex.length; i += 1) {
    expect(deliveredIndex[i]! > deliveredIndex[i - 1]!).toBe(true);
  }
  expect(accounted).toBe((deliveredIndex.at(-1) ?? 0) + 1);
  expect(deliveredIndex.length + reorder.late).toBe(sent);
  expect(reorder.held).toBe(0);
});
