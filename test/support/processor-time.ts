/** How much of the processor a call takes, for tests of parsers on hostile input. */

/** Milliseconds of this process in `run`, the least of three: others on the machine do not count. */
export function processorMs(run: () => unknown): number {
  const times = Array.from({ length: 3 }, () => {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...times);
}
