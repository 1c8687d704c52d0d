import { defineConfig } from 'vitest/config';

/** Three projects: pure code, code against real programs, and the whole product in a real browser (one file at a time: two cores). */
const report = process.env.FRAMELIFT_TEST_REPORT;

/** What runs against other programs and the real clock may run again: another tenant of the machine may spoil one run, hardly two. */
const SPOILT = 1;

export default defineConfig({
  test: {
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 20_000, sequence: { groupOrder: 0 } } },
      {
        test: {
          name: 'integration',
          retry: SPOILT,
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 60_000,
          sequence: { groupOrder: 1 },
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'e2e',
          retry: SPOILT,
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 180_000,
          sequence: { groupOrder: 2 },
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
