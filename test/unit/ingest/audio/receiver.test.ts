import { describe, expect, it } from 'vitest';
import { SoundReceiver, type SoundReceiverOptions } from '../../../../src/ingest/audio/receiver.ts';
import type { SoundPacket } from '../../../../src/media/sound.ts';
import { fromMs, type Micros, micros, ZERO } from '../../../../src/time.ts';
import { rtpPacket } from '../../../support/rtp.ts';

const PCMA = { sent: 'pcma', payloadType: 8, clockRate: 8000, channels: 1, aac: undefined } as const;

function rig(options: Partial<SoundReceiverOptions> = {}) {
  const heard: SoundPacket[] = [];
  const told: string[] = [];
  const receiver = new SoundReceiver({
    track: PCMA,
    maxWait: ZERO,
    picture: { at: () => undefined, lag: ZERO },
    sound: (packet) => heard.push(packet),
    lost: (packets) => told.push(`lost ${packets}`),
    failed: ({ code }) => told.push(`failed ${code}`),
    ...options,
  });
  const push = (i: number, fields: object = {}): void =>
    receiver.push(
      rtpPacket({
        sequence: i,
        payloadType: 8,
        timestamp: 160 * i,
        payload: new Uint8Array(160).fill(i),
        arrival: fromMs(20 * i),
        ...fields,
      }),
    );
  return { receiver, heard, told, push };
}

describe('SoundReceiver', () => {
  it('passes G.711 on as it came, in a copy of its own', () => {
    const { heard, push } = rig();
    const payload = new Uint8Array(160).fill(7);
    push(1, { payload });
    payload.fill(0);
    push(2);
    expect(heard.map(({ codec, data, fresh }) => [codec, data.length, data[0], fresh])).toEqual([
      ['pcma', 160, 7, true],
      ['pcma', 160, 2, false],
    ]);
  });

  it('leaves other payload types, empty packets and those that are too long out', () => {
    const { heard, push } = rig();
    push(1, { payloadType: 96 });
    push(2, { payload: new Uint8Array(0) });
    push(3, { payload: new Uint8Array(5000) });
    expect(heard).toEqual([]);
  });

  it('counts what is lost, and waits for what may yet come', () => {
    const { receiver, heard, told, push } = rig({ maxWait: fromMs(40) });
    push(1);
    push(3);
    expect(heard).toHaveLength(1);
    push(2);
    expect(heard.map(({ data }) => data[0])).toEqual([1, 2, 3]);
    push(6);
    receiver.expire(fromMs(120 + 41));
    expect(told).toEqual(['lost 2']);
    expect(heard.at(-1)?.data[0]).toBe(6);
  });

  it('begins anew with another sender', () => {
    const { heard, push } = rig();
    push(1);
    push(900, { ssrc: 2, timestamp: 5 });
    expect(heard.map(({ fresh }) => fresh)).toEqual([true, true]);
  });

  it('takes a report that comes before the first packet', () => {
    const at = (unix: Micros): Micros => micros(unix + 5);
    const { receiver, heard, push } = rig({ picture: { at, lag: ZERO } });
    receiver.rtcp({ type: 'sender-report', ssrc: 1, timestamp: 160, unix: fromMs(20), ntpMiddle: 0 });
    push(1);
    expect(heard[0]?.pts).toBe(fromMs(20) + 5);
  });

  it('says once that AAC cannot be decoded, and is silent then', () => {
    const aac = { config: Buffer.from('ffffffff', 'hex'), sizeLength: 13, indexLength: 3, indexDeltaLength: 3 };
    const { heard, told, push } = rig({ track: { ...PCMA, sent: 'opus', clockRate: 44_100, aac } });
    for (let i = 0; i < 5; i += 1) push(i, { payload: Uint8Array.of(0, 16, 0, 16, 1, 2) });
    expect(heard).toEqual([]);
    expect(told.filter((line) => line.startsWith('failed')).length).toBeLessThanOrEqual(1);
  });
});
