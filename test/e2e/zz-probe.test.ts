import { it } from 'vitest';
import { startApp } from '../support/app.ts';
import { startCamera } from '../support/camera.ts';
import { launchChromium } from '../support/chromium.ts';
import { listenToPage, skewsOf, takeHeard } from '../support/flash-and-beep.ts';
it('probe', async () => {
  const codec = (process.env.SND ?? 'opus') as 'opus';
  const fps = Number(process.env.FPS ?? 30);
  const camera = await startCamera({ size: '640x360', fps, sound: codec, beepEvery: fps < 10 ? 0.8 : 0.7 , kbps: 2000});
  const app = await startApp([camera.url, '--fps', String(process.env.OUT ?? 60), '--log', process.env.LOGL ?? 'info']);
  const browser = await launchChromium();
  try {
    await new Promise((r) => setTimeout(r, 1500));
    const page = await listenToPage(browser, app.url, (process.env.VARIANT ?? 'upconverted') as 'source');
    page.on('console', (m) => console.log(m.text()));
    for (let i = 0; i < Number(process.env.N ?? 8); i++) {
      await page.waitForTimeout(3000);
      const heard = await takeHeard(page);
      console.log(heard.codec, heard.flashes.length, heard.beeps.length, heard.concealed, heard.samples, skewsOf(heard).map((s) => s.toFixed(0)).join(' '));
      const m = await (await fetch(app.url + '/metrics')).text();
      console.log(m.split('\n').filter((l) => /^framelift_sound_(skew|dr)/.test(l)).join('\n'));
    }
    await page.close();
  } finally {
    if (process.env.LOGL || process.env.SHOW) console.log(app.log().slice(-4000));
    await browser.close(); await app.stop(); await camera.stop();
  }
}, 120000);
