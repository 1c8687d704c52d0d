import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readOffer } from '../../../src/egress/offer.ts';
import type { ViewerSession } from '../../../src/egress/publication.ts';
import { WhepEndpoint } from '../../../src/egress/whep.ts';
import { RecordedLog } from '../../support/recorded-log.ts';

/** What Chromium 150 offers for recvonly audio and video. */
const CHROMIUM = readFileSync(new URL('../../fixtures/offers/chromium-whep.sdp', import.meta.url), 'utf8');
/** The same without H.264, as a Chromium that was built without it offers. */
const WITHOUT_BOTH = CHROMIUM.replace(/a=rtpmap:\d+ H264.*\r\n/g, '').replaceAll(' VP8/', ' X-VP8/');

/** Lets in whoever can be read, and answers nothing of use. */
async function join(offer: string): Promise<ViewerSession> {
  const { remote } = readOffer(offer);
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  const close = async (): Promise<void> => resolve('closed by the player');
  const stats = { rtt: undefined, loss: 0, depth: 0 };
  return { answer: 'v=0\r\n', iceUfrag: remote.ufrag, ended, stats, addCandidate: () => {}, close };
}

class Rig {
  readonly log = new RecordedLog();
  readonly asked: string[] = [];
  readonly endpoint = new WhepEndpoint({
    log: this.log,
    find: (stream, variant) => {
      this.asked.push(`${stream} ${variant}`);
      return stream === 'cam' ? { join } : undefined;
    },
  });

  post(body: string, stream = 'cam', variant?: string) {
    const headers = { 'content-type': 'application/sdp' };
    return this.endpoint.handle({ method: 'POST', stream, variant, headers, body });
  }
}

describe('WhepEndpoint', () => {
  it('explains an offer that cannot be answered in the log: what was offered, what is needed', async () => {
    const rig = new Rig();
    expect((await rig.post(WITHOUT_BOTH)).status).toBe(422);
    const [offer, refusal, ...rest] = rig.log.lines;
    expect(rest).toEqual([]);
    expect(offer).toMatchObject({ level: 'debug', message: 'SDP offer', protocol: 'WHEP', stream: 'cam' });
    expect(offer?.sdp).toContain('a=rtpmap:96 X-VP8/90000');
    expect(offer?.sdp).not.toContain(/a=ice-pwd:(.*)\r/.exec(WITHOUT_BOTH)?.[1]);
    expect(refusal).toMatchObject({
      level: 'warn',
      message: 'request refused',
      code: 'webrtc.no-codec',
      reason: expect.stringMatching(
        /^this player plays X-VP8, .*VP9.* alone, and H\.264 and VP8 are what players are sent/,
      ),
      remedy: expect.stringMatching(/^Use a player that takes H\.264 or VP8: Chrome, Edge, Safari, Firefox/),
    });
  });

  it('names the H.264 that was offered when none of it can be sent', async () => {
    const rig = new Rig();
    await rig.post(
      CHROMIUM.replaceAll(' VP8/', ' X-VP8/')
        .replaceAll('packetization-mode=1', 'packetization-mode=2')
        .replaceAll('packetization-mode=0', 'packetization-mode=2'),
    );
    expect(rig.log.of('request refused')[0]?.reason).toMatch(/H264 level-asymmetry-allowed=1;packetization-mode=2/);
  });

  it('logs which format was chosen and why the others were not, over WebSocket as over HTTP', async () => {
    for (const ask of [
      (rig: Rig) => rig.post(CHROMIUM),
      (rig: Rig) => rig.endpoint.join('cam', '', CHROMIUM, () => {}),
    ]) {
      const rig = new Rig();
      await ask(rig);
      const codecs = rig.log.of('codec chosen')[0]?.codecs;
      expect(codecs).toContain(
        '108 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f: chosen',
      );
      expect(codecs).toContain('96 VP8: H.264 is preferred');
      expect(codecs).toContainEqual(
        expect.stringMatching(/packetization-mode=0.*: another profile or packetization mode is preferred$/),
      );
    }
  });

  it('logs the refusal of a player that offers over WebSocket, and tells it', async () => {
    const rig = new Rig();
    const joining = rig.endpoint.join('cam', 'upconverted', WITHOUT_BOTH, () => {});
    await expect(joining).rejects.toMatchObject({ code: 'webrtc.no-codec' });
    expect(rig.log.of('request refused')).toHaveLength(1);
  });

  it.each([
    [undefined, 'cam upconverted'],
    ['', 'cam upconverted'],
    ['upconverted', 'cam upconverted'],
    ['source', 'cam source'],
  ])('plays the variant %j as %s', async (variant, asked) => {
    const rig = new Rig();
    expect((await rig.post(CHROMIUM, 'cam', variant)).status).toBe(201);
    expect(rig.asked).toEqual([asked]);
  });

  it('knows no other variants and no other streams', async () => {
    const rig = new Rig();
    expect((await rig.post(CHROMIUM, 'cam', 'raw')).status).toBe(404);
    expect((await rig.post(CHROMIUM, 'other')).status).toBe(404);
    expect(rig.log.of('request refused').map(({ level, reason }) => [level, reason])).toEqual([
      ['info', 'there is no variant "raw"'],
      ['info', 'there is no stream "other"'],
    ]);
  });
});
