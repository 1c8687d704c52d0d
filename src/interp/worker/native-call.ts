/** Whether this thread is inside native code that it must not be terminated in, and whether it gets on. */

let count: Int32Array<SharedArrayBuffer> | undefined;

/** Makes {@link inside} count on this thread: the first of these goes up by one on the way in and on the way out. Odd: inside. */
export function countInside(shared: Int32Array<SharedArrayBuffer>): void {
  count = shared;
}

/** Runs a call into the runtime, counted: a thread that is terminated in it would take the process with it. */
export async function inside<T>(call: () => Promise<T>): Promise<T> {
  if (count) Atomics.add(count, 0, 1);
  try {
    return await call();
  } finally {
    if (count) Atomics.add(count, 0, 1);
  }
}
