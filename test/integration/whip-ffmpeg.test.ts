import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { ffmpeg, temporaryFolder, testVideo } from '../support/media.ts';
import { TOKENS } from '../support/tokens.ts';
import { until, WhipRig } from '../support/whip-rig.ts';

const PUBLISHER = fileURLToPath(new URL('../support/ffmpeg-whip.ts', import.meta.url));

it.each([
  ['', 150],
  ['dtls_active', 60],
])("takes FFmpeg 8's own WHIP muxer, which is of no kin with our library: %s", async (flags, frames) => {
  const folder = await temporaryFolder();
  try {
    const file = join(folder.path, 'in.mp4');
    await ffmpeg(
      ...testVideo('640x360', '30', frames, '-profile:v', 'baseline', '-pix_fmt', 'yuv420p', '-g', '30'),
      file,
    );
    await using rig = await WhipRig.start();
    const publisher = spawn(process.execPath, [PUBLISHER, file, rig.url, TOKENS.publish, flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    publisher.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const [code]: unknown[] = await once(publisher, 'close');
    expect(code, said).toBe(0);
    await until('its DELETE', () => rig.endpoint.sessions === 0);
    console.log(`FFmpeg's muxer: ${rig.frames.length} of ${frames} frames, ${rig.lost} packets lost`);
    expect(rig.frames.length).toBeGreaterThanOrEqual(0.95 * frames);
    expect(rig.supervisor.status.info).toMatchObject({ codec: 'h264', width: 640, height: 360 });
    expect(rig.supervisor.status.lastError?.message).toBe('the publisher left: closed by the publisher');
  } finally {
    await folder.remove();
  }
});
