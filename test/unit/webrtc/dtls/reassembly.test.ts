import { describe, expect, it } from 'vitest';
import { MAX_MESSAGE_BYTES, Reassembler, readFragments } from '../../../../src/webrtc/dtls/reassembly.ts';
import { handshake } from '../../../support/dtls-pair.ts';
import { seededRandom } from '../../../support/random.ts';

/** Takes the fragments of a record, and says what became of the first. */
function push(reassembler: Reassembler, record: Buffer): string | undefined {
  return readFragments(record).map((fragment) => reassembler.push(fragment))[0];
}

describe('handshake messages', () => {
  it('come whole and in order out of any pieces, in any order, overlapping and repeated', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = seededRandom(seed);
      const upTo = (most: number): number => Math.floor(random() * most);
      const bodies = [0, 1, 2].map(() => Buffer.from(Array.from({ length: upTo(300) }, () => upTo(256))));
      const pieces = bodies.flatMap((body, sequence) => {
        const cut = [handshake(11, sequence, body.subarray(0, 40), body.length)];
        for (let at = 0; at < body.length; at += 1 + upTo(40)) {
          cut.push(handshake(11, sequence, body.subarray(at, at + 60), body.length, at));
        }
        return cut;
      });
      const reassembler = new Reassembler();
      const whole: Buffer[] = [];
      for (const [piece] of pieces.map((made) => [made, random()] as const).sort((a, b) => a[1] - b[1])) {
        push(reassembler, piece);
        for (let message = reassembler.whole(); message; message = reassembler.whole()) {
          whole.push(message.body);
          expect(message.bytes).toEqual(handshake(11, message.sequence, message.body));
          reassembler.accept(message.sequence);
        }
      }
      expect(whole).toEqual(bodies);
      expect(reassembler.buffered).toBe(0);
    }
  });

  it('are bounded in length, in number and in all', () => {
    const reassembler = new Reassembler();
    const byte = Buffer.alloc(1);
    expect(push(reassembler, handshake(11, 0, byte, MAX_MESSAGE_BYTES + 1))).toBe('too-long');
    expect(push(reassembler, handshake(11, 8, byte))).toBe('unexpected');
    for (let sequence = 0; sequence < 8; sequence += 1) {
      expect(push(reassembler, handshake(11, sequence, byte, MAX_MESSAGE_BYTES))).toBe(
        sequence < 2 ? 'kept' : 'too-long',
      );
    }
    expect(reassembler.buffered).toBe(2 * MAX_MESSAGE_BYTES);
  });

  it('are what their last fragments say, and keep within their length', () => {
    const reassembler = new Reassembler();
    expect(push(reassembler, handshake(11, 0, Buffer.from('ab'), 3, 2))).toBe('malformed');
    expect(push(reassembler, handshake(11, 0, Buffer.alloc(0), 3))).toBe('malformed');
    expect(push(reassembler, handshake(11, 0, Buffer.from('x'), 9000))).toBe('kept');
    expect(push(reassembler, handshake(12, 0, Buffer.from('ab'), 3))).toBe('kept');
    expect(reassembler.buffered).toBe(3);
    expect(push(reassembler, handshake(12, 0, Buffer.from('c'), 3, 2))).toBe('kept');
    expect(reassembler.whole()).toMatchObject({ type: 12, body: Buffer.from('abc') });
    reassembler.reject(0);
    expect(reassembler.whole()).toBeUndefined();
  });
});
