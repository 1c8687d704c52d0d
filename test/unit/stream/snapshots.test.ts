import { expect, it } from 'vitest';
import { Arena } from '../../../src/media/arena.ts';
import { Frame, SOURCE } from '../../../src/media/frame.ts';
import { Snapshots } from '../../../src/stream/snapshots.ts';
import { micros } from '../../../src/time.ts';

const arena = new Arena(16);

/** Makes pictures when it is told to. */
class Rig {
  readonly made: { finish(): void; fail(): void }[] = [];
  readonly snapshots = new Snapshots((frame) => {
    frame.release();
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    this.made.push({ finish: () => resolve(Buffer.of(this.made.length)), fail: () => reject(new Error('no')) });
    return promise;
  });
  taken = 0;

  take(key: string) {
    return this.snapshots.take(key, () => {
      this.taken += 1;
      const times = { pts: micros(1.5e6), arrival: micros(0), capture: micros(2e6), discontinuity: false };
      return { frame: Frame.allocate(arena, 16, 16, { ...times, provenance: SOURCE }), traits: undefined };
    });
  }
}

it('makes one picture at a time, holds no frame before its turn, and gives it to all who ask meanwhile', async () => {
  const rig = new Rig();
  const first = rig.take('a');
  const same = rig.take('a');
  const other = rig.take('b');
  await expect.poll(() => rig.made.length).toBe(1);
  expect(rig.taken).toBe(1);
  expect(same).toBe(first);
  rig.made[0]?.fail();
  await expect(first).rejects.toThrow('no');
  // What failed holds up nobody.
  await expect.poll(() => rig.made.length).toBe(2);
  rig.made[1]?.finish();
  expect(await other).toEqual({
    ...{ jpeg: Buffer.of(2), record: { pts: 1.5, kind: 'source' }, captured: new Date(2000) },
  });
  const again = rig.take('a');
  await expect.poll(() => rig.made.length).toBe(3);
  rig.made[2]?.finish();
  expect((await again).jpeg).toEqual(Buffer.of(3));
  expect(arena.liveFrames).toBe(0);
});

it('says that there is no frame', async () => {
  const { snapshots } = new Rig();
  await expect(snapshots.take('source of cam', () => undefined)).rejects.toMatchObject({
    ...{ code: 'server.no-frame', message: 'source of cam has no frame yet', recoverable: true },
  });
});
