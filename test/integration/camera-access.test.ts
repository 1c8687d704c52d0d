/** What framelift says of a camera that lets nobody in, or has no such stream. */
import { afterEach, expect, it } from 'vitest';
import { type App, startApp } from '../support/app.ts';
import { type Camera, startCamera } from '../support/camera.ts';

const LOGIN = { user: 'nurse', password: 's3cret!' };

let app: App | undefined;
let camera: Camera | undefined;

afterEach(async () => {
  const end = await app?.stop();
  await camera?.stop();
  expect(end?.code, app?.log()).toBe(0);
});

async function read(change: (url: string) => string, login?: typeof LOGIN): Promise<App> {
  camera = await startCamera({ size: '320x180', fps: 30, ...login });
  app = await startApp([change(camera.url), '--model', 'repeat']);
  return app;
}

it('plays one behind basic authentication with the right password, without telling it', async () => {
  const app = await read((url) => url.replace('rtsp://', 'rtsp://nurse:s3cret!@'), LOGIN);
  await expect.poll(async () => (await app.stream('live')).phase, { timeout: 10_000 }).toBe('live');
  expect(app.log()).not.toContain('s3cret');
});

it('says that the password is wrong, without telling it', async () => {
  const app = await read((url) => url.replace('rtsp://', 'rtsp://nurse:wr0ng@'), LOGIN);
  await expect
    .poll(async () => (await app.stream('live')).error, { timeout: 10_000 })
    .toMatch(/password|401|unauthor/i);
  expect(app.log()).toContain('source.unauthorized');
  expect(app.log()).not.toContain('wr0ng');
});

it('says that there is no such stream at a wrong path', async () => {
  const app = await read((url) => url.replace(/\/cam$/, '/nowhere'));
  await expect.poll(() => app.log(), { timeout: 10_000 }).toContain('source.not-found');
});
