/**
 * Says at the end of a run which tests needed more than one try: a test that fails now and then is
 * seen although the run passes.
 */
import { relative } from 'node:path';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

/**
 * A reporter of vitest that prints the number of retried tests, and for each its name and why its
 * first try failed.
 */
export class RetryReporter implements Reporter {
  /** Called by vitest once everything has run. */
  onTestRunEnd(modules: readonly TestModule[]): void {
    const retried = modules.flatMap((one) => [...one.children.allTests()]).filter(wasRetried);
    console.log([`retried: ${retried.length}`, ...retried.map(describe)].join('\n'));
  }
}

function wasRetried(test: TestCase): boolean {
  return (test.diagnostic()?.retryCount ?? 0) > 0;
}

function describe(test: TestCase): string {
  const why = test.result().errors?.[0]?.message.split('\n')[0];
  return `  ${relative(process.cwd(), test.module.moduleId)} > ${test.fullName}: ${why ?? 'no reason given'}`;
}
