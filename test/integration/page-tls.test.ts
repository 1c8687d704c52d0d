/// <reference lib="dom" />
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Access } from '../../src/server/auth.ts';
import { Certificate, readCertificate } from '../../src/server/certificate.ts';
import { writeCertificate } from '../support/certificate.ts';
import { launchChromium } from '../support/chromium.ts';
import { startServer } from '../support/server.ts';

it('the page lives on https and wss as it does without', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'framelift-page-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const certificate = new Certificate(readCertificate(writeCertificate(folder, 'page')));
  const server = await startServer(undefined, { certificate, access: new Access() });
  const browser = await launchChromium();
  onTestFinished(() => browser.close());
  const page = await browser.newPage({ ignoreHTTPSErrors: true });
  const complaints: string[] = [];
  page.on('console', (message) => {
    // The picture that this server does not have is asked for all the same.
    if (message.type() === 'error' && !message.text().includes('409')) complaints.push(message.text());
  });
  await page.goto(server.url);
  await page.waitForFunction(() => document.getElementById('state-name')?.textContent === 'Full rate', undefined, {
    timeout: 5000,
  });
  expect(await page.evaluate('window.framelift.stats().transport')).toBe('websocket');
  expect(await page.evaluate('window.isSecureContext')).toBe(true);
  expect(complaints).toEqual([]);
});
