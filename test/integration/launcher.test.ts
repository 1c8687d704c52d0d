/** What the launcher hands on to the Node that runs framelift: settings of V8, and signals. */
import { afterEach, expect, it, vi } from 'vitest';
import { runCli, startApp } from '../support/app.ts';

/** An import for NODE_OPTIONS, run before the launcher in each process. */
const preload = (script: string): string => `--import=data:text/javascript,${encodeURIComponent(script)}`;

afterEach(() => vi.unstubAllEnvs());

it.each(['--max-semi-space-size=64', '--max_semi_space_size=64'])(
  'a setting of V8 that is given stays: %s',
  async (given) => {
    const NODE_OPTIONS = `${given} ${preload('console.error(process.execArgv.join(" "))')}`;
    const { code, stdout, stderr } = await runCli(['--version'], { env: { NODE_OPTIONS } });
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)]);
    const settings = stderr.trim().split('\n').at(-1);
    expect(settings).toContain('--v8-pool-size=1');
    expect(settings).not.toMatch(/semi.space/);
  },
);

it.each([
  // A terminal has sent it to the child already.
  [true, 'SIGTERM'],
  [false, 'SIGINT'],
])('without execve, SIGINT is handed on unless a terminal does: %s', async (terminal, ended) => {
  const script = `delete process.execve; Object.defineProperty(process.stdin, 'isTTY', { value: ${terminal} });`;
  vi.stubEnv('NODE_OPTIONS', preload(script));
  const app = await startApp(['demo', '--model', 'repeat']);
  app.signal('SIGINT');
  await app.stop('SIGTERM');
  expect(app.log()).toMatch(new RegExp(`"signal":"${ended}".*"stopping"`));
});
