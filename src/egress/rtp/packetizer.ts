/**
 * Packetizing: an Annex B access unit in, RTP payloads by RFC 6184 (packetization mode 1, or 0) out.
 * Pure.
 */

/**
 * Bytes of payload that fit: 1200 less RTP header, extensions, RTX number and SRTP tag would still
 * pass any path.
 */
export const MAX_PAYLOAD = 1120;

const START_CODE = Buffer.from([0, 0, 1]);
const TYPE_MASK = 0x1f;
const ACCESS_UNIT_DELIMITER = 9;
const FILLER = 12;
const STAP_A = 24;
const FU_A = 28;
const FU_START = 0x80;
const FU_END = 0x40;
/** Coded slices; everything else is small and may be aggregated. */
const isSlice = (type: number): boolean => type >= 1 && type <= 5;

/**
 * The NAL units of an Annex B stream, without start codes and trailing zeros, as views. Bytes
 * before the first start code are skipped.
 */
export function splitNalUnits(data: Buffer): Buffer[] {
  const units: Buffer[] = [];
  let start = data.indexOf(START_CODE);
  while (start >= 0) {
    const from = start + START_CODE.length;
    start = data.indexOf(START_CODE, from);
    let to = start < 0 ? data.length : start;
    while (to > from && data[to - 1] === 0) to -= 1;
    if (to > from) units.push(data.subarray(from, to));
  }
  return units;
}

/** Options of {@link packetizeH264}. */
export interface PacketizeOptions {
  /** Bytes, 64 at least. Default {@link MAX_PAYLOAD}. */
  readonly maxPayload?: number;
  /** Nothing is aggregated, as packetization mode 0 wants it. Default false. */
  readonly single?: boolean;
  /** Delimiters and filler are sent, too. Default false. */
  readonly whole?: boolean;
}

/**
 * RTP payloads of one access unit, each at most `maxPayload` bytes; the marker bit belongs on the
 * last. Parameter sets and SEI share a STAP-A, small units travel alone, large ones are cut into
 * FU-A of even size. Delimiters and filler are left out unless it is to be whole.
 * @throws RangeError when `maxPayload` is below 64.
 */
export function packetizeH264(
  data: Buffer,
  { maxPayload = MAX_PAYLOAD, single = false, whole = false }: PacketizeOptions = {},
): Buffer[] {
  if (maxPayload < 64) throw new RangeError(`maxPayload ${maxPayload} is below 64`);
  const payloads: Buffer[] = [];
  let small: Buffer[] = [];
  let smallBytes = 1;
  const flush = (): void => {
    if (small.length > 0) payloads.push(aggregate(small));
    small = [];
    smallBytes = 1;
  };
  for (const unit of splitNalUnits(data)) {
    const type = (unit[0] ?? 0) & TYPE_MASK;
    if (!whole && (type === ACCESS_UNIT_DELIMITER || type === FILLER)) continue;
    if (!single && !isSlice(type) && unit.length + 3 <= maxPayload) {
      if (smallBytes + unit.length + 2 > maxPayload) flush();
      small.push(unit);
      smallBytes += unit.length + 2;
      continue;
    }
    flush();
    if (unit.length <= maxPayload) payloads.push(unit);
    else fragment(unit, maxPayload, payloads);
  }
  flush();
  return payloads;
}

/** True when payloads are single NAL units, as packetization mode 0 wants them. */
export function areSingle(payloads: readonly Buffer[]): boolean {
  return payloads.every((payload) => ((payload[0] ?? 0) & TYPE_MASK) < STAP_A);
}

function aggregate(units: readonly Buffer[]): Buffer {
  const [only] = units;
  if (units.length === 1 && only) return only;
  const packet = Buffer.alloc(1 + units.reduce((bytes, unit) => bytes + 2 + unit.length, 0));
  let importance = 0;
  let at = 1;
  for (const unit of units) {
    importance = Math.max(importance, (unit[0] ?? 0) & 0x60);
    at = packet.writeUInt16BE(unit.length, at);
    at += unit.copy(packet, at);
  }
  packet[0] = importance | STAP_A;
  return packet;
}

function fragment(unit: Buffer, maxPayload: number, payloads: Buffer[]): void {
  const header = unit[0] ?? 0;
  const body = unit.length - 1;
  const count = Math.ceil(body / (maxPayload - 2));
  for (let i = 0; i < count; i += 1) {
    const from = 1 + Math.floor((body * i) / count);
    const to = 1 + Math.floor((body * (i + 1)) / count);
    const packet = Buffer.allocUnsafe(2 + to - from);
    packet[0] = (header & 0xe0) | FU_A;
    packet[1] = (i === 0 ? FU_START : 0) | (i === count - 1 ? FU_END : 0) | (header & TYPE_MASK);
    unit.copy(packet, 2, from, to);
    payloads.push(packet);
  }
}
