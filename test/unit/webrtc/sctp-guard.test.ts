import { expect, it } from 'vitest';
import { wellFormed } from '../../../src/webrtc/sctp-guard.ts';
import { Fuzzer } from '../../support/fuzz.ts';

const CASES = 20_000;

/** A chunk, padded. @param length what its header says, its true length by default. */
function chunk(type: number, body: readonly number[], length = body.length + 4, flags = 3): number[] {
  const padding = Array<number>((4 - (body.length % 4)) % 4).fill(0);
  return [type, flags, length >> 8, length & 0xff, ...body, ...padding];
}

function packet(...chunks: readonly number[][]): Uint8Array {
  return Uint8Array.from([...Array<number>(12).fill(0), ...chunks.flat()]);
}

const zeros = (count: number): number[] => Array<number>(count).fill(0);
const u16 = (value: number): number[] => [value >> 8, value & 0xff];
const dataChunk = (stream: number, bytes: number, flags = 3): number[] =>
  chunk(0, [...zeros(4), ...u16(stream), ...zeros(6), ...zeros(bytes)], undefined, flags);
const sack = (gaps: readonly (readonly [number, number])[], said = gaps.length): number[] =>
  chunk(3, [...zeros(8), ...u16(said), 0, 0, ...gaps.flat().flatMap(u16)]);

/** What players send. */
const SOUND: Record<string, Uint8Array> = {
  'no chunk': packet(),
  'the opening of a channel': packet(dataChunk(0, 22)),
  'a message of a byte': packet(dataChunk(63, 1)),
  'a fragment': packet(dataChunk(2, 1100, 0)),
  init: packet(chunk(1, [...zeros(16), ...u16(0xc000), ...u16(4), ...u16(0x8008), ...u16(6), 192, 130])),
  'init ack with a cookie': packet(chunk(2, [...zeros(16), ...u16(7), ...u16(28), ...zeros(24)])),
  'cookie echo and data': packet(chunk(10, zeros(24)), dataChunk(1, 5)),
  'cookie ack and sack': packet(chunk(11, []), sack([])),
  'sack of an uneven path': packet(sack(Array.from({ length: 60 }, (_, i) => [2 * i + 2, 2 * i + 2] as const))),
  heartbeat: packet(chunk(4, [...u16(1), ...u16(12), ...zeros(8)])),
  'heartbeat ack': packet(chunk(5, [...u16(1), ...u16(12), ...zeros(8)])),
  abort: packet(chunk(6, [])),
  shutdown: packet(chunk(7, zeros(4))),
  'end of a channel': packet(chunk(130, [...u16(13), ...u16(18), ...zeros(14)])),
  'forward tsn': packet(chunk(192, [...zeros(4), ...u16(1), ...u16(9)])),
};

/** What no player sends. */
const UNSOUND: Record<string, Uint8Array> = {
  nothing: new Uint8Array(0),
  'one byte': Uint8Array.of(0),
  'half a header': new Uint8Array(11),
  'a chunk without length': packet(chunk(11, [], 0)),
  'a chunk shorter than its header': packet(chunk(11, [], 3)),
  'a chunk longer than the packet': packet(chunk(11, [], 5)),
  'an unknown chunk': packet(chunk(64, zeros(16))),
  'congestion, which was not agreed': packet(chunk(12, zeros(4))),
  'data without data': packet(dataChunk(0, 0)),
  'short data': packet(chunk(0, zeros(11))),
  'data on a far stream': packet(dataChunk(64, 1)),
  'short init': packet(chunk(1, zeros(15))),
  'a parameter without length': packet(chunk(4, [...u16(1), 0, 0])),
  'a parameter of init without length': packet(chunk(1, [...zeros(16), ...u16(7), 0, 0])),
  'a parameter longer than its chunk': packet(chunk(130, [...u16(13), ...u16(9), 0, 0, 0, 0])),
  'fewer gap blocks than said': packet(sack([], 65_535)),
  'a wide gap block': packet(sack([[0, 65_535]])),
  'wide gap blocks in two sacks': packet(sack([[1, 3000]]), sack([[1, 3000]])),
  'a short shutdown': packet(chunk(7, zeros(3))),
  'forward tsn of a far stream': packet(chunk(192, [...zeros(4), ...u16(65_535), ...u16(9)])),
  'forward tsn with half a stream': packet(chunk(192, zeros(6))),
  'too many chunks': packet(...Array.from({ length: 65 }, () => chunk(11, []))),
  'a long packet': packet(dataChunk(0, 2100)),
};

it.each(Object.entries(SOUND))('lets through: %s', (_, bytes) => {
  expect(wellFormed(bytes)).toBe(true);
});

it.each(Object.entries(UNSOUND))('stops: %s', (_, bytes) => {
  expect(wellFormed(bytes)).toBe(false);
});

/**
 * True when each chunk has a length that leads onwards, within the packet. Written apart from what
 * it tests.
 */
function leadsOn(bytes: Uint8Array): boolean {
  for (let rest = Buffer.from(bytes.subarray(12)); rest.length >= 4; ) {
    const length = rest.readUInt16BE(2);
    if (length < 4 || length > rest.length) return false;
    rest = rest.subarray(length + ((4 - (length % 4)) % 4));
  }
  return true;
}

it(`${CASES} damaged packets: none throws, and of those let through every chunk leads onwards`, () => {
  const sound = Object.values(SOUND);
  const verdicts = { through: 0, stopped: 0 };
  for (let seed = 0; seed < CASES; seed += 1) {
    const fuzz = new Fuzzer(seed);
    // With an offset, as in the buffers of sockets.
    const bytes = Uint8Array.from([...fuzz.bytes(3), ...fuzz.damage(fuzz.pick(sound))]).subarray(3);
    if (wellFormed(bytes)) {
      verdicts.through += 1;
      expect(bytes.length >= 12 && leadsOn(bytes), `seed ${seed}`).toBe(true);
    } else verdicts.stopped += 1;
  }
  expect(verdicts.through).toBeGreaterThan(CASES / 10);
  expect(verdicts.stopped).toBeGreaterThan(CASES / 10);
});
