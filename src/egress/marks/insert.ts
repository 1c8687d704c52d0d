/** Puts user data into coded video, for encoders that take none. Pure. */

const START_CODE = Buffer.from([0, 0, 0, 1]);
const SEI = 6;
/** `user_data_unregistered`. */
const UNREGISTERED = 5;
const TRAILING = 0x80;

/**
 * An access unit of H.264 (Annex B) with a SEI message of user data, UUID first, before its first slice (H.264
 * 7.4.1.2.3); as it is where it has none.
 */
export function insertUserData(unit: Buffer, userData: Uint8Array): Buffer {
  const at = firstSlice(unit);
  if (at === undefined) return unit;
  return Buffer.concat([unit.subarray(0, at), START_CODE, seiOf(userData), unit.subarray(at)]);
}

/** Where the start code of the first slice begins. */
function firstSlice(unit: Buffer): number | undefined {
  for (let at = unit.indexOf('000001', 0, 'hex'); at >= 0; at = unit.indexOf('000001', at + 3, 'hex')) {
    const type = (unit[at + 3] ?? 0) & 0x1f;
    if (type >= 1 && type <= 5) return unit[at - 1] === 0 ? at - 1 : at;
  }
  return undefined;
}

function seiOf(userData: Uint8Array): Buffer {
  const size = [...Array<number>(Math.floor(userData.length / 255)).fill(255), userData.length % 255];
  const bytes = [UNREGISTERED, ...size, ...userData, TRAILING];
  const nal = [SEI];
  let zeros = 0;
  for (const byte of bytes) {
    // Nothing in a NAL unit may look like a start code (7.3.1).
    if (zeros === 2 && byte <= 3) {
      nal.push(3);
      zeros = 0;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    nal.push(byte);
  }
  return Buffer.from(nal);
}
