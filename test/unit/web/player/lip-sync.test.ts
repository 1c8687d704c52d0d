import { describe, expect, it } from 'vitest';
import { LipSync } from '../../../../src/web/player/lip-sync.js';
import { BufferWait, meterOf, stereo, unlinked } from '../../../../src/web/player/sound.js';

describe('LipSync', () => {
  it('holds the picture back until it is as late as its sound, and stays there', () => {
    const sync = new LipSync();
    const holds = Array.from({ length: 20 }, () => {
      const picture = Math.max(2, sync.holdMs - 15);
      return sync.observe({ sound: 45, picture, outputMs: 32 });
    });
    const [last = 0] = holds.slice(-1);
    expect(Math.abs(45 + 32 - 4 - (last - 15))).toBeLessThanOrEqual(6);
    expect(new Set(holds.slice(-5)).size).toBe(1);
  });

  it('lets the picture go where sound is early, and never beyond', () => {
    const sync = new LipSync();
    sync.observe({ sound: 100, picture: 0, outputMs: 0 });
    for (let i = 0; i < 20; i += 1) sync.observe({ sound: 0, picture: sync.holdMs, outputMs: 0 });
    expect(sync.holdMs).toBeLessThanOrEqual(10);
    for (let i = 0; i < 20; i += 1) sync.observe({ sound: 0, picture: 300, outputMs: 0 });
    expect(sync.holdMs).toBe(0);
    for (let i = 0; i < 50; i += 1) sync.observe({ sound: 700, picture: 0, outputMs: 0 });
    expect(sync.holdMs).toBe(400);
  });

  it('does nothing while it does not know, and is not moved by one wild measurement', () => {
    const sync = new LipSync();
    expect(sync.observe({ sound: undefined, picture: 5, outputMs: 30 })).toBe(0);
    expect(sync.observe({ sound: 5, picture: undefined, outputMs: 30 })).toBe(0);
    expect(sync.observe({ sound: 90_000, picture: 5, outputMs: 30 })).toBe(0);
    sync.observe({ sound: 60, picture: 5, outputMs: 30 });
    sync.reset();
    expect(sync.holdMs).toBe(0);
  });
});

describe('BufferWait', () => {
  it('is the wait of what came since it was asked', () => {
    const wait = new BufferWait();
    expect(wait.read({ jitterBufferDelay: 5, jitterBufferEmittedCount: 100 })).toBeUndefined();
    expect(wait.read({ jitterBufferDelay: 7, jitterBufferEmittedCount: 150 })).toBeCloseTo(40);
    expect(wait.read({ jitterBufferDelay: 7, jitterBufferEmittedCount: 150 })).toBeUndefined();
    expect(wait.read(undefined)).toBeUndefined();
  });
});

describe('the sound of a page', () => {
  it('asks for stereo in the format of Opus alone', () => {
    const sdp = 'a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10\r\na=rtpmap:96 VP8/90000\r\na=fmtp:96 x=1\r\n';
    expect(stereo(sdp)).toBe(sdp.replace('minptime=10', 'minptime=10;stereo=1'));
    expect(stereo('m=video')).toBe('m=video');
  });

  it('leaves answers alone in browsers whose playout it cannot steer', () => {
    Object.assign(globalThis, { RTCRtpReceiver: class {} });
    expect(unlinked('a=msid:framelift sound')).toBe('a=msid:framelift sound');
    Object.defineProperty(RTCRtpReceiver.prototype, 'playoutDelayHint', { value: 0 });
    expect(unlinked('v=0\r\na=msid:framelift sound\r\n')).toBe('v=0\r\na=msid:framelift-sound sound\r\n');
  });

  it.each([
    [0, 0],
    [1, 1],
    [0.001, 0],
    [0.0316, 0.5],
    [3, 1],
  ])('a level of %d fills %d of the meter', (level, share) => expect(meterOf(level)).toBeCloseTo(share, 2));
});
