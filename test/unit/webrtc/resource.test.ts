import { expect, it } from 'vitest';
import { FrameliftError } from '../../../src/errors.ts';
import { tell } from '../../../src/webrtc/resource.ts';

it('spreads over seconds when those come back that came at once, and says that this is the reason', () => {
  const busy = new FrameliftError('webrtc.busy', '32 players are connecting at once', { recoverable: true });
  const chances = Array.from({ length: 300 }, (_, i) => i / 300);
  const waits = chances.map((chance) => tell(busy, chance).retryAfter ?? 0);
  expect([1, 2, 3].map((seconds) => waits.filter((wait) => wait === seconds).length)).toEqual([100, 100, 100]);
  expect(tell(busy)).toMatchObject({ code: 'webrtc.busy', status: 503, message: '32 players are connecting at once' });
});
