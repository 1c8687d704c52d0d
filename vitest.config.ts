import { defineConfig } from 'vitest/config';
import { RetryReporter } from './test/support/retry-reporter.ts';

const report = process.env.FRAMELIFT_TEST_REPORT;

const json = (outputFile: string): ['json', { outputFile: string }] => ['json', { outputFile }];

/**
 * Tests against other programs and the real clock get a second try: something else on the machine
 * may upset one, hardly both.
 */
const RETRIES = 1;

/**
 * Tests that measure rate, delay or jitter run alone. The other integration tests, which mostly
 * wait, run two files at a time.
 */
const TIMED = [
  'cli',
  'convert-safety',
  'provider',
  'rtsp-camera',
  'rtsp-timing',
  'ice-port',
  'whep-chromium',
  'whip-network',
  'zero-delay',
].map((name) => `test/integration/${name}.test.ts`);

/**
 * Four projects, one after the other: pure code, code against real programs, tests that measure
 * time, the product in a browser.
 */
export default defineConfig({
  test: {
    reporters: ['default', new RetryReporter(), ...(report ? [json(report)] : [])],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'bench/**/*.test.ts'],
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
          // The default leaves a core free.
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'integration',
          retry: RETRIES,
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
          retry: RETRIES,
          include: TIMED,
          testTimeout: 60_000,
          sequence: { groupOrder: 2 },
          hookTimeout: 60_000,
          fileParallelism: false,
          // Of tests marked `concurrent`.
          maxConcurrency: 2,
        },
      },
      {
        test: {
          name: 'e2e',
          retry: RETRIES,
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
