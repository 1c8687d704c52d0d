import { describe, expect, it } from 'vitest';
import { AacDepacketizer } from '../../../../src/ingest/audio/aac.ts';
import { rtpPacket } from '../../../support/rtp.ts';

const HBR = { config: Buffer.from('1210', 'hex'), sizeLength: 13, indexLength: 3, indexDeltaLength: 3 };
const LBR = { config: Buffer.from('1210', 'hex'), sizeLength: 6, indexLength: 2, indexDeltaLength: 2 };

/** A payload of AAC-hbr with these sizes in its headers. */
function payload(sizes: readonly number[], data: Uint8Array): Uint8Array {
  const headers = sizes.flatMap((size) => [(size << 3) >> 8, (size << 3) & 255]);
  return Uint8Array.from([(sizes.length * 16) >> 8, (sizes.length * 16) & 255, ...headers, ...data]);
}
const bytes = (count: number, from = 0): Uint8Array => Uint8Array.from({ length: count }, (_, i) => from + i);
const packet = (data: Uint8Array, fields: object = {}) =>
  rtpPacket({ sequence: 1, timestamp: 5000, payload: data, ...fields });

describe('AacDepacketizer', () => {
  it('takes one access unit out of a packet', () => {
    const units = new AacDepacketizer(HBR).push(packet(payload([300], bytes(300))), false);
    expect(units).toEqual([{ data: bytes(300), timestamp: 5000 }]);
  });

  it('takes several, 1024 samples apart', () => {
    const units = new AacDepacketizer(HBR).push(packet(payload([3, 2, 1], bytes(6))), false);
    expect(units.map(({ data, timestamp }) => [[...data], timestamp])).toEqual([
      [[0, 1, 2], 5000],
      [[3, 4], 6024],
      [[5], 7048],
    ]);
  });

  it('takes fields of other lengths', () => {
    const data = Uint8Array.from([0, 16, (4 << 2) | 0, (3 << 2) | 1, ...bytes(7)]);
    const units = new AacDepacketizer(LBR).push(packet(data), false);
    expect(units.map((unit) => [...unit.data])).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6],
    ]);
  });

  it('joins the parts of one that lies in several packets', () => {
    const aac = new AacDepacketizer(HBR);
    expect(aac.push(packet(payload([10], bytes(6))), false)).toEqual([]);
    const [unit] = aac.push(packet(payload([10], bytes(4, 6)), { marker: true }), false);
    expect(unit).toEqual({ data: Buffer.from(bytes(10)), timestamp: 5000 });
  });

  it('gives up one of which a part is lost, and takes the next', () => {
    const aac = new AacDepacketizer(HBR);
    aac.push(packet(payload([10], bytes(4))), false);
    expect(aac.push(packet(payload([10], bytes(2)), { marker: true }), true)).toEqual([]);
    expect(aac.push(packet(payload([5], bytes(5)), { timestamp: 6024 }), false)).toHaveLength(1);
  });

  it('gives nothing for what cannot be, and never throws', () => {
    const aac = new AacDepacketizer(HBR);
    const odd = [[], [0], [0, 16], [0, 0, 1, 2], [255, 255, 0, 0], [0, 16, 255, 255, 1], [0, 32, 0, 8, 255, 255, 1, 2]];
    for (const data of odd) expect(aac.push(packet(Uint8Array.from(data)), false).length).toBeLessThanOrEqual(1);
    let seed = 1;
    const random = (): number => (seed = (seed * 48_271) % 0x7fff_ffff);
    for (let i = 0; i < 2000; i += 1) {
      const data = Uint8Array.from({ length: random() % 40 }, () => random() & 255);
      expect(() => aac.push(packet(data, { marker: random() % 2 === 0 }), random() % 8 === 0)).not.toThrow();
    }
  });
});
