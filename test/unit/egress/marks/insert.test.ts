import { expect, it } from 'vitest';
import { insertUserData } from '../../../../src/egress/marks/insert.ts';
import { MARK_UUID, markBytes, readMark } from '../../../../src/egress/marks/mark.ts';
import { isSei, userDataOf } from '../../../../src/egress/marks/user-data.ts';
import { splitNalUnits } from '../../../../src/egress/rtp/packetizer.ts';
import { SOURCE } from '../../../../src/media/frame.ts';
import { micros } from '../../../../src/time.ts';

const [SPS, PPS, IDR, SLICE] = ['6742c01f', '68ce3c80', '65888400', '419a0010'].map((hex) => Buffer.from(hex, 'hex'));
const annexB = (units: readonly (Buffer | undefined)[], code = '00000001'): Buffer =>
  Buffer.concat(units.flatMap((unit) => (unit ? [Buffer.from(code, 'hex'), unit, Buffer.from([7])] : [])));

it.each([
  ['a keyframe with its parameter sets', [SPS, PPS, IDR], [7, 8, 6, 5]],
  ['another frame, of two slices', [SLICE, SLICE], [6, 1, 1]],
])('stands before the first slice of %s, whatever its start codes are', (_, units, types) => {
  for (const code of ['000001', '00000001']) {
    const marked = insertUserData(annexB(units, code), markBytes({ pts: micros(1_234_567), provenance: SOURCE }));
    const nals = splitNalUnits(marked);
    expect(nals.map((nal) => (nal[0] ?? 0) & 0x1f)).toEqual(types);
    const sei = nals.find((nal) => isSei(nal, 'h264'));
    const [userData = new Uint8Array()] = sei ? userDataOf(sei, 'h264') : [];
    expect(readMark(userData)).toMatchObject({ kind: 'source', pts: 1.234567 });
    expect(Buffer.concat(nals.filter((nal) => nal !== sei))).toEqual(Buffer.concat(splitNalUnits(annexB(units, code))));
  }
});

it.each([0, 1, 238, 239, 240, 600])(
  'holds %i bytes of any kind behind the UUID, without a start code in them',
  (size) => {
    for (const fill of [0, 1, 3, 255]) {
      const userData = Buffer.concat([MARK_UUID, Buffer.alloc(size, fill)]);
      const nals = splitNalUnits(insertUserData(annexB([IDR]), userData));
      expect(nals).toHaveLength(2);
      expect(userDataOf(nals[0] ?? Buffer.alloc(1), 'h264').map((bytes) => Buffer.from(bytes))).toEqual([userData]);
    }
  },
);

it('leaves what has no slice as it is', () => {
  expect(insertUserData(annexB([SPS]), MARK_UUID)).toEqual(annexB([SPS]));
});
