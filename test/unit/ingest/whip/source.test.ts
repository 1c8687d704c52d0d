import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WhipSource } from '../../../../src/ingest/whip/source.ts';
import { Arena } from '../../../../src/media/arena.ts';
import { fromMs, ManualClock } from '../../../../src/time.ts';
import { RecordedLog } from '../../../support/recorded-log.ts';

/**
 * What Chromium 150 offers of a camera and a microphone. Nobody is behind it: it never connects.
 */
const OFFER = readFileSync(new URL('../../../fixtures/offers/chromium-whip.sdp', import.meta.url), 'utf8');

class Rig {
  readonly clock = new ManualClock();
  readonly log = new RecordedLog();
  readonly #controller = new AbortController();
  readonly source: WhipSource;
  readonly running: Promise<void>;

  constructor() {
    const { clock, log } = this;
    const arena = new Arena(16);
    this.source = new WhipSource({
      ...{ stream: 'cam', arena, clock, log },
      events: { emit: () => {} },
      transport: { log },
    });
    this.running = this.source.run({ frame: (frame) => frame.release(), info: () => {} }, this.#controller.signal);
    onTestFinished(async () => {
      await this.stop();
      expect(arena.liveFrames).toBe(0);
    });
  }

  stop(): Promise<void> {
    this.#controller.abort();
    return this.running;
  }
}

describe('WhipSource', () => {
  it('lets four publishers try at a time, and the next one when one of them has gone', async () => {
    const { source } = new Rig();
    const sessions = await Promise.all(Array.from({ length: 4 }, () => source.publish(OFFER)));
    await expect(source.publish(OFFER)).rejects.toMatchObject({ code: 'webrtc.overloaded', recoverable: true });
    await sessions[1]?.close();
    expect(await sessions[1]?.ended).toBe('closed by the publisher');
    expect((await source.publish(OFFER)).answer).toContain('a=recvonly');
  });

  it('lets a publisher have the place of one that posts offers and never does ICE', async () => {
    const { source, clock } = new Rig();
    const first = await source.publish(OFFER);
    for (let i = 1; i < 4; i += 1) await source.publish(OFFER);
    clock.advance(fromMs(500));
    await source.publish(OFFER);
    expect(await first.ended).toBe('gave way to another publisher');
  });

  it('counts no publisher whose offer was refused', async () => {
    const { source } = new Rig();
    for (let i = 0; i < 6; i += 1) {
      await expect(source.publish('v=0\r\n')).rejects.toMatchObject({ code: 'webrtc.bad-offer' });
    }
    await source.publish(OFFER);
  });

  it('lets go of one that never connects, says so, and waits on', async () => {
    const { source, clock, log, running } = new Rig();
    const { ended, iceUfrag } = await source.publish(OFFER);
    clock.advance(fromMs(8000));
    expect(await ended).toBe('not connected in time');
    expect(log.of('publisher gone')).toEqual([
      expect.objectContaining({ level: 'info', stream: 'cam', peer: iceUfrag, reason: 'not connected in time' }),
    ]);
    clock.advance(fromMs(60_000));
    expect(await Promise.race([running.then(() => 'over'), Promise.resolve('waiting')])).toBe('waiting');
  });

  it('ends its publishers when it stops, and takes none afterwards', async () => {
    const rig = new Rig();
    const { ended } = await rig.source.publish(OFFER);
    await rig.stop();
    expect(await ended).toBe('stream stopped');
    await expect(rig.source.publish(OFFER)).rejects.toMatchObject({ code: 'webrtc.no-source', recoverable: true });
  });

  it('writes a publisher into the log with the name that its connection has there', async () => {
    const { source, log } = new Rig();
    const { iceUfrag: peer, close } = await source.publish(OFFER);
    expect(log.of('publisher connecting')).toEqual([
      { level: 'info', message: 'publisher connecting', stream: 'cam', peer, codec: 'vp8' },
    ]);
    expect(log.of('candidates gathered')[0]).toMatchObject({ level: 'debug', peer });
    await close();
    expect(log.of('publisher closing')[0]).toMatchObject({ level: 'debug', peer, packets: 0, lost: 0, frames: 0 });
  });
});
