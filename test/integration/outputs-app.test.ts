/** framelift as a whole, with outputs and its RTSP server: what the API, the metrics and the log tell, and how it ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { startApp } from '../support/app.ts';
import { freePort } from '../support/camera.ts';
import { bearer, TOKENS } from '../support/tokens.ts';
import { until } from '../support/whip-rig.ts';

it('hands its streams on and serves them, tells of it without secrets, and leaves nothing behind', async () => {
  const [rtsp, rtmp, nobody] = await Promise.all([freePort(), freePort(), freePort()]);
  const folder = mkdtempSync(join(tmpdir(), 'framelift-outputs-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'framelift.yaml');
  writeFileSync(
    file,
    [
      `server: { rtsp: { port: ${rtsp} } }`,
      'engine: { model: repeat }',
      'streams:',
      '  - name: demo',
      '    source: demo',
      `    outputs: [{ url: "rtmp://127.0.0.1:${rtmp}/live/geheim", name: tube }, "rtsp://u:geheim@127.0.0.1:${nobody}/x"]`,
    ].join('\n'),
  );
  const receiver = spawn(
    'ffmpeg',
    ['-v', 'error', '-listen', '1', '-i', `rtmp://127.0.0.1:${rtmp}/live/geheim`, '-c', 'copy', '-f', 'null', '-'],
    { stdio: 'ignore' },
  );
  onTestFinished(() => void receiver.kill('SIGKILL'));
  const app = await startApp(['--config', file]);
  try {
    const report = async () => {
      const answer = await fetch(`${app.url}/api/streams/demo`, { headers: bearer(TOKENS.admin) });
      // The shape of our own API.
      return (await answer.json()) as {
        outputs: { name: string; url: string; state: string; bytes: number; error?: string }[];
      };
    };
    let outputs = (await report()).outputs;
    for (let i = 0; i < 200 && (outputs[0]?.bytes ?? 0) === 0; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      outputs = (await report()).outputs;
    }
    expect(outputs[0]).toMatchObject({ name: 'tube', url: `rtmp://127.0.0.1:${rtmp}/live/***`, state: 'live' });
    expect(outputs[1]).toMatchObject({ name: '1', url: `rtsp://***@127.0.0.1:${nobody}/x` });
    expect(outputs[1]?.error).toMatch(/refused/i);
    const read = spawn('ffmpeg', [
      '-v',
      'error',
      '-i',
      `rtsp://127.0.0.1:${rtsp}/demo`,
      '-frames:v',
      '10',
      '-f',
      'null',
      '-',
    ]);
    expect(await once(read, 'close')).toEqual([0, null]);
    const metrics = await (await fetch(`${app.url}/metrics`, { headers: bearer(TOKENS.admin) })).text();
    expect(metrics).toContain('framelift_output_live{stream="demo",output="tube"} 1');
    expect(metrics).toMatch(
      /framelift_output_restarts_total\{stream="demo",output="1",reason="output.unreachable"\} [1-9]/,
    );
    expect(metrics).toContain('framelift_rtsp_readers{stream="demo",variant="upconverted"} 0');
    const config = await (await fetch(`${app.url}/api/config`, { headers: bearer(TOKENS.admin) })).text();
    expect(config + JSON.stringify(outputs) + metrics).not.toContain('geheim');
  } finally {
    const { code, ms } = await app.stop();
    expect(code, app.log()).toBe(0);
    expect(ms).toBeLessThan(5000);
  }
  expect(app.log()).toContain('RTSP on 127.0.0.1');
  expect(app.log()).not.toContain('geheim');
  // The child has let go of the server.
  await until('the end of the receiver', () => receiver.exitCode !== null);
});
