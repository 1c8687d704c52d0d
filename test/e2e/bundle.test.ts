/// <reference lib="dom" />
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type App, startApp } from '../support/app.ts';
import { ORDERS } from '../support/bundle-offers.ts';
import { launchChromium } from '../support/chromium.ts';

let app: App;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  [app, browser] = await Promise.all([startApp(['demo']), launchChromium()]);
  page = await browser.newPage();
  await page.goto(`${app.url}/healthz`);
});

afterAll(async () => {
  await browser?.close();
  const end = await app?.stop();
  expect(end?.code, app?.log()).toBe(0);
});

/** What became of one offer: the frames that were painted, or why none was. */
interface Outcome {
  readonly painted: number;
  readonly why: string;
}

/**
 * Offers sections in these orders, all at a time, and waits for five painted frames of each.
 * @param bundleOnly spells sections behind the first as bundle-only; undefined leaves them as
 * Chromium wrote them.
 */
function play(orders: readonly string[], policy: RTCBundlePolicy, bundleOnly?: boolean): Promise<Outcome[]> {
  return page.evaluate(
    async ([orders, policy, bundleOnly]) => {
      /** As another maker would have written it; Chromium itself goes on with what it offered. */
      const respell = (sdp: string): string => {
        if (bundleOnly === undefined) return sdp;
        return sdp
          .split(/(?=^m=)/m)
          .map((section, index) => {
            if (index < 2) return section;
            const bare = section.replace(/a=bundle-only\r\n/, '').replace(/^m=(\w+) \d+/, 'm=$1 9');
            return bundleOnly ? `${bare.replace(/^m=(\w+) 9/, 'm=$1 0')}a=bundle-only\r\n` : bare;
          })
          .join('');
      };
      const one = async (order: string): Promise<Outcome> => {
        const peer = new RTCPeerConnection({ bundlePolicy: policy });
        const video = document.createElement('video');
        Object.assign(video, { muted: true, autoplay: true, playsInline: true });
        document.body.append(video);
        let painted = 0;
        let resource: string | null = null;
        try {
          const enough = new Promise<void>((resolve) => {
            const count = (): void => {
              painted += 1;
              if (painted === 5) resolve();
              else video.requestVideoFrameCallback(count);
            };
            video.requestVideoFrameCallback(count);
          });
          peer.ontrack = ({ track }) => {
            if (track.kind === 'video') video.srcObject = new MediaStream([track]);
          };
          for (const kind of order.split(' ')) {
            if (kind === 'application') {
              peer.createDataChannel('provenance');
              // A section takes its place with the first offer that has it.
              await peer.setLocalDescription();
            } else peer.addTransceiver(kind, { direction: 'recvonly' });
          }
          await peer.setLocalDescription();
          const sdp = peer.localDescription?.sdp ?? '';
          const offered = [...sdp.matchAll(/^m=(\w+)/gm)].map(([, kind]) => kind).join(' ');
          if (offered !== order) return { painted, why: `Chromium offered ${offered}` };
          const response = await fetch('/whep/demo?variant=source', {
            method: 'POST',
            headers: { 'Content-Type': 'application/sdp' },
            body: respell(sdp),
          });
          const answer = await response.text();
          if (response.status !== 201) return { painted, why: answer };
          resource = response.headers.get('Location');
          await peer.setRemoteDescription({ type: 'answer', sdp: answer });
          const late = new Promise<void>((resolve) => setTimeout(resolve, 8000));
          await Promise.race([enough, late]);
          return { painted, why: painted >= 5 ? '' : `ICE ${peer.iceConnectionState}, ${peer.connectionState}` };
        } catch (error) {
          return { painted, why: String(error) };
        } finally {
          if (resource !== null) await fetch(resource, { method: 'DELETE' });
          peer.close();
          video.remove();
        }
      };
      return Promise.all(orders.map(one));
    },
    [orders, policy, bundleOnly] as const,
  );
}

const POLICIES: readonly RTCBundlePolicy[] = ['balanced', 'max-compat', 'max-bundle'];
const SPELLINGS = [undefined, true, false];
const names = ORDERS.map((order) => order.join(' '));

it.each(
  POLICIES.flatMap((policy) => SPELLINGS.map((bundleOnly) => ({ policy, bundleOnly }))),
)('Chromium plays $policy with bundle-only $bundleOnly, whatever comes first', async ({ policy, bundleOnly }) => {
  const outcomes = await play(names, policy, bundleOnly);
  const failed = outcomes.flatMap(({ why }, index) => (why === '' ? [] : [`${names[index]}: ${why}`]));
  expect(failed).toEqual([]);
});
