/** A headless Chromium for tests: one place for its flags. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Where Chromium is: `CHROMIUM_PATH`, else the usual places of Linux distributions. */
function chromiumPath(): string {
  const places = [
    process.env.CHROMIUM_PATH,
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
  ];
  const found = places.find((place) => place !== undefined && existsSync(place));
  if (found === undefined) throw new Error('no Chromium found: install it or set CHROMIUM_PATH');
  return found;
}

/**
 * Starts a headless Chromium that plays video without a click and talks to nobody else. Close it with `close()` or `await using`.
 * @param camera pages get a moving test picture as their camera, at 30 fps, without being asked.
 * @param names host names that lead to this machine.
 */
export function launchChromium({ camera = false, names = [] as readonly string[] } = {}): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath(),
    headless: true,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--autoplay-policy=no-user-gesture-required',
      ...(names.length > 0 ? [`--host-resolver-rules=${names.map((name) => `MAP ${name} 127.0.0.1`).join(',')}`] : []),
      ...(camera ? ['--use-fake-device-for-media-stream=fps=30', '--use-fake-ui-for-media-stream'] : []),
    ],
  });
}
