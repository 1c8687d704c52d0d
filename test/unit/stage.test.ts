import { from, NEVER, Observable, of, Subject, takeUntil, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { BoundedQueue, boundedMap, type DropPolicy } from '../../src/stage.ts';

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

/** A projection that a test finishes by hand. */
class Work {
  readonly started: number[] = [];
  readonly #waiting = new Map<number, { resolve: (r: string) => void; reject: (e: Error) => void }>();

  readonly project = (n: number): Promise<string> => {
    this.started.push(n);
    return new Promise((resolve, reject) => this.#waiting.set(n, { resolve, reject }));
  };

  async finish(n: number): Promise<void> {
    this.#waiting.get(n)?.resolve(`r${n}`);
    await settled();
  }

  async fail(n: number): Promise<void> {
    this.#waiting.get(n)?.reject(new Error(`e${n}`));
    await settled();
  }
}

/** Lets all promise reactions run. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function rig(capacity: number, policy: DropPolicy) {
  const work = new Work();
  const source = new Subject<number>();
  const seen: string[] = [];
  const dropped: number[] = [];
  const late: string[] = [];
  const subscription = source
    .pipe(
      boundedMap(work.project, {
        capacity,
        policy,
        onDrop: (n) => dropped.push(n),
        onLate: (r) => late.push(r),
      }),
    )
    .subscribe({
      next: (r) => seen.push(r),
      error: (error: Error) => seen.push(error.message),
      complete: () => seen.push('end'),
    });
  return { work, source, seen, dropped, late, subscription };
}

describe('boundedMap', () => {
  it('works on one item at a time, in order, and completes after the last', async () => {
    const { work, source, seen, dropped } = rig(2, 'drop-oldest');
    source.next(1);
    source.next(2);
    source.next(3);
    source.complete();
    expect(work.started).toEqual([1]);
    await work.finish(1);
    expect(work.started).toEqual([1, 2]);
    await work.finish(2);
    await work.finish(3);
    expect(seen).toEqual(['r1', 'r2', 'r3', 'end']);
    expect(dropped).toEqual([]);
  });

  it.each([
    ['drop-oldest', [2, 3], [1, 4, 5]],
    ['drop-newest', [4, 5], [1, 2, 3]],
  ] as const)('%s: never lets more than its capacity wait', async (policy, dropped, worked) => {
    const r = rig(2, policy);
    for (const n of [1, 2, 3, 4, 5]) r.source.next(n);
    expect(r.dropped).toEqual(dropped);
    for (const n of worked) await r.work.finish(n);
    expect(r.seen).toEqual(worked.map((n) => `r${n}`));
  });

  it('with no room to wait still works when it is idle', async () => {
    const { work, source, seen, dropped } = rig(0, 'drop-newest');
    source.next(1);
    source.next(2);
    await work.finish(1);
    source.next(3);
    await work.finish(3);
    expect(seen).toEqual(['r1', 'r3']);
    expect(dropped).toEqual([2]);
  });

  it('unsubscribing disposes of what waits at once, and of the result when it comes', async () => {
    const { work, source, seen, dropped, late, subscription } = rig(4, 'drop-oldest');
    for (const n of [1, 2, 3]) source.next(n);
    subscription.unsubscribe();
    expect(source.observed).toBe(false);
    expect(dropped).toEqual([2, 3]);
    await work.finish(1);
    expect(work.started).toEqual([1]);
    expect(late).toEqual(['r1']);
    expect(seen).toEqual([]);
  });

  it('passes a rejection on as its error, disposes of what waits, and listens no more', async () => {
    const { work, source, seen, dropped } = rig(4, 'drop-oldest');
    for (const n of [1, 2]) source.next(n);
    await work.fail(1);
    expect(seen).toEqual(['e1']);
    expect(dropped).toEqual([2]);
    expect(source.observed).toBe(false);
  });

  it('treats a throw like a rejection', async () => {
    const errors: unknown[] = [];
    const boom = new Error('boom');
    of(1)
      .pipe(
        boundedMap<number, string>(
          () => {
            throw boom;
          },
          { capacity: 1, policy: 'drop-oldest', onDrop: () => {} },
        ),
      )
      .subscribe({ error: (error: unknown) => errors.push(error) });
    await settled();
    expect(errors).toEqual([boom]);
  });

  it('passes the error of its source on at once', async () => {
    const { work, source, seen, dropped, late } = rig(4, 'drop-oldest');
    source.next(1);
    source.next(2);
    source.error(new Error('gone'));
    expect(seen).toEqual(['gone']);
    expect(dropped).toEqual([2]);
    await work.finish(1);
    expect(late).toEqual(['r1']);
  });

  it('loses no item of a source that goes on for a moment after its reader left', () => {
    const work = new Work();
    const dropped: number[] = [];
    const leave = new Subject<void>();
    const source = new Observable<number>((subscriber) => {
      subscriber.next(1);
      subscriber.next(2);
      leave.next();
      subscriber.next(3);
    });
    const options = { capacity: 1, policy: 'drop-newest', onDrop: (n: number) => dropped.push(n) } as const;
    source.pipe(boundedMap(work.project, options), takeUntil(leave)).subscribe();
    expect([work.started, dropped.toSorted()]).toEqual([[1], [2, 3]]);
  });

  it('completes with an empty source, and stays open with one that says nothing', () => {
    const ends: string[] = [];
    const options = { capacity: 1, policy: 'drop-oldest', onDrop: () => {} } as const;
    const project = (n: number): Promise<number> => Promise.resolve(n);
    from<number[]>([])
      .pipe(boundedMap(project, options))
      .subscribe({ complete: () => ends.push('empty') });
    NEVER.pipe(boundedMap(project, options)).subscribe({ complete: () => ends.push('never') });
    throwError(() => new Error('x'))
      .pipe(boundedMap(() => project(1), options))
      .subscribe({ error: () => ends.push('error') });
    expect(ends).toEqual(['empty', 'error']);
  });
});
