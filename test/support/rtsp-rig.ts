/** A scripted RTSP server and a source that plays it, for tests of what real cameras and servers do. */
import { afterEach, beforeAll, expect } from 'vitest';
import type { RtpPacket } from '../../src/ingest/rtp/packet.ts';
import { type RtspOptions, rtspSource } from '../../src/ingest/rtsp/source.ts';
import type { Source } from '../../src/ingest/source.ts';
import { Arena } from '../../src/media/arena.ts';
import { systemClock } from '../../src/time.ts';
import { cutAtDelimiters, encodeTestPicture } from './coded.ts';
import { type FakeOptions, type FakeRtsp, startFakeRtsp } from './fake-rtsp.ts';
import { packetize } from './rtp.ts';
import { DropCounter } from './watch.ts';

/** What {@link rtspRig} gives. */
export interface RtspRig {
  /** Ten frames, the first a keyframe, parameter sets in band. */
  readonly packets: readonly RtpPacket[];
  /** Starts the server of this test; it sends {@link packets} unless told otherwise. */
  start(options?: FakeOptions): Promise<FakeRtsp>;
  source(url: string, options?: Partial<RtspOptions>): Source;
}

/** Sets the hooks of a test file: after each test no connection is open and no frame is held. */
export function rtspRig(): RtspRig {
  const arena = new Arena(64);
  let packets: RtpPacket[] = [];
  let server: FakeRtsp | undefined;
  beforeAll(() => {
    const coded = encodeTestPicture('libx264', '320x180', 10, ['-tune', 'zerolatency', '-g', '10']);
    packets = packetize(cutAtDelimiters(coded, 'h264'), 'h264', { sequence: 65_500 });
  });
  afterEach(async () => {
    await expect.poll(() => server?.open ?? 0).toBe(0);
    await server?.close();
    server = undefined;
    expect(arena.liveFrames).toBe(0);
  });
  return {
    get packets() {
      return packets;
    },
    async start(options = {}) {
      server = await startFakeRtsp({ packets, ...options });
      return server;
    },
    source: (url, options = {}) =>
      rtspSource({ url, stream: 's', arena, clock: systemClock, events: new DropCounter(), ...options }),
  };
}
