/** How much work code is, for tests that bound it on a machine that does other things as well. */

/** CPU time of this thread for the fastest of `tries` runs, in milliseconds. */
export function fastestMs(run: () => unknown, tries = 5): number {
  let fastest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < tries; i += 1) {
    const before = process.threadCpuUsage();
    run();
    const { user, system } = process.threadCpuUsage(before);
    fastest = Math.min(fastest, (user + system) / 1000);
  }
  return fastest;
}
