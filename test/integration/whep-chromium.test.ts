import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Publication } from '../../src/egress/publication.ts';
import { Arena } from '../../src/media/arena.ts';
import type { MetricEvent } from '../../src/metrics/events.ts';
import { systemClock } from '../../src/time.ts';
import { launchChromium } from '../support/chromium.ts';
import { WhepClient } from '../support/whep-client.ts';
import { MovingPicture, medianFps, WhepSite } from '../support/whep-site.ts';

const arena = new Arena(64);
let browser: Browser;
let publication: Publication;
let site: WhepSite;
let picture: MovingPicture;
let events: MetricEvent[];

const until = async (what: string, condition: () => boolean, ms = 5000): Promise<void> => {
  for (const end = Date.now() + ms; !condition(); ) {
    if (Date.now() > end) throw new Error(`waited ${ms} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const count = (type: MetricEvent['type']): number => events.filter((event) => event.type === type).length;

interface Seen {
  readonly first: number | null;
  readonly times: number[];
  readonly width: number;
}

const seen = (page: Page): Promise<Seen> =>
  page.evaluate(
    '({ first: window.firstFrameMs ?? null, times: window.frames_.map((f) => f.now), width: window.frames_.at(-1)?.width ?? 0 })',
  );
const firstFrame = (page: Page) => page.waitForFunction('window.firstFrameMs', undefined, { timeout: 5000 });

interface Inbound {
  readonly framesDecoded: number;
  readonly keyFramesDecoded: number;
  readonly packetsLost: number;
}

const inbound = (page: Page): Promise<Inbound> =>
  page.evaluate(
    `(async () => [...(await window.pc.getStats()).values()].find((s) => s.type === 'inbound-rtp' && s.kind === 'video'))()`,
  );

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(async () => {
  await browser.close();
});

beforeEach(async () => {
  events = [];
  publication = new Publication({
    stream: 'cam',
    variant: 'upconverted',
    clock: systemClock,
    events: { emit: (event) => events.push(event) },
    fps: 60,
    maxViewers: 4,
  });
  site = new WhepSite({ upconverted: publication });
  await site.listen();
  picture = new MovingPicture(publication, arena, systemClock);
});

afterEach(async () => {
  picture.stop();
  await site[Symbol.asyncDispose]();
  await publication[Symbol.asyncDispose]();
  expect(arena.liveFrames).toBe(0);
});

describe('WHEP in Chromium', () => {
  it('plays 60 fps, the first frame within 2 s, nothing lost', async () => {
    const page = await site.play(browser);
    await firstFrame(page);
    const [before, sentBefore] = [await inbound(page), picture.count];
    await pause(8000);
    const [after, sentAfter] = [await inbound(page), picture.count];
    const { first, times, width } = await seen(page);
    const decoded = (after.framesDecoded - before.framesDecoded) / (sentAfter - sentBefore);
    const latencies = events
      .flatMap((event) => (event.type === 'latency' ? [event.span / 1000] : []))
      .sort((a, b) => a - b);
    console.log(
      `presented ${medianFps(times)} fps (median), decoded ${(decoded * 100).toFixed(1)} % of what was sent, first frame ${first?.toFixed(0)} ms, ` +
        `push to first packet p50 ${latencies[latencies.length >> 1]?.toFixed(1)} ms`,
    );
    expect(first).toBeLessThan(2000);
    expect(width).toBe(640);
    expect(after.packetsLost).toBe(0);
    expect(decoded).toBeGreaterThan(0.95);
    // 57 and more on an idle machine; this must also hold on a busy one.
    expect(medianFps(times)).toBeGreaterThan(35);
  });

  it('gives a second viewer a keyframe at once and does not disturb the first', async () => {
    const one = await site.play(browser);
    await firstFrame(one);
    await pause(500);
    const before = count('keyframe');
    const two = await site.play(browser);
    await firstFrame(two);
    expect((await seen(two)).first).toBeLessThan(2000);
    expect(count('keyframe')).toBeGreaterThan(before);
    expect((await inbound(one)).packetsLost).toBe(0);
    expect(publication.viewers).toBe(2);
  });

  it('shows the last frame to a viewer that joins after the source has died', async () => {
    await pause(100);
    picture.stop();
    await pause(300);
    const page = await site.play(browser);
    await firstFrame(page);
    expect((await seen(page)).first).toBeLessThan(2000);
    expect((await seen(page)).width).toBe(640);
  });

  it('ends the session on DELETE and when the page closes its connection', async () => {
    const page = await site.play(browser);
    await firstFrame(page);
    const status = await page.evaluate(`fetch(window.resource, { method: 'DELETE' }).then((r) => r.status)`);
    expect(status).toBe(200);
    expect(publication.viewers).toBe(0);
    const again = await page.evaluate(`fetch(window.resource, { method: 'DELETE' }).then((r) => r.status)`);
    expect(again).toBe(404);
    const other = await site.play(browser);
    await firstFrame(other);
    await other.evaluate('window.pc.close()');
    await until('the session to end', () => publication.viewers === 0, 12_000);
    expect(site.endpoint.sessions).toBe(0);
  });
});

describe('WHEP by RTCP', () => {
  it('answers PLI with a keyframe, one per 300 ms at most', async () => {
    await using client = await WhepClient.play(`${site.url}/whep/cam`);
    await until('media', () => client.packets.length > 30);
    const ssrc = client.packets[0]!.header.ssrc;
    await pause(400);
    const before = count('keyframe');
    await client.sendPli(ssrc);
    await until('a keyframe', () => count('keyframe') === before + 1, 500);
    const started = Date.now();
    while (Date.now() - started < 1500) {
      await client.sendPli(ssrc);
      await pause(20);
    }
    const made = count('keyframe') - before - 1;
    expect(made).toBeGreaterThanOrEqual(3);
    expect(made).toBeLessThanOrEqual(7);
  });

  it('numbers packets without gaps, marks the last of each picture, moves RTP time evenly', async () => {
    await using client = await WhepClient.play(`${site.url}/whep/cam`);
    await until('media', () => client.packets.length > 200);
    const headers = client.packets.slice(0, 200).map((packet) => packet.header);
    for (let i = 1; i < headers.length; i += 1) {
      expect(headers[i]!.sequenceNumber).toBe((headers[i - 1]!.sequenceNumber + 1) & 0xffff);
      expect(headers[i]!.timestamp !== headers[i - 1]!.timestamp).toBe(headers[i - 1]!.marker);
    }
    const times = [...new Set(headers.map((header) => header.timestamp))];
    const steps = times.slice(1).map((time, i) => (time - times[i]!) >>> 0);
    steps.sort((a, b) => a - b);
    expect(steps[steps.length >> 1]).toBe(1500);
    expect(headers[0]!.extensions.length).toBeGreaterThanOrEqual(4);
  });

  it('sends again on NACK, by RTX with the original number, also packets that are 300 old', async () => {
    await using client = await WhepClient.play(`${site.url}/whep/cam`);
    await until('media', () => client.packets.length > 400, 10_000);
    const original = client.packets[client.packets.length - 300]!;
    const { ssrc, sequenceNumber, payloadType } = original.header;
    await client.sendNack(ssrc, [sequenceNumber]);
    const resent = () =>
      client.packets.find(
        ({ header, payload }) => header.payloadType !== payloadType && payload.readUInt16BE(0) === sequenceNumber,
      );
    await until('the packet', () => resent() !== undefined);
    expect(resent()?.payload.subarray(2)).toEqual(original.payload);
    expect(resent()?.header.ssrc).not.toBe(ssrc);
    expect(count('retransmit')).toBeGreaterThan(0);
  });

  it('a viewer that vanishes is noticed and hurts nobody else', async () => {
    const page = await site.play(browser);
    await firstFrame(page);
    const client = await WhepClient.play(`${site.url}/whep/cam`);
    await until('media', () => client.packets.length > 30);
    expect(publication.viewers).toBe(2);
    const before = await inbound(page);
    await client.vanish();
    await until('the silent viewer to be given up', () => publication.viewers === 1, 15_000);
    const after = await inbound(page);
    expect(after.packetsLost - before.packetsLost).toBe(0);
    expect(after.framesDecoded - before.framesDecoded).toBeGreaterThan(200);
    await client[Symbol.asyncDispose]();
  });

  it('survives mangled offers: each is answered or refused, none is left behind', async () => {
    const page = await browser.newPage();
    const offer = await page.evaluate(`(async () => {
      const pc = new RTCPeerConnection();
      pc.addTransceiver('video', { direction: 'recvonly' });
      return (await pc.createOffer()).sdp;
    })()`);
    await page.close();
    const lines = String(offer).split('\r\n');
    const statuses = new Set<number>();
    let state = 7;
    const next = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let round = 0; round < 150; round += 1) {
      const mangled = [...lines];
      for (let edits = 1 + next(3); edits > 0; edits -= 1) {
        const at = next(mangled.length);
        const line = mangled[at] ?? '';
        if (next(2)) mangled.splice(at, 1);
        else
          mangled[at] =
            line.slice(0, next(line.length + 1)) +
            String.fromCharCode(33 + next(90)) +
            line.slice(next(line.length + 1));
      }
      const response = await fetch(`${site.url}/whep/cam`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/sdp' },
        body: mangled.join('\r\n'),
      });
      await response.text();
      statuses.add(response.status);
      const resource = response.headers.get('Location');
      if (resource) await fetch(site.url + resource, { method: 'DELETE' });
    }
    expect([...statuses].sort()).toEqual([201, 400, 422]);
    expect(publication.viewers).toBe(0);
    expect(site.endpoint.sessions).toBe(0);
  });

  it('refuses a viewer too many with 503', async () => {
    const clients = await Promise.all([1, 2, 3, 4].map(() => WhepClient.play(`${site.url}/whep/cam`)));
    await expect(WhepClient.play(`${site.url}/whep/cam`)).rejects.toThrow('503');
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  });
});
