/** Chromium plays over the WebSocket's signalling, over a TURN server, and reads a data channel. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectPeer } from '../../src/egress/peer.ts';
import { Publication, type PublicationOptions } from '../../src/egress/publication.ts';
import type { Viewer } from '../../src/egress/viewer.ts';
import { WhepEndpoint } from '../../src/egress/whep.ts';
import { Arena } from '../../src/media/arena.ts';
import { systemClock } from '../../src/time.ts';
import { IceServers } from '../../src/webrtc/ice-servers.ts';
import { launchChromium } from '../support/chromium.ts';
import { Coturn, TURN_SECRET } from '../support/coturn.ts';
import { startServer } from '../support/server.ts';
import { MovingPicture } from '../support/whep-site.ts';
import { until } from '../support/whip-rig.ts';

/** Functions for a page of the server's own origin. */
const PLAYER = `
window.frames_ = 0;
window.show = (peer) => {
  const video = document.body.appendChild(document.createElement('video'));
  Object.assign(video, { muted: true, autoplay: true });
  peer.ontrack = ({ track }) => {
    video.srcObject = new MediaStream([track]);
    const seen = () => { window.frames_ += 1; video.requestVideoFrameCallback(seen); };
    video.requestVideoFrameCallback(seen);
  };
};
window.gathered = (peer) => new Promise((resolve) => {
  if (peer.iceGatheringState === 'complete') return resolve();
  peer.onicegatheringstatechange = () => peer.iceGatheringState === 'complete' && resolve();
});
window.playBySocket = async () => {
  const socket = window.socket = new WebSocket('/ws', ['framelift']);
  await new Promise((resolve) => { socket.onopen = resolve; });
  const ask = (message) => socket.send(JSON.stringify(message));
  const peer = window.peer = new RTCPeerConnection();
  window.show(peer);
  peer.addTransceiver('video', { direction: 'recvonly' });
  const log = window.messages = [];
  const early = [];
  let session;
  const tell = ({ candidate, sdpMid }) => ask({ type: 'candidate', session, candidate, sdpMid });
  peer.onicecandidate = ({ candidate }) => candidate && (session ? tell(candidate) : early.push(candidate));
  socket.onmessage = async ({ data }) => {
    const message = JSON.parse(data);
    if (message.type !== 'state') log.push(message);
    if (message.type === 'answer') {
      session = message.session;
      early.forEach(tell);
      await peer.setRemoteDescription({ type: 'answer', sdp: message.sdp });
    } else if (message.type === 'candidate') await peer.addIceCandidate(message);
  };
  await peer.setLocalDescription();
  ask({ type: 'offer', id: '1', stream: 'cam', sdp: peer.localDescription.sdp });
};
window.playByPost = async (peer) => {
  window.peer = peer;
  window.show(peer);
  peer.addTransceiver('video', { direction: 'recvonly' });
  await peer.setLocalDescription();
  await window.gathered(peer);
  const offer = { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: peer.localDescription.sdp };
  const response = await fetch('/whep/cam', offer);
  await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
};
window.playAsPage = async (iceTransportPolicy) => {
  const { Session } = await import('/connection/session.js');
  const prepare = (peer) => {
    window.peer = peer;
    window.servers = peer.getConfiguration().iceServers;
    peer.setConfiguration({ iceServers: window.servers, iceTransportPolicy });
    window.show(peer);
    peer.addTransceiver('video', { direction: 'recvonly' });
  };
  new Session({ url: '/whep/cam', headers: () => ({}), prepare, onState: () => {} }).start();
};`;

const arena = new Arena(64);
let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(async () => {
  await browser.close();
});

/** A server whose stream `cam` moves, and a page of its origin. */
class Rig implements AsyncDisposable {
  readonly publication: Publication;
  readonly viewers: Viewer[] = [];
  readonly page: Page;
  readonly #picture: MovingPicture;

  private constructor(publication: Publication, page: Page, viewers: Viewer[]) {
    this.publication = publication;
    this.page = page;
    this.viewers = viewers;
    this.#picture = new MovingPicture(publication, arena, systemClock, 30, 320, 180);
  }

  static async start(iceServers?: IceServers): Promise<Rig> {
    const viewers: Viewer[] = [];
    const connect: PublicationOptions['connect'] = async (...args) => {
      const viewer = await connectPeer(...args);
      viewers.push(viewer);
      return viewer;
    };
    const common = { stream: 'cam', variant: 'upconverted', clock: systemClock, fps: 30 } as const;
    const peer = iceServers ? { iceServers } : {};
    const publication = new Publication({ ...common, events: { emit: () => {} }, peer, connect });
    const find = (name: string) => (name === 'cam' ? publication : undefined);
    const whep = new WhepEndpoint({ find, ...(iceServers ? { iceServers } : {}) });
    const server = await startServer(undefined, { whep });
    const page = await browser.newPage();
    await page.goto(`${server.url}/healthz`);
    await page.evaluate(PLAYER);
    return new Rig(publication, page, viewers);
  }

  /** Resolves when so many frames were presented. */
  async untilFrames(count: number): Promise<void> {
    await this.page.waitForFunction(`window.frames_ >= ${count}`, undefined, { timeout: 10_000 });
  }

  /** Type of the candidate of each side that media goes over. */
  path(): Promise<{ local: string; remote: string }> {
    return this.page.evaluate(`(async () => {
      const stats = await window.peer.getStats();
      const pair = [...stats.values()].find(({ type, nominated, state }) => type === 'candidate-pair' && nominated && state === 'succeeded');
      const typeOf = (id) => stats.get(id).candidateType;
      return { local: typeOf(pair.localCandidateId), remote: typeOf(pair.remoteCandidateId) };
    })()`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#picture.stop();
    await this.page.close();
    await this.publication[Symbol.asyncDispose]();
    if (arena.liveFrames !== 0) throw new Error(`${arena.liveFrames} frames were never released`);
  }
}

it('plays over the socket: an answer without candidates, which both sides trickle; it ends with the socket', async () => {
  await using rig = await Rig.start();
  await rig.page.evaluate('window.playBySocket()');
  await rig.untilFrames(12);
  const messages: { type: string; session?: string; sdp?: string; candidate?: string }[] =
    await rig.page.evaluate('window.messages');
  const [answer, ...others] = messages;
  expect(answer).toMatchObject({ type: 'answer', id: '1', session: expect.any(String) });
  expect(answer?.sdp).not.toContain('a=candidate');
  const kinds = new Set(others.map(({ type }) => type));
  expect(kinds).toEqual(new Set(['candidate', 'end-of-candidates']));
  expect(others.at(-1)).toEqual({ type: 'end-of-candidates', session: answer?.session });
  expect(rig.publication.viewers).toBe(1);
  await rig.page.evaluate('window.socket.close()');
  await until('the session to end', () => rig.publication.viewers === 0);
});

it('a player that may only use a relay is told of the TURN server, and gets pictures through coturn', async () => {
  await using coturn = await Coturn.start();
  const iceServers = new IceServers([{ urls: [coturn.url], secret: TURN_SECRET, clientOnly: true }], systemClock);
  await using rig = await Rig.start(iceServers);
  await rig.page.evaluate("window.playAsPage('relay')");
  await rig.untilFrames(12);
  expect(await rig.path()).toMatchObject({ local: 'relay', remote: 'host' });
  expect(coturn.allocations).toBeGreaterThan(0);
});

it('a server that can only be reached through a relay has one: relay to relay', async () => {
  await using coturn = await Coturn.start({ relaysOnly: true });
  await using rig = await Rig.start(new IceServers([{ urls: [coturn.url], secret: TURN_SECRET }], systemClock));
  await rig.page.evaluate("window.playAsPage('relay')");
  await rig.untilFrames(12);
  expect(await rig.path()).toEqual({ local: 'relay', remote: 'relay' });
  expect(coturn.allocations).toBeGreaterThan(1);
});

it('a data channel that the player opens carries messages; without one nothing is sent', async () => {
  await using rig = await Rig.start();
  await rig.page.evaluate(`(() => {
    const peer = new RTCPeerConnection();
    window.heard = [];
    peer.createDataChannel('notes').onmessage = ({ data }) => window.heard.push(data);
    return window.playByPost(peer);
  })()`);
  await rig.untilFrames(10);
  const notes = rig.viewers[0]?.openChannel('notes');
  await until('the channel', () => notes?.send('first') === true);
  expect(notes?.send('x'.repeat(300_000))).toBe(false);
  expect(rig.viewers[0]?.openChannel('others')?.send('nobody listens')).toBe(false);
  expect(notes?.send('last')).toBe(true);
  await rig.page.waitForFunction("window.heard.join() === 'first,last'", undefined, { timeout: 5000 });
  let taken = 0;
  while (notes?.send('y'.repeat(60_000))) taken += 1;
  expect(taken).toBeGreaterThan(0);
  expect(taken).toBeLessThan(20);
  await rig.untilFrames(12);
  await rig.viewers[0]?.close('test');
  expect(notes?.send('after the end')).toBe(false);
});

it('the page is told of ICE servers whose credentials are odd; it asks for no data channel and has none', async () => {
  const odd = { urls: ['turn:127.0.0.1:9'], username: 'a"b;c,d', credential: 'e\\f>g' };
  await using rig = await Rig.start(new IceServers([{ ...odd, clientOnly: true }], systemClock));
  await rig.page.evaluate("window.playAsPage('all')");
  await rig.untilFrames(5);
  expect(await rig.page.evaluate('window.servers')).toMatchObject([odd]);
  expect(rig.viewers[0]?.openChannel('notes')).toBeUndefined();
});
