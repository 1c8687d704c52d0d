import { expect, it } from 'vitest';
import { EnginePool } from '../../../../src/interp/engine/pool.ts';
import { findModel } from '../../../../src/interp/models/manifest.ts';
import { Arena } from '../../../../src/media/arena.ts';
import { noEvents } from '../../../../src/metrics/events.ts';
import { systemClock } from '../../../../src/time.ts';

it('streams are refused a model whose pictures are larger, and told what it is for', async () => {
  const resolve = async () => ({ ...(await findModel('cfu')), id: 'large', scale: 2 });
  await using pool = new EnginePool({ arena: new Arena(16), clock: systemClock, events: noEvents, resolve });
  await expect(pool.acquire('large')).rejects.toMatchObject({
    code: 'config.invalid',
    message: expect.stringMatching(/"large" makes pictures 2 times as large, which live streams cannot show/),
    remedy: expect.stringContaining('framelift convert --scale 2 --model large'),
  });
  expect(pool.running).toEqual([]);
});
