import { describe, expect, it } from 'vitest';
import { areSingle, packetizeH264, splitNalUnits } from '../../../../src/egress/rtp/packetizer.ts';

const nal = (header: number, bytes: number): Buffer => {
  const unit = Buffer.alloc(bytes, 0x55);
  unit[0] = header;
  return unit;
};
const annexB = (...units: Buffer[]): Buffer =>
  Buffer.concat(units.flatMap((unit, i) => [Buffer.from(i === 0 ? [0, 0, 0, 1] : [0, 0, 1]), unit]));

/** RFC 6184 §5: the NAL units of a list of payloads. */
function depacketize(payloads: readonly Buffer[]): Buffer[] {
  const units: Buffer[] = [];
  let open: Buffer[] = [];
  for (const payload of payloads) {
    const type = (payload[0] ?? 0) & 0x1f;
    if (type === 24) {
      for (let at = 1; at < payload.length; ) {
        const size = payload.readUInt16BE(at);
        units.push(payload.subarray(at + 2, at + 2 + size));
        at += 2 + size;
      }
    } else if (type === 28) {
      const flags = payload[1] ?? 0;
      if (flags & 0x80) open = [Buffer.from([((payload[0] ?? 0) & 0xe0) | (flags & 0x1f)])];
      open.push(payload.subarray(2));
      if (flags & 0x40) units.push(Buffer.concat(open));
    } else units.push(payload);
  }
  return units;
}

describe('packetizeH264', () => {
  const sps = nal(0x67, 28);
  const pps = nal(0x68, 4);

  it('sends parameter sets in one STAP-A with the highest importance of its units', () => {
    const payloads = packetizeH264(annexB(sps, pps, nal(0x65, 300)));
    expect(payloads.map((payload) => (payload[0] ?? 0) & 0x1f)).toEqual([24, 5]);
    expect(payloads[0]?.[0]).toBe(0x78);
  });

  it('sends a small slice alone and unchanged', () => {
    const slice = nal(0x41, 900);
    expect(packetizeH264(annexB(slice))).toEqual([slice]);
  });

  it.each([1121, 1122, 2239, 2240, 40_000])('cuts a slice of %i bytes into even FU-A that fit', (bytes) => {
    const slice = nal(0x65, bytes);
    const payloads = packetizeH264(annexB(slice));
    expect(Math.max(...payloads.map((payload) => payload.length))).toBeLessThanOrEqual(1120);
    const sizes = payloads.map((payload) => payload.length);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    expect(depacketize(payloads)).toEqual([slice]);
  });

  it('gives back what went in, for access units of every shape', () => {
    let state = 1;
    const next = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state % below;
    };
    for (let round = 0; round < 500; round += 1) {
      const units = Array.from({ length: 1 + next(6) }, () =>
        nal([0x67, 0x68, 0x06, 0x65, 0x41][next(5)] ?? 0x41, 2 + next(5000)),
      );
      const payloads = packetizeH264(annexB(...units), { maxPayload: 100 + next(1300) });
      expect(depacketize(payloads)).toEqual(units);
    }
  });

  it('leaves out delimiters and filler', () => {
    expect(packetizeH264(annexB(nal(9, 2), nal(0x41, 50), nal(12, 500)))).toHaveLength(1);
  });

  it('aggregates nothing where single NAL unit packets are wanted, and says whether all are', () => {
    const units = [sps, pps, nal(0x65, 1120), nal(0x41, 30)];
    const payloads = packetizeH264(annexB(...units), { single: true });
    expect(payloads).toEqual(units);
    expect(areSingle(payloads)).toBe(true);
    expect(areSingle(packetizeH264(annexB(...units)))).toBe(false);
    expect(areSingle(packetizeH264(annexB(nal(0x65, 1121)), { single: true }))).toBe(false);
  });

  it('gives nothing for nothing', () => {
    expect(packetizeH264(Buffer.alloc(0))).toEqual([]);
    expect(packetizeH264(Buffer.from([1, 2, 3, 4]))).toEqual([]);
  });
});

describe('splitNalUnits', () => {
  it('takes three- and four-byte start codes and drops trailing zeros', () => {
    const data = Buffer.from([0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 3, 0, 0, 0, 1, 0x65, 4, 0, 0]);
    expect(splitNalUnits(data)).toEqual([Buffer.from([0x67, 1, 2]), Buffer.from([0x68, 3]), Buffer.from([0x65, 4])]);
  });
});
