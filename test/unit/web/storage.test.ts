import { expect, it } from 'vitest';
import { keeperOf } from '../../../src/web/storage.js';

/** A browser's storage, in memory. */
function storage() {
  const kept = new Map<string, string>();
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
}

const refusing = () => {
  throw new Error('the browser keeps nothing within pages of other sites');
};

it.each([
  ['where the browser keeps things', storage()],
  ['where it refuses them', undefined],
])('keeps a value until it is emptied, %s', (_where, kept) => {
  const keeper = keeperOf(kept ? () => kept : refusing);
  expect(keeper.get('a')).toBeUndefined();
  keeper.set('a', 'one');
  expect(keeper.get('a')).toBe('one');
  keeper.set('a', '');
  expect(keeper.get('a')).toBeUndefined();
});

it('keeps in memory what the browser has no room for', () => {
  const full = { ...storage(), setItem: refusing };
  const keeper = keeperOf(() => full);
  keeper.set('a', 'one');
  expect(keeper.get('a')).toBe('one');
});
