// The last line of the gate: `node summary.js REPORT STATUS`, with vitest's JSON report and the
// exit status of the whole. A failure outside of the tests (install, lint, types), no report and no
// test at all count as one failure.
import { readFileSync } from 'node:fs';

const [report, status] = process.argv.slice(2);
const { numPassedTests: passed, numFailedTests: failedTests } = read(report);
const failedElsewhere = failedTests === 0 && (status !== '0' || passed === 0);
const failed = failedTests + (failedElsewhere ? 1 : 0);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    console.error('the test runner wrote no report');
    return { numPassedTests: 0, numFailedTests: 0 };
  }
}
