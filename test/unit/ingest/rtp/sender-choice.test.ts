import { describe, expect, test } from 'vitest';
import { SenderChoice } from '../../../../src/ingest/rtp/sender-choice.ts';
import { fromMs } from '../../../../src/time.ts';
import { seededRandom } from '../../../support/random.ts';
import { rtpPacket } from '../../../support/rtp.ts';

const packet = (ssrc: number, ms: number, sequence = 0) => rtpPacket({ sequence, ssrc, arrival: fromMs(ms) });

test('the first sender is followed; of another one every packet is foreign', () => {
  const senders = new SenderChoice();
  expect(senders.judge(packet(1, 0))).toBe('new');
  for (let ms = 40; ms < 5000; ms += 40) {
    expect(senders.judge(packet(2, ms - 20))).toBe('foreign');
    expect(senders.judge(packet(1, ms))).toBe('followed');
  }
});

test('the announced sender is followed as soon as it sends, and once only', () => {
  const senders = new SenderChoice(2);
  expect(senders.judge(packet(1, 0))).toBe('new');
  expect(senders.judge(packet(2, 10))).toBe('new');
  expect(senders.judge(packet(1, 20))).toBe('foreign');
  expect(senders.judge(packet(1, 600))).toBe('new');
  expect(senders.judge(packet(2, 610))).toBe('foreign');
});

test('when it is silent for half a second the other one takes over, none of its packets lost', () => {
  const senders = new SenderChoice();
  senders.judge(packet(1, 0));
  senders.judge(packet(2, 10, 1));
  senders.judge(packet(1, 20));
  for (const [index, ms] of [100, 300, 519].entries()) expect(senders.judge(packet(2, ms, index + 2))).toBe('foreign');
  expect(senders.judge(packet(2, 520, 5))).toBe('new');
  expect(senders.take().map(({ sequence }) => sequence)).toEqual([2, 3, 4]);
  expect(senders.take()).toEqual([]);
});

test('a third sender has nothing of the second', () => {
  const senders = new SenderChoice();
  senders.judge(packet(1, 0));
  senders.judge(packet(2, 100));
  expect(senders.judge(packet(3, 500))).toBe('new');
  expect(senders.take()).toEqual([]);
});

test('what is held is bounded', () => {
  const senders = new SenderChoice();
  senders.judge(packet(1, 0));
  for (let i = 0; i < 5000; i += 1) senders.judge(packet(2, i / 100));
  senders.judge(packet(2, 500));
  expect(senders.take()).toHaveLength(1024);
});

test('a camera of one frame in two seconds is not silent between them', () => {
  const senders = new SenderChoice();
  senders.judge(packet(1, 0));
  senders.judge(packet(1, 2000));
  const verdicts = new Set<string>();
  for (let ms = 2000; ms < 30_000; ms += 2000) {
    verdicts.add(senders.judge(packet(2, ms + 1900)));
    senders.judge(packet(1, ms + 2000));
  }
  expect([...verdicts]).toEqual(['foreign']);
});

describe('goodbye', () => {
  test('of the sender that is followed is the end', () => {
    const senders = new SenderChoice();
    senders.judge(packet(1, 0));
    expect(senders.goodbye(1)).toBe(true);
  });

  test('of anybody else is not, nor before anything came', () => {
    const senders = new SenderChoice(7);
    expect(senders.goodbye(7)).toBe(false);
    senders.judge(packet(1, 0));
    senders.judge(packet(2, 1));
    expect(senders.goodbye(2)).toBe(false);
    expect(senders.judge(packet(1, 2))).toBe('followed');
  });

  test('while another one sends already: that one is followed at once', () => {
    const senders = new SenderChoice();
    senders.judge(packet(1, 0));
    senders.judge(packet(2, 1, 8));
    expect(senders.goodbye(1)).toBe(false);
    expect(senders.judge(packet(2, 2, 9))).toBe('new');
    expect(senders.take().map(({ sequence }) => sequence)).toEqual([8]);
  });
});

test.each([1, 2, 3, 4])('any mix of senders: one is followed as long as it sends (seed %i)', (seed) => {
  const random = seededRandom(seed);
  const senders = new SenderChoice();
  let followed: number | undefined;
  let heard = 0;
  for (let ms = 0; ms < 60_000; ms += random() * 80) {
    const ssrc = 1 + Math.floor(random() * 3);
    const verdict = senders.judge(packet(ssrc, ms));
    expect(verdict === 'followed').toBe(ssrc === followed && verdict !== 'new');
    if (verdict === 'foreign') continue;
    if (verdict === 'new') {
      expect(followed === undefined || ms - heard >= 500).toBe(true);
      expect(senders.take().every((held) => held.ssrc === ssrc)).toBe(true);
    }
    followed = ssrc;
    heard = ms;
  }
});
