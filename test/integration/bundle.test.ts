/// <reference lib="dom" />
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type App, startApp } from '../support/app.ts';
import { ORDERS } from '../support/bundle-offers.ts';
import { launchChromium } from '../support/chromium.ts';
import { sweep } from '../support/foreign-peer.ts';
import { TOKENS } from '../support/tokens.ts';

let app: App;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  [app, browser] = await Promise.all([startApp(['demo', 'cam=whip']), launchChromium({ camera: true })]);
  page = await browser.newPage();
  await page.goto(`${app.url}/healthz`);
});

afterAll(async () => {
  await browser?.close();
  const end = await app?.stop();
  expect(end?.code, app?.log()).toBe(0);
});

/** The sum of all series of `metric` that have these labels. */
async function total(metric: string, labels: string): Promise<number> {
  const text = await (await fetch(`${app.url}/metrics`)).text();
  const series = text.split('\n').filter((line) => line.startsWith(`${metric}{`) && line.includes(labels));
  return series.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

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

it.each(POLICIES.flatMap((policy) => SPELLINGS.map((bundleOnly) => ({ policy, bundleOnly }))))(
  'Chromium paints every order of sections, $policy, bundle-only $bundleOnly',
  async ({ policy, bundleOnly }) => {
    const outcomes = await play(names, policy, bundleOnly);
    const failed = outcomes.flatMap(({ why }, index) => (why === '' ? [] : [`${names[index]}: ${why}`]));
    expect(failed).toEqual([]);
  },
);

it.each(['gstreamer', 'aiortc'] as const)(
  '%s plays every order of sections and policy that it offers',
  async (stack) => {
    const outcomes = await sweep(stack, `${app.url}/whep/demo?variant=source`);
    expect(outcomes.length).toBeGreaterThanOrEqual(5);
    expect(outcomes.filter(({ frames, why }) => frames < 5 || why !== '')).toEqual([]);
  },
);

/** Publishes the page's camera with its sections in this order; resolves with the answer's status. */
function publish(order: string, policy: RTCBundlePolicy): Promise<number> {
  return page.evaluate(
    async ([order, policy, token]) => {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 180 }, audio: true });
      const peer = new RTCPeerConnection({ bundlePolicy: policy });
      for (const kind of order.split(' ')) {
        const track = stream.getTracks().find((candidate) => candidate.kind === kind);
        if (track) peer.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
        else peer.createDataChannel('chat');
        await peer.setLocalDescription();
      }
      const response = await fetch('/whip/cam', {
        method: 'POST',
        headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${token}` },
        body: peer.localDescription?.sdp ?? '',
      });
      await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
      Object.assign(window, { publisher: peer });
      return response.status;
    },
    [order, policy, TOKENS.publish] as const,
  );
}

it.each([
  ['audio video', 'max-bundle'],
  ['application audio video', 'max-bundle'],
  ['video audio', 'max-bundle'],
  ['audio video', 'balanced'],
  ['audio video', 'max-compat'],
] as const)('Chromium publishes %s, %s', async (order, policy) => {
  const decoded = (): Promise<number> => total('framelift_stage_duration_seconds_count', 'stream="cam",stage="decode"');
  const before = await decoded();
  expect(await publish(order, policy)).toBe(201);
  await expect.poll(decoded, { timeout: 10_000 }).toBeGreaterThan(before + 5);
  // Its session ends with its connection; the next one takes over in any case.
  await page.evaluate(() => Reflect.get(window, 'publisher').close());
});

it('Chromium paints H.264 of packetization mode 0 alone', async () => {
  const outcome = await page.evaluate(async () => {
    const peer = new RTCPeerConnection();
    const transceiver = peer.addTransceiver('video', { direction: 'recvonly' });
    const all = RTCRtpReceiver.getCapabilities('video')?.codecs ?? [];
    transceiver.setCodecPreferences(all.filter(({ sdpFmtpLine = '' }) => sdpFmtpLine.includes('packetization-mode=0')));
    await peer.setLocalDescription();
    const response = await fetch('/whep/demo', {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp' },
      body: peer.localDescription?.sdp ?? '',
    });
    await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
    const video = document.createElement('video');
    Object.assign(video, { muted: true, autoplay: true, srcObject: new MediaStream([transceiver.receiver.track]) });
    for (let painted = 0; painted < 30; painted += 1) {
      await new Promise<unknown>((resolve) => video.requestVideoFrameCallback(resolve));
    }
    const stats = [...(await peer.getStats()).values()].find(({ type }) => type === 'inbound-rtp');
    const codec = [...(await peer.getStats()).values()].find(({ id }) => id === stats.codecId);
    peer.close();
    return { fmtp: codec.sdpFmtpLine, packets: stats.packetsReceived, frames: stats.framesDecoded };
  });
  expect(outcome.fmtp).toContain('packetization-mode=0');
  expect(outcome.frames).toBeGreaterThanOrEqual(30);
  expect(outcome.packets).toBeGreaterThan(outcome.frames);
});
