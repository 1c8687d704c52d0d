import { expect, it } from 'vitest';
import { SessionRouter } from '../../../../src/webrtc/ice/path.ts';

it('awaits each answer once, and gives the oldest up when thousands stay away', () => {
  const router = new SessionRouter(() => {});
  const answered: string[] = [];
  for (let i = 0; i < 10_000; i += 1) router.expect(`${i}`, () => answered.push(`${i}`));
  expect(router.awaiting('0')).toBeUndefined();
  expect(router.awaiting('1807')).toBeUndefined();
  expect(router.awaiting('1808')).toBeDefined();
  expect(router.awaiting('9999')).toBeDefined();
  expect(router.awaiting('9999')).toBeUndefined();
});
