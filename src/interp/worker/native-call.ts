/** Calls into native code, in which a thread must not be terminated. */

let count: Int32Array<SharedArrayBuffer> | undefined;

/**
 * Makes {@link nativeCall} count on this thread: the first of these numbers goes up by one on the
 * way in and on the way out. Odd: in native code.
 */
export function countNativeCalls(shared: Int32Array<SharedArrayBuffer>): void {
  count = shared;
}

/**
 * Makes a call into ONNX Runtime, counted: a thread that is terminated in it would take the process
 * with it.
 */
export async function nativeCall<T>(call: () => Promise<T>): Promise<T> {
  if (count) Atomics.add(count, 0, 1);
  try {
    return await call();
  } finally {
    if (count) Atomics.add(count, 0, 1);
  }
}
