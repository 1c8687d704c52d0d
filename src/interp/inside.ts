/** Whether this thread is inside native code that it must not be terminated in. */

let flag: Int32Array<SharedArrayBuffer> | undefined;

/** Sets the first of these to 1 while {@link inside} runs on this thread. */
export function markInside(shared: Int32Array<SharedArrayBuffer>): void {
  flag = shared;
}

/** Runs a call into the runtime, marked: a thread that is terminated in it would take the process with it. */
export async function inside<T>(call: () => Promise<T>): Promise<T> {
  if (flag) Atomics.store(flag, 0, 1);
  try {
    return await call();
  } finally {
    if (flag) Atomics.store(flag, 0, 0);
  }
}
