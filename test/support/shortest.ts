/** How long something keeps the event loop busy, whatever else the machine does. */

/** Milliseconds of processor time of this thread, of the shortest of seven runs. */
export async function shortestMs(run: () => unknown): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 7; round += 1) {
    const before = process.threadCpuUsage();
    await run();
    const { user, system } = process.threadCpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}
