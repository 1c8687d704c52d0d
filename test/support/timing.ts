/** How long code takes, for tests that bound it on a machine that does other things as well. */

/** Milliseconds of the fastest of `tries` runs. */
export function fastestMs(run: () => unknown, tries = 5): number {
  let fastest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < tries; i += 1) {
    const started = performance.now();
    run();
    fastest = Math.min(fastest, performance.now() - started);
  }
  return fastest;
}
