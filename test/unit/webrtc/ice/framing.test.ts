import { expect, it } from 'vitest';
import { Deframer, frame } from '../../../../src/webrtc/ice/framing.ts';
import { Fuzzer } from '../../../support/fuzz.ts';

it('gives back datagrams however the stream is cut', () => {
  const fuzzer = new Fuzzer(6544);
  for (let round = 0; round < 200; round += 1) {
    const datagrams = Array.from({ length: 1 + fuzzer.int(8) }, () => Buffer.from(fuzzer.bytes(fuzzer.int(300))));
    const taken: Buffer[] = [];
    const deframer = new Deframer(300, (datagram) => taken.push(Buffer.from(datagram)));
    let stream = Buffer.concat(datagrams.map(frame));
    while (stream.length > 0) {
      const cut = 1 + fuzzer.int(Math.min(stream.length, 200));
      expect(deframer.push(stream.subarray(0, cut))).toBe(true);
      stream = stream.subarray(cut);
    }
    expect(taken).toEqual(datagrams);
    expect(deframer.held).toBe(0);
  }
});

it('refuses a length beyond what is taken, whatever has come of it', () => {
  const deframer = new Deframer(100, () => {});
  expect(deframer.push(Buffer.from([0, 101]))).toBe(false);
});

it('holds one unfinished datagram at most, also when it comes byte by byte, and joins it once', () => {
  const taken: number[] = [];
  const deframer = new Deframer(8192, ({ length }) => taken.push(length));
  const whole = frame(Buffer.alloc(8192, 1));
  let most = 0;
  const started = performance.now();
  for (let round = 0; round < 10; round += 1) {
    for (const byte of whole) {
      deframer.push(Buffer.from([byte]));
      most = Math.max(most, deframer.held);
    }
  }
  expect(taken).toEqual(Array<number>(10).fill(8192));
  expect(most).toBe(8193);
  // Joined anew for each byte this would move 335 MB.
  expect((performance.now() - started) / 10).toBeLessThan(200);
});
