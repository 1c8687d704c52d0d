import { beforeAll, describe, expect, it } from 'vitest';
import { bearer, TOKENS } from '../support/tokens.ts';
import { type CodedUnit, h264Units, vp8Units, WhipPublisher } from '../support/whip-publisher.ts';
import { pause, until, WhipRig } from '../support/whip-rig.ts';

const AUTHORIZATION = bearer(TOKENS.publish);

let units: CodedUnit[];

beforeAll(() => {
  units = vp8Units('320x180', 60);
});

const publish = (rig: WhipRig): Promise<WhipPublisher> => WhipPublisher.publish(rig.url, { codec: 'VP8', units });

/** Longest time without a frame from `since` on. */
function longestGap(rig: WhipRig, since: number): number {
  const times = rig.frames.map(({ atMs }) => atMs).filter((at) => at >= since);
  return Math.max(...times.slice(1).map((at, i) => at - (times[i] ?? at)));
}

describe.concurrent('a publisher', () => {
  it('takes the stream over with its first frame: the source lives on, the old session ends', async () => {
    await using rig = await WhipRig.start();
    await using first = await publish(rig);
    first.start();
    await rig.untilFrames(30);
    const since = performance.now();
    await using second = await publish(rig);
    // Connected, but without a frame, it takes nothing away.
    await pause(500);
    expect(longestGap(rig, since)).toBeLessThan(300);
    const before = rig.frames.length;
    second.start();
    await until('the takeover', () => rig.log.some((line) => line.includes('another publisher took the stream over')));
    await rig.untilFrames(before + 60);
    expect(longestGap(rig, since)).toBeLessThan(1000);
    expect(rig.supervisor.status).toMatchObject({ phase: 'live', reconnects: 0 });
    expect((await fetch(first.resource, { method: 'DELETE', headers: AUTHORIZATION })).status).toBe(404);
    expect((await fetch(second.resource, { method: 'DELETE', headers: AUTHORIZATION })).status).toBe(200);
    expect(rig.frames.slice(1).filter(({ discontinuity }) => discontinuity)).toHaveLength(1);
    // Each publisher's time rises; that of the second begins where its first frame arrived.
    const rises = rig.frames.map(
      ({ ptsMs, discontinuity }, i) => discontinuity || ptsMs > (rig.frames[i - 1]?.ptsMs ?? 0),
    );
    expect(rises).not.toContain(false);
  });

  it('that leaves by DELETE is told, and its return is seen', async () => {
    await using rig = await WhipRig.start();
    await using first = await publish(rig);
    first.start();
    await rig.untilFrames(10);
    expect((await fetch(first.resource, { method: 'DELETE', headers: AUTHORIZATION })).status).toBe(200);
    await until('the end', () => rig.supervisor.status.lastError !== undefined);
    expect(rig.supervisor.status.lastError?.message).toBe('the publisher left: closed by the publisher');
    await using second = await publish(rig);
    const before = rig.frames.length;
    second.start();
    await rig.untilFrames(before + 30);
    expect(rig.supervisor.status.phase).toBe('live');
  });

  it('that vanishes without a word makes a stalled source, and the next one is let in', async () => {
    await using rig = await WhipRig.start({ stallTimeoutMs: 500 });
    await using first = await publish(rig);
    first.start();
    await rig.untilFrames(10);
    await first.vanish();
    await until('the stall', () => rig.supervisor.status.lastError?.code === 'source.stalled', 3000);
    await using second = await publish(rig);
    const before = rig.frames.length;
    second.start();
    await rig.untilFrames(before + 30);
    expect(rig.endpoint.sessions).toBe(1);
  });

  it('that pauses keeps its session, and is seen when it goes on', async () => {
    await using rig = await WhipRig.start({ stallTimeoutMs: 500 });
    await using publisher = await publish(rig);
    publisher.start();
    await rig.untilFrames(10);
    publisher.stop();
    await until('the stall', () => rig.supervisor.status.lastError?.code === 'source.stalled', 3000);
    await pause(1000);
    expect(rig.supervisor.status.reconnects).toBe(1);
    const before = rig.frames.length;
    publisher.start();
    await rig.untilFrames(before + 30);
    expect(rig.supervisor.status.phase).toBe('live');
    expect(rig.endpoint.sessions).toBe(1);
  });

  it('may change its resolution', async () => {
    await using rig = await WhipRig.start();
    const sizes = ['320x180', '640x360', '480x270'];
    const changing = sizes.flatMap((size) => h264Units(size, 30));
    await using publisher = await WhipPublisher.publish(rig.url, { codec: 'H264', units: changing });
    publisher.start();
    await rig.untilFrames(100);
    const seen = rig.frames.map(({ size }) => size).filter((size, i, all) => size !== all[i - 1]);
    expect(seen).toEqual([...sizes, '320x180']);
    expect(rig.supervisor.status).toMatchObject({ reconnects: 0, info: { width: 320, height: 180 } });
  });
});
