/** Queues that are bounded. */
import { describe, expect, it } from 'vitest';
import { BoundedQueue, type DropPolicy } from '../../src/bounded-queue.ts';

describe('BoundedQueue', () => {
  it.each([
    ['drop-oldest', [3, 4, 5], [1, 2]],
    ['drop-newest', [1, 2, 3], [4, 5]],
  ] as const)('%s: keeps its capacity, counts and disposes of the rest', (policy, kept, dropped) => {
    const disposed: number[] = [];
    const queue = new BoundedQueue<number>(3, policy, (n) => disposed.push(n));
    const taken = [1, 2, 3, 4, 5].map((n) => queue.push(n));
    expect(taken).toEqual([true, true, true, policy === 'drop-oldest', policy === 'drop-oldest']);
    expect(queue.length).toBe(3);
    expect(queue.dropped).toBe(2);
    expect(disposed).toEqual(dropped);
    expect(queue.peek()).toBe(kept[0]);
    expect([queue.shift(), queue.shift(), queue.shift(), queue.shift()]).toEqual([...kept, undefined]);
  });

  it('with no capacity drops everything', () => {
    for (const policy of ['drop-oldest', 'drop-newest'] satisfies DropPolicy[]) {
      const disposed: number[] = [];
      const queue = new BoundedQueue<number>(0, policy, (n) => disposed.push(n));
      expect(queue.push(1)).toBe(false);
      expect([queue.length, queue.dropped, disposed]).toEqual([0, 1, [1]]);
    }
  });

  it('clear disposes of what waits, without counting it as dropped; what is disposed may push again', () => {
    const disposed: number[] = [];
    const queue: BoundedQueue<number> = new BoundedQueue(2, 'drop-oldest', (n) => {
      disposed.push(n);
      if (n === 1) queue.push(9);
    });
    queue.push(1);
    queue.push(2);
    queue.clear();
    expect(disposed).toEqual([1, 2]);
    expect([queue.length, queue.peek(), queue.dropped]).toEqual([1, 9, 0]);
  });
});
