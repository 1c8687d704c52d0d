import { describe, expect, it } from 'vitest';
import { RtpHeader, SrtpSession } from 'werift';
import { followRollover, type RolloverState } from '../../../src/webrtc/rollover.ts';

const KEY = Buffer.alloc(16, 7);
const SALT = Buffer.alloc(14, 9);
/** AES_CM_128_HMAC_SHA1_80, one key for both directions. */
const session = (): SrtpSession =>
  new SrtpSession({
    keys: { localMasterKey: KEY, localMasterSalt: SALT, remoteMasterKey: KEY, remoteMasterSalt: SALT },
    profile: 1,
  });

/** Packets 65,300 … 65,535, 0 … 399, encrypted in order. */
function encrypted(): Map<number, Buffer> {
  const sender = session();
  const packets = new Map<number, Buffer>();
  for (let i = 65_300; i < 65_536 + 400; i += 1) {
    const sequenceNumber = i & 0xffff;
    const header = new RtpHeader({ ssrc: 5, payloadType: 96, sequenceNumber });
    packets.set(sequenceNumber, sender.encrypt(Buffer.from([1, 2, 3, 4]), header));
  }
  return packets;
}

/** Numbers of `order` that could be decrypted. */
function decrypted(receiver: SrtpSession, order: readonly number[]): number[] {
  const packets = encrypted();
  return order.filter((sequence) => {
    try {
      receiver.decrypt(packets.get(sequence)!);
      return true;
    } catch {
      return false;
    }
  });
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => (from + i) & 0xffff);
const mended = (): SrtpSession => {
  const receiver = session();
  receiver.remoteContext.updateRolloverCount = followRollover;
  return receiver;
};

describe('the rollover counter', () => {
  /** Each is what the network may do around the wrap of the sequence numbers. */
  const orders: [string, number[]][] = [
    ['nothing is lost', range(65_300, 65_936)],
    ['65,535 and 0 are lost', [...range(65_300, 65_535), ...range(65_537, 65_936)]],
    ['a burst of 250 is lost', [...range(65_300, 65_430), ...range(65_680, 65_936)]],
    [
      'packets of before come 120 late',
      [...range(65_300, 65_500), ...range(65_510, 65_656), ...range(65_500, 65_510), ...range(65_656, 65_936)],
    ],
    [
      'the first packet comes 150 late',
      [...range(65_300, 65_536), ...range(65_537, 65_690), 0, ...range(65_690, 65_936)],
    ],
  ];

  it.each(orders)('decrypts whatever arrives when %s', (_, order) => {
    expect(decrypted(mended(), order)).toEqual(order);
  });

  it("is what werift's own gets wrong: after a burst of loss nothing can be decrypted", () => {
    const [, order = []] = orders[2]!;
    expect(decrypted(session(), order)).toEqual(range(65_300, 65_430));
  });

  it('counts three wraps, and back', () => {
    const state: RolloverState = { rolloverCounter: 0, lastSequenceNumber: 0 };
    const counts = [60_000, 10_000, 40_000, 5, 30_000, 50_000, 65_535, 2, 65_534, 3].map((sequence) => {
      followRollover(sequence, state);
      return state.rolloverCounter;
    });
    expect(counts).toEqual([0, 1, 1, 2, 2, 2, 2, 3, 2, 3]);
  });
});
