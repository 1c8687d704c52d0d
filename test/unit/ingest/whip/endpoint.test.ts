import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { WhipEndpoint } from '../../../../src/ingest/whip/endpoint.ts';
import { readPublication } from '../../../../src/ingest/whip/offer.ts';
import type { PeerSession } from '../../../../src/webrtc/endpoint.ts';
import { RecordedLog } from '../../../support/recorded-log.ts';

const CHROMIUM = readFileSync(new URL('../../../fixtures/offers/chromium-whip.sdp', import.meta.url), 'utf8');
const HEADERS = { 'content-type': 'application/sdp' };

async function publish(offer: string): Promise<PeerSession> {
  const { remote } = readPublication(offer);
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  return { answer: '', iceUfrag: remote.ufrag, ended, addCandidate: () => {}, close: async () => resolve('closed') };
}

function endpoint(log = new RecordedLog()) {
  return new WhipEndpoint({ find: (stream) => (stream === 'cam' ? { publish } : undefined), log });
}

it('says how a stream is made that takes publishers, where there is none', async () => {
  const { status, body = '' } = await endpoint().handle({
    method: 'POST',
    stream: 'x',
    headers: HEADERS,
    body: CHROMIUM,
  });
  expect(status).toBe(404);
  expect(JSON.parse(body)).toMatchObject({ code: 'webrtc.no-stream', remedy: expect.stringContaining('x=whip') });
});

it('lets no page of another site publish unless it is listed', async () => {
  const headers = { ...HEADERS, origin: 'https://elsewhere.example' };
  const { headers: answered } = await endpoint().handle({ method: 'OPTIONS', stream: 'cam', headers, body: '' });
  expect(answered).not.toHaveProperty('Access-Control-Allow-Origin');
});

it('logs which codec was chosen and why the others were not', async () => {
  const log = new RecordedLog();
  await endpoint(log).handle({ method: 'POST', stream: 'cam', headers: HEADERS, body: CHROMIUM });
  const codecs = log.of('codec chosen')[0]?.codecs;
  expect(codecs).toContain('96 VP8: chosen');
  expect(codecs).toContainEqual(expect.stringMatching(/^\d+ AV1.*: costs both sides the most/));
  expect(codecs).toContainEqual(expect.stringMatching(/^\d+ H264.*: the publisher prefers another/));
});

it('logs what a publisher offered that cannot be taken', async () => {
  const log = new RecordedLog();
  const body = CHROMIUM.replace(/(a=rtpmap:\d+) (VP8|VP9|H264|H265|AV1)\//g, '$1 X-$2/');
  await endpoint(log).handle({ method: 'POST', stream: 'cam', headers: HEADERS, body });
  expect(log.of('request refused')).toEqual([
    expect.objectContaining({ level: 'warn', reason: expect.stringContaining('sends X-VP8, X-H264, X-AV1, X-VP9,') }),
  ]);
});
