/**
 * The checklist of RFC 9725 (WHIP) and draft-ietf-wish-whep-03 (WHEP), each line against the server
 * as it listens, with offers of a real browser.
 */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Publication } from '../../src/egress/publication.ts';
import { WhepEndpoint } from '../../src/egress/whep.ts';
import { WhipEndpoint } from '../../src/ingest/whip/endpoint.ts';
import { WhipSource } from '../../src/ingest/whip/source.ts';
import { SILENT_LOG } from '../../src/log.ts';
import { Arena } from '../../src/media/arena.ts';
import { Frame, SOURCE } from '../../src/media/frame.ts';
import { MetricsRegistry } from '../../src/metrics/registry.ts';
import { Access } from '../../src/server/auth.ts';
import { FrameliftServer } from '../../src/server/server.ts';
import { type Clock, ManualClock, systemClock } from '../../src/time.ts';
import { IceServers } from '../../src/webrtc/ice-servers.ts';
import { MAX_OFFER_BYTES } from '../../src/webrtc/resource.ts';
import { NO_CONTROL } from '../support/server.ts';

const sdpOf = (path: string): string => readFileSync(new URL(`../fixtures/offers/${path}`, import.meta.url), 'utf8');

/** What Chromium offers, to publish and to play. */
const OFFERS = { WHIP: sdpOf('chromium-whip.sdp'), WHEP: sdpOf('chromium-whep.sdp') };
type Kind = keyof typeof OFFERS;

const FRAGMENT = 'application/trickle-ice-sdpfrag';
const TOKENS = { WHIP: 'publisher-token', WHEP: 'player-token' };
/** Told to clients only: this side asks nobody. */
const TURN = {
  urls: ['turn:turn.example:3478?transport=udp'],
  username: 'some"one',
  credential: 'turn-password',
  clientOnly: true,
};

interface RigOptions {
  /** Default true: there is a frame to play, or a stream that takes publishers. */
  readonly live?: boolean;
  readonly clock?: Clock;
}

/** A server with the stream `cam`, which has a frame and takes publishers. */
class Rig implements AsyncDisposable {
  readonly #kind: Kind;
  readonly #parts: AsyncDisposableStack;
  readonly #server: FrameliftServer;

  private constructor(kind: Kind, parts: AsyncDisposableStack, server: FrameliftServer) {
    this.#kind = kind;
    this.#parts = parts;
    this.#server = server;
  }

  static async start(kind: Kind, { live = true, clock = systemClock }: RigOptions = {}): Promise<Rig> {
    const parts = new AsyncDisposableStack();
    const arena = new Arena(16);
    const metrics = new MetricsRegistry({ clock, version: '0', streams: ['cam'] });
    const log = SILENT_LOG;
    const common = { stream: 'cam', clock, events: metrics };
    const source = new WhipSource({ ...common, arena, transport: {}, log });
    if (!live) await source.run({ frame: (frame) => frame.release(), info: () => {} }, AbortSignal.abort());
    const publication = parts.use(new Publication({ ...common, variant: 'upconverted', fps: 60 }));
    if (live) publication.push(grey(arena));
    const iceServers = new IceServers([{ urls: ['stun:stun.example'], clientOnly: true }, TURN], clock);
    const whep = parts.use(
      new WhepEndpoint({
        find: (name) => (name === 'cam' ? publication : undefined),
        allowedOrigins: ['https://studio.example'],
        iceServers,
      }),
    );
    const whip = parts.use(
      new WhipEndpoint({
        find: (name) => (name === 'cam' ? source : undefined),
        allowedOrigins: ['https://studio.example'],
        iceServers,
      }),
    );
    const streams = { list: () => [], engineWarm: () => true, engineFaults: () => [] };
    const access = new Access({ publish: [TOKENS.WHIP], play: [TOKENS.WHEP], admin: [] });
    const endpoints = { streams, whep, whip, control: NO_CONTROL };
    const server = await FrameliftServer.start({ port: 0 }, { ...endpoints, metrics, access, log, clock });
    parts.defer(() => server.close());
    return new Rig(kind, parts, server);
  }

  /** Where offers go. */
  get url(): string {
    return `${this.#server.url}/${this.#kind.toLowerCase()}/cam`;
  }

  ask(method: string, url: string, headers: Record<string, string> = {}, body?: string): Promise<Response> {
    const authorization = { Authorization: `Bearer ${TOKENS[this.#kind]}` };
    return fetch(url, { method, headers: { ...authorization, ...headers }, ...(body === undefined ? {} : { body }) });
  }

  offer(sdp = OFFERS[this.#kind], headers: Record<string, string> = {}): Promise<Response> {
    return this.ask('POST', this.url, { 'Content-Type': 'application/sdp', ...headers }, sdp);
  }

  /** Of a new session: its URL and entity tag. */
  async session(): Promise<{ session: string; tag: string }> {
    const { headers } = await this.offer();
    return { session: new URL(headers.get('Location') ?? '', this.url).href, tag: headers.get('ETag') ?? '' };
  }

  patch(session: string, headers: Record<string, string>, fragment = this.fragment()): Promise<Response> {
    return this.ask('PATCH', session, { 'Content-Type': FRAGMENT, ...headers }, fragment);
  }

  /**
   * A fragment with a candidate.
   * @param ufrag other ICE credentials than the offer's ask for a restart.
   */
  fragment(ufrag = /a=ice-ufrag:(\S+)/.exec(OFFERS[this.#kind])?.[1] ?? ''): string {
    const lines = [`a=ice-ufrag:${ufrag}`, 'a=ice-pwd:abcdefghijklmnopqrstuv', 'm=video 9 RTP/AVP 0', 'a=mid:0'];
    return `${[...lines, 'a=candidate:1 1 udp 1 10.0.0.1 5000 typ host', 'a=end-of-candidates'].join('\r\n')}\r\n`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#parts.disposeAsync();
  }
}

function grey(arena: Arena): Frame {
  const now = systemClock.now();
  const times = { pts: now, arrival: now, capture: systemClock.wall() };
  const frame = Frame.allocate(arena, 64, 64, { ...times, discontinuity: false, provenance: SOURCE });
  frame.bytes.fill(128, frame.layout.y);
  return frame;
}

/** The chosen video section of an answer. */
function videoOf(answer: string): string {
  return answer.split(/(?=^m=)/m).find((section) => section.startsWith('m=video 9')) ?? '';
}

/** An offer without the sections of `kind`, or with one more. */
function withSections(offer: string, kind: string, change: 'none' | 'twice'): string {
  const [session = '', ...sections] = offer.split(/(?=^m=)/m);
  const twice = (section: string): string => section + section.replace(/a=mid:\S+/, 'a=mid:again');
  const changed = sections.map((section) => {
    if (!section.startsWith(`m=${kind}`)) return section;
    return change === 'none' ? '' : twice(section);
  });
  return session + changed.join('');
}

describe.each(['WHIP', 'WHEP'] as const)('%s', (kind) => {
  it('POST application/sdp → 201 with Content-Type, Location and a strong quoted ETag', async () => {
    await using rig = await Rig.start(kind);
    const response = await rig.offer();
    expect(response.status).toBe(201);
    expect(response.headers.get('Content-Type')).toBe('application/sdp');
    expect(response.headers.get('Location')).toMatch(new RegExp(`^/${kind.toLowerCase()}/cam/[\\w-]+$`));
    expect(response.headers.get('ETag')).toMatch(/^"[\w-]+"$/);
    expect(response.headers.get('Accept-Patch')).toBe(FRAGMENT);
    expect(await response.text()).toMatch(/^v=0\r\n/);
  });

  it('POST: parameters of the media type are tolerated', async () => {
    await using rig = await Rig.start(kind);
    for (const type of ['application/sdp; charset=utf-8', 'Application/SDP']) {
      expect((await rig.offer(undefined, { 'Content-Type': type })).status, type).toBe(201);
    }
  });

  it('POST: wrong type 415, malformed SDP 400, body over 128 KiB 413, unknown stream 404', async () => {
    await using rig = await Rig.start(kind);
    const wrong = await rig.offer(undefined, { 'Content-Type': 'application/json' });
    expect(wrong.status).toBe(415);
    expect(wrong.headers.get('Accept-Post')).toBe('application/sdp');
    for (const sdp of ['hello', '', 'v=0\r\n', OFFERS[kind].replaceAll(/a=ice-pwd:.*/g, 'a=ice-pwd:short')]) {
      expect((await rig.offer(sdp)).status, sdp.slice(0, 9)).toBe(400);
    }
    expect((await rig.offer('a'.repeat(MAX_OFFER_BYTES + 1))).status).toBe(413);
    expect((await rig.offer('a'.repeat(MAX_OFFER_BYTES))).status).toBe(400);
    const unknown = await rig.ask('POST', `${rig.url}era`, { 'Content-Type': 'application/sdp' }, OFFERS[kind]);
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({ code: 'webrtc.no-stream', remedy: expect.any(String) });
  });

  it('the answer holds all server candidates', async () => {
    await using rig = await Rig.start(kind);
    // Where the connection is carried: in these offers by the audio, which comes first.
    const [, first] = (await (await rig.offer()).text()).split(/(?=^m=)/m);
    expect(first).toMatch(/^m=audio 9 [\s\S]*\r\na=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 \d+ typ host[ \r]/);
    expect(first).toContain('\r\na=end-of-candidates\r\n');
  });

  it(`the answer is ${kind === 'WHIP' ? 'recvonly' : 'sendonly'}, BUNDLE, rtcp-mux`, async () => {
    await using rig = await Rig.start(kind);
    const answer = await (await rig.offer()).text();
    const video = videoOf(answer);
    expect(video).toContain(kind === 'WHIP' ? '\r\na=recvonly\r\n' : '\r\na=sendonly\r\n');
    expect(video).toContain('\r\na=rtcp-mux\r\n');
    const mids = [...answer.matchAll(/^a=mid:(\S+)/gm)].map(([, mid]) => mid);
    expect(answer).toContain(`\r\na=group:BUNDLE ${mids.join(' ')}\r\n`);
  });

  it('at most one audio and one video; what we cannot take → 422', async () => {
    await using rig = await Rig.start(kind);
    const offer = OFFERS[kind];
    const bad = [
      withSections(offer, 'video', 'twice'),
      withSections(offer, 'video', 'none'),
      offer.replaceAll(/a=rtpmap:(\d+) (VP8|VP9|H264|H265|AV1)\//g, 'a=rtpmap:$1 FFV1/'),
      offer.replaceAll(/^a=(sendonly|recvonly|sendrecv)/gm, kind === 'WHIP' ? 'a=recvonly' : 'a=sendonly'),
      ...(kind === 'WHIP' ? [withSections(offer, 'audio', 'twice')] : []),
    ];
    for (const sdp of bad) {
      const response = await rig.offer(sdp);
      expect(response.status).toBe(422);
      const code = sdp.includes('FFV1') ? 'webrtc.no-codec' : 'webrtc.unacceptable';
      expect(await response.json()).toMatchObject({ code, message: expect.any(String) });
    }
    expect((await rig.offer(withSections(offer, 'audio', 'none'))).status).toBe(201);
  });

  it('OPTIONS → CORS and Accept-Post: application/sdp', async () => {
    await using rig = await Rig.start(kind);
    const Origin = 'https://studio.example';
    const { status, headers } = await rig.ask('OPTIONS', rig.url, { Origin });
    expect(status).toBe(204);
    expect(headers.get('Accept-Post')).toBe('application/sdp');
    expect(headers.get('Access-Control-Allow-Origin')).toBe(Origin);
    expect(headers.get('Access-Control-Allow-Credentials')).toBeNull();
    for (const method of ['POST', 'PATCH', 'DELETE']) {
      expect(headers.get('Access-Control-Allow-Methods')).toContain(method);
    }
    const { session } = await rig.session();
    expect((await rig.ask('OPTIONS', session)).headers.get('Accept-Patch')).toBe(FRAGMENT);
  });

  it('CORS: expose Location, ETag, Link; allow Authorization, Content-Type, If-Match', async () => {
    await using rig = await Rig.start(kind);
    const Origin = 'https://studio.example';
    const { headers } = await rig.offer(undefined, { Origin });
    expect(headers.get('Access-Control-Expose-Headers')).toBe('Location, ETag, Link');
    const preflight = await rig.ask('OPTIONS', rig.url, { Origin });
    expect(preflight.headers.get('Access-Control-Allow-Headers')).toBe('Authorization, Content-Type, If-Match');
    const refused = await rig.offer('hello', { Origin });
    expect(refused.headers.get('Access-Control-Allow-Origin')).toBe(Origin);
  });

  it('no TURN credentials on a bare preflight, or without the token', async () => {
    await using rig = await Rig.start(kind);
    const preflight = { Origin: 'https://studio.example', 'Access-Control-Request-Method': 'POST' };
    for (const bare of [
      await fetch(rig.url, { method: 'OPTIONS', headers: preflight }),
      await fetch(rig.url, { method: 'OPTIONS' }),
      await rig.ask('OPTIONS', rig.url, preflight),
    ]) {
      expect(bare.status).toBe(204);
      expect([...bare.headers].join()).not.toMatch(/turn|stun/);
    }
  });

  it('Link: <turn:…>; rel="ice-server" with credentials, in the answer and to who asks with a token', async () => {
    await using rig = await Rig.start(kind);
    for (const { headers } of [await rig.offer(), await rig.ask('OPTIONS', rig.url)]) {
      expect(headers.get('Link')).toBe(
        '<stun:stun.example>; rel="ice-server", <turn:turn.example:3478?transport=udp>; rel="ice-server"; ' +
          'username="some\\"one"; credential="turn-password"; credential-type="password"',
      );
    }
  });

  it('PATCH: missing If-Match 428, stale 412', async () => {
    await using rig = await Rig.start(kind);
    const { session } = await rig.session();
    expect((await rig.patch(session, {})).status).toBe(428);
    const { tag: other } = await rig.session();
    expect((await rig.patch(session, { 'If-Match': other })).status).toBe(412);
  });

  it('PATCH: trickle 204 without body; another type 415, no fragment 400', async () => {
    await using rig = await Rig.start(kind);
    const { session, tag } = await rig.session();
    const response = await rig.patch(session, { 'If-Match': tag });
    expect(response.status).toBe(204);
    expect(await response.text()).toBe('');
    const wrong = await rig.patch(session, { 'If-Match': tag, 'Content-Type': 'application/sdp' });
    expect(wrong.status).toBe(415);
    expect(wrong.headers.get('Accept-Patch')).toBe(FRAGMENT);
    expect((await rig.patch(session, { 'If-Match': tag }, 'nonsense')).status).toBe(400);
    expect((await rig.patch(session, { 'If-Match': tag }, 'a'.repeat(MAX_OFFER_BYTES + 1))).status).toBe(413);
  });

  it('PATCH: ICE restart with If-Match: * → 422, and the session goes on', async () => {
    await using rig = await Rig.start(kind);
    const { session, tag } = await rig.session();
    expect((await rig.patch(session, { 'If-Match': '*' }, rig.fragment('other'))).status).toBe(422);
    expect((await rig.patch(session, { 'If-Match': tag }, rig.fragment('other'))).status).toBe(422);
    expect((await rig.patch(session, { 'If-Match': tag })).status).toBe(204);
    expect((await rig.ask('DELETE', session)).status).toBe(200);
  });

  it('DELETE → 200, again → 404; PATCH of what is gone 404', async () => {
    await using rig = await Rig.start(kind);
    const { session, tag } = await rig.session();
    expect((await rig.ask('DELETE', session)).status).toBe(200);
    expect((await rig.ask('DELETE', session)).status).toBe(404);
    expect((await rig.patch(session, { 'If-Match': tag })).status).toBe(404);
  });

  it('a stream that is not there to be had → 409 and Retry-After', async () => {
    await using rig = await Rig.start(kind, { live: false });
    const response = await rig.offer();
    expect(response.status).toBe(409);
    expect(Number(response.headers.get('Retry-After'))).toBeGreaterThan(0);
    expect(await response.json()).toMatchObject({ code: 'webrtc.no-source' });
  });

  it('overload → 503 and Retry-After; a place that becomes free is given', async () => {
    // Time stands still, so that none is taken for one that never connects.
    await using rig = await Rig.start(kind, { clock: new ManualClock() });
    const first = await rig.session();
    const places = kind === 'WHIP' ? 4 : 32;
    for (let taken = 1; taken < places; taken += 1) expect((await rig.offer()).status).toBe(201);
    const response = await rig.offer();
    expect(response.status).toBe(503);
    expect(Number(response.headers.get('Retry-After'))).toBeGreaterThan(0);
    expect(await response.json()).toMatchObject({ code: kind === 'WHIP' ? 'webrtc.overloaded' : 'webrtc.busy' });
    await rig.ask('DELETE', first.session);
    expect((await rig.offer()).status).toBe(201);
  });

  it('session URLs cannot be guessed: 144 bits, none twice', async () => {
    await using rig = await Rig.start(kind);
    const ids = new Set<string>();
    for (let i = 0; i < 20; i += 1) {
      const { session } = await rig.session();
      ids.add(session.split('/').at(-1) ?? '');
      await rig.ask('DELETE', session);
    }
    expect(ids.size).toBe(20);
    for (const id of ids) expect(id).toMatch(/^[\w-]{24}$/);
  });

  it('bearer token on POST, PATCH and DELETE: without it, or with a wrong one, 401 and WWW-Authenticate', async () => {
    await using rig = await Rig.start(kind);
    const { session, tag } = await rig.session();
    const other = TOKENS[kind === 'WHIP' ? 'WHEP' : 'WHIP'];
    for (const Authorization of ['', 'Bearer wrong', `Bearer ${other}`, `Basic ${btoa(`:${TOKENS[kind]}`)}`]) {
      for (const response of [
        await rig.offer(undefined, { Authorization }),
        await rig.patch(session, { 'If-Match': tag, Authorization }),
        await rig.ask('DELETE', session, { Authorization }),
      ]) {
        expect(response.status, Authorization).toBe(401);
        expect(response.headers.get('WWW-Authenticate')).toMatch(/^Bearer /);
        expect(response.headers.get('Link')).toBeNull();
      }
    }
    expect((await rig.patch(session, { 'If-Match': tag })).status).toBe(204);
  });

  it('other methods → 405 and Allow', async () => {
    await using rig = await Rig.start(kind);
    const { session } = await rig.session();
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
      const response = await rig.ask(method, rig.url);
      expect(response.status, method).toBe(405);
      expect(response.headers.get('Allow')).toBe('POST, OPTIONS');
    }
    for (const method of ['GET', 'PUT', 'POST']) {
      const response = await rig.ask(method, session);
      expect(response.status, method).toBe(405);
      expect(response.headers.get('Allow')).toBe('PATCH, DELETE, OPTIONS');
    }
  });
});

it('WHEP: playout-delay and the capture time are negotiated where they are offered', async () => {
  await using rig = await Rig.start('WHEP');
  const capture = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time';
  const offer = OFFERS.WHEP.replace(/^m=video.*$/m, (line) => `${line}\r\na=extmap:9 ${capture}`);
  const video = videoOf(await (await rig.offer(offer)).text());
  expect(video).toContain(`a=extmap:9 ${capture}\r\n`);
  expect(video).toMatch(/a=extmap:\d+ http:\/\/www\.webrtc\.org\/experiments\/rtp-hdrext\/playout-delay\r\n/);
});

it('WHIP: pages of other origins than those configured may not publish', async () => {
  await using rig = await Rig.start('WHIP');
  const headers = { Origin: 'https://evil.example', 'Access-Control-Request-Method': 'POST' };
  const preflight = await fetch(rig.url, { method: 'OPTIONS', headers });
  expect(preflight.headers.get('Access-Control-Allow-Origin')).toBeNull();
});
