import { defineConfig } from 'vitest/config';

const report = process.env.FRAMELIFT_TEST_REPORT;

/** What runs against other programs and the real clock may run again: another tenant of the machine may spoil one run, hardly two. */
const SPOILT = 1;

/** What says how fast, how soon or how even something is: these have the machine to themselves. The others, which mostly wait, run two at a time. */
const TIMED = ['cli', 'convert', 'provider', 'rtsp-camera', 'whep-chromium', 'whip-network'].map(
  (name) => `test/integration/${name}.test.ts`,
);

/** Four projects: pure code, code against real programs, that which measures time, and the whole product in a real browser. */
export default defineConfig({
  test: {
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'bench/**/*.test.ts'],
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'integration',
          retry: SPOILT,
          include: ['test/integration/**/*.test.ts'],
          exclude: TIMED,
          testTimeout: 60_000,
          sequence: { groupOrder: 1 },
          hookTimeout: 60_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'timed',
          retry: SPOILT,
          include: TIMED,
          testTimeout: 60_000,
          sequence: { groupOrder: 2 },
          hookTimeout: 60_000,
          fileParallelism: false,
          // Of tests that say they may.
          maxConcurrency: 2,
        },
      },
      {
        test: {
          name: 'e2e',
          retry: SPOILT,
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 180_000,
          sequence: { groupOrder: 3 },
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
