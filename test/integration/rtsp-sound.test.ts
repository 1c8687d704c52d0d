/** The sound of RTSP servers: how it comes, what of it is not taken, and that the picture never minds. */
import { afterEach, describe, expect, it } from 'vitest';
import { rtspSource } from '../../src/ingest/rtsp/source.ts';
import type { Source } from '../../src/ingest/source.ts';
import { Arena } from '../../src/media/arena.ts';
import type { Frame } from '../../src/media/frame.ts';
import type { SoundPacket } from '../../src/media/sound.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { systemClock } from '../../src/time.ts';
import { type Camera, startCamera } from '../support/camera.ts';
import { type FakeScript, interleaved } from '../support/fake-rtsp.ts';
import { RecordedLog } from '../support/recorded-log.ts';
import { rtpBytes, rtpPacket } from '../support/rtp.ts';
import { rtspRig } from '../support/rtsp-rig.ts';

const { start, source } = rtspRig();

const SDP =
  'v=0\r\no=- 1 1 IN IP4 0\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n';
const PCMU = 'm=audio 0 RTP/AVP 0\r\na=control:track2\r\n';

interface Heard {
  readonly frames: number;
  readonly sounds: readonly SoundPacket[];
  readonly codec: string | undefined;
}

/** Runs a source until it has given so many frames and pieces of sound, or `limitMs` has passed. */
async function listen(source: Source, frames: number, sounds: number, limitMs = 8000): Promise<Heard> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), limitMs);
  const heard = { frames: 0, sounds: [] as SoundPacket[], codec: undefined as string | undefined };
  const look = (): void => {
    if (heard.frames >= frames && heard.sounds.length >= sounds) stop.abort();
  };
  try {
    await source.run(
      {
        frame: (frame: Frame) => {
          heard.frames += 1;
          frame.release();
          look();
        },
        info: ({ sound }) => {
          heard.codec = sound?.codec;
        },
        sound: (packet) => {
          heard.sounds.push(packet);
          look();
        },
      },
      stop.signal,
    );
  } finally {
    clearTimeout(timer);
  }
  return heard;
}

describe('a scripted server', () => {
  /** Plays sound on channel 2 after PLAY, and answers the second SETUP as it is told. */
  const script =
    (second: ReturnType<FakeScript>): FakeScript =>
    ({ method, uri }, socket) => {
      if (method === 'SETUP' && uri.endsWith('track2')) return second;
      if (method !== 'PLAY') return undefined;
      for (let i = 0; i < 50; i += 1) {
        const payload = new Uint8Array(160).fill(i);
        const packet = rtpPacket({ sequence: i, timestamp: 160 * i, payloadType: 0, ssrc: 9, payload });
        socket.write(interleaved(2, rtpBytes(packet)));
      }
      return undefined;
    };
  const accepted = { headers: { Transport: 'RTP/AVP/TCP;unicast;interleaved=2-3', Session: 'abc' } };

  it('gives its sound beside the picture', async () => {
    const server = await start({ sdp: SDP + PCMU, script: script(accepted) });
    const heard = await listen(source(server.url, { sound: true }), 5, 40);
    expect(heard.codec).toBe('pcm_mulaw');
    expect(heard.sounds.slice(0, 3).map(({ codec, data }) => [codec, data[0]])).toEqual([
      ['pcmu', 0],
      ['pcmu', 1],
      ['pcmu', 2],
    ]);
    const setups = server.requests.filter(({ method }) => method === 'SETUP');
    expect(setups.map(({ headers }) => headers.get('transport'))).toEqual([
      'RTP/AVP/TCP;unicast;interleaved=0-1',
      'RTP/AVP/TCP;unicast;interleaved=2-3',
    ]);
  });

  it('is not asked for sound that nobody wants', async () => {
    const server = await start({ sdp: SDP + PCMU, script: script(accepted) });
    const heard = await listen(source(server.url), 5, 0);
    expect([heard.sounds.length, heard.codec]).toEqual([0, undefined]);
    expect(server.requests.filter(({ method }) => method === 'SETUP')).toHaveLength(1);
  });

  it('is played without sound that it refuses', async () => {
    const log = new RecordedLog();
    const server = await start({ sdp: SDP + PCMU, script: script({ status: 461 }) });
    const heard = await listen(source(server.url, { sound: true, log }), 5, 0);
    expect(heard.frames).toBeGreaterThanOrEqual(5);
    expect(heard.codec).toBeUndefined();
    expect(log.messages('warn').join(' ')).toContain('refuses the sound');
  });

  it('is played without sound of a codec that is not taken, and why is told', async () => {
    const log = new RecordedLog();
    const g726 = 'm=audio 0 RTP/AVP 97\r\na=rtpmap:97 G726-32/8000\r\n';
    const server = await start({ sdp: SDP + g726, script: script(accepted) });
    expect((await listen(source(server.url, { sound: true, log }), 5, 0)).frames).toBeGreaterThanOrEqual(5);
    expect(log.messages('warn').join(' ')).toMatch(/sound is not taken, its picture is: .*G726-32.*are taken/);
  });

  it('is played without sound when it breaks the connection over it twice', async () => {
    const log = new RecordedLog();
    const server = await start({ sdp: SDP + PCMU, script: script('close') });
    const camera = source(server.url, { sound: true, log });
    await expect(listen(camera, 5, 0)).rejects.toThrow();
    await expect(listen(camera, 5, 0)).rejects.toThrow();
    expect((await listen(camera, 5, 0)).frames).toBeGreaterThanOrEqual(5);
    expect(log.messages('warn').join(' ')).toContain('breaks whenever the sound is asked for');
  });
});

describe('GStreamer', () => {
  const arena = new Arena(64);
  let camera: Camera | undefined;
  afterEach(async () => {
    await camera?.stop();
    expect(arena.liveFrames).toBe(0);
  });
  const made = (url: string, transport: 'tcp' | 'udp'): Source =>
    rtspSource({ url, stream: 's', arena, clock: systemClock, events: noEvents, transport, sound: true });

  it.each([
    ['aac', 'tcp', 'aac', 'opus'],
    ['pcma', 'udp', 'pcm_alaw', 'pcma'],
  ] as const)('gives %s over %s', async (sound, transport, codec, sent) => {
    camera = await startCamera({ sound, fps: 30, size: '320x180' });
    const heard = await listen(made(camera.url, transport), 20, 40);
    expect([heard.codec, heard.sounds[0]?.codec]).toEqual([codec, sent]);
    expect(heard.sounds.length).toBeGreaterThanOrEqual(40);
    const [first, last] = [heard.sounds[5], heard.sounds.at(-1)];
    const span = ((last?.pts ?? 0) - (first?.pts ?? 0)) / 1e6;
    const ticks = (((last?.timestamp ?? 0) - (first?.timestamp ?? 0)) | 0) / (sent === 'opus' ? 48_000 : 8000);
    expect(Math.abs(span - ticks)).toBeLessThan(0.1);
  });

  it('goes on with its picture when its sound ceases', async () => {
    camera = await startCamera({ sound: 'pcmu', muteAt: 0.5, fps: 30, size: '320x180' });
    const heard = await listen(made(camera.url, 'tcp'), 60, 0);
    expect(heard.frames).toBeGreaterThanOrEqual(60);
    expect(heard.sounds.length).toBeLessThan(40);
  });
});
