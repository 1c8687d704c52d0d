import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli, startApp } from '../support/app.ts';
import { temporaryFolder } from '../support/media.ts';
import { bearer } from '../support/tokens.ts';

let folder: { path: string; remove: () => Promise<void> };

beforeAll(async () => {
  folder = await temporaryFolder();
});

afterAll(() => folder.remove());

describe('serve refuses, with the value and the remedy', () => {
  it.concurrent.each([
    [['gopher://camera/1'], /scheme "gopher" is not supported[\s\S]*rtsp/],
    [['file:///etc/passwd'], /file URLs are not taken[\s\S]*without file:\/\//],
    [['no-such-file.mp4'], /no file "no-such-file\.mp4"/],
    [['demo', '--fps', '0'], /fps 0 is outside 1…240/],
    [['demo', '--fps', 'fast'], /expected a rate such as 60, 59\.94 or 60000\/1001/],
    [['demo', '--factor', '2.5'], /factor 2\.5 is not a whole number/],
    [['demo', '--fps', '60', '--factor', '2'], /cannot be used with/],
    [['demo', '--port', '70000'], /server\.port is 70000/],
    [['demo', '--model', 'flow-xxl'], /no model "flow-xxl"; there are .*flow-s/],
    [['a=demo', 'a=demo'], /"a" is used twice/],
    [['--config', 'missing.yaml'], /missing\.yaml cannot be read/],
    [['demo', '--watch'], /--watch has no file to watch[\s\S]*--config/],
    [['demo', '--tls-cert', 'no.pem', '--tls-key', 'no.pem'], /server\.tls\.cert: no\.pem cannot be read/],
    [['cam=whip'], /"cam": its source is whip, and nobody may publish[\s\S]*--publish-token generate/],
    [['rtsp://127.0.0.1:1/x', '--loop'], /--loop: no source here heeds it, only files do/],
    [['demo', '--wrong'], /unknown option '--wrong'/],
  ])('%j', async (args, message) => {
    const { code, stderr } = await runCli(['serve', '--port', '0', ...args]);
    expect(stderr).toMatch(message);
    expect(code).toBeGreaterThan(0);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('a config with a misspelt key, suggesting the right one', async () => {
    const path = join(folder.path, 'wrong.yaml');
    writeFileSync(path, 'streams:\n  - name: a\n    source: demo\n    latencyBudgetMS: 30\n');
    const { code, stderr } = await runCli(['serve', '--config', path]);
    expect(stderr).toMatch(/unknown key "streams\.0\.latencyBudgetMS"; did you mean "latencyBudgetMs"\?/);
    expect(code).toBe(2);
  });

  it('a port that is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const { code, stderr } = await runCli(['serve', 'demo', '--model', 'repeat', '--port', String(port)]);
    expect(stderr).toMatch(new RegExp(`${port}[\\s\\S]*--port`));
    expect(code).toBe(1);
    server.close();
  });
});

describe('commands', () => {
  it('--help teaches', async () => {
    const { code, stdout } = await runCli(['serve', '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('framelift serve rtsp://camera.local/stream --fps 60');
  });

  it('models lists what can be chosen', async () => {
    const { code, stdout } = await runCli(['models']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/flow-s\s+flow/);
    expect(stdout).toMatch(/blend/);
  });
});

describe('tokens', () => {
  it('are made up where that is asked for, told once, and let in who has them', async () => {
    const app = await startApp(['demo', '--model', 'repeat', '--play-token', 'generate']);
    const told = /^play token: ([\w-]{32})$/m;
    await expect.poll(() => app.log()).toMatch(told);
    const token = told.exec(app.log())?.[1] ?? '';
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(`${app.url}/api/streams`, { headers })).status;
    expect([await status({}), await status(bearer('generate')), await status(bearer(token))]).toEqual([401, 401, 200]);
    expect((await app.stop()).code, app.log()).toBe(0);
    expect(app.log().split(token)).toHaveLength(2);
  });
});

describe('stopping', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('%s drains and exits 0 within 2 s', async (signal) => {
    const app = await startApp(['demo', 'second=demo', '--model', 'blend']);
    await expect.poll(async () => (await app.stream('second')).phase, { timeout: 10_000 }).toBe('live');
    const { code, ms } = await app.stop(signal);
    expect(code, app.log()).toBe(0);
    expect(ms).toBeLessThan(2000);
    expect(app.log()).toContain('"liveFrames":0');
  });
});
