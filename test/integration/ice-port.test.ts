/** One network port for everybody: 200 players one after the other over UDP, and one whose network has no UDP. */
import { expect, it } from 'vitest';
import { Publication } from '../../src/egress/publication.ts';
import { Arena } from '../../src/media/arena.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { systemClock } from '../../src/time.ts';
import { IcePort } from '../../src/webrtc/ice/port.ts';
import { startApp } from '../support/app.ts';
import { launchChromium } from '../support/chromium.ts';
import { NetworkNamespace } from '../support/network-namespace.ts';
import { WhepClient } from '../support/whep-client.ts';
import { MovingPicture, WhepSite } from '../support/whep-site.ts';
import { until } from '../support/whip-rig.ts';

const VIEWERS = 200;
/** Handshakes that overlap: a player waits most of its time. */
const AT_ONCE = 4;

it(`${VIEWERS} players connect one after the other, stay, and are sent video by one UDP port`, async () => {
  await using port = await IcePort.open({ clock: systemClock });
  await using publication = new Publication({
    ...{ stream: 'cam', variant: 'upconverted', clock: systemClock, events: noEvents, fps: 5 },
    ...{ maxViewers: VIEWERS, peer: { port } },
  });
  await using site = new WhepSite({ upconverted: publication });
  await site.listen();
  const arena = new Arena(16);
  new MovingPicture(publication, arena, systemClock, 5, 160, 96).stop();
  await using viewers = new AsyncDisposableStack();
  const packets = Array<number>(VIEWERS).fill(0);
  const ports = new Set<string>();
  const started = performance.now();
  let next = 0;
  let retries = 0;
  const connect = async (): Promise<void> => {
    for (let i = next; i < VIEWERS; i = next) {
      next += 1;
      const count = (): void => {
        packets[i] = (packets[i] ?? 0) + 1;
      };
      const url = `${site.url}/whep/cam`;
      // As a page does: on a machine that is busy with other things a handshake may take too long.
      const play = (tries: number): Promise<WhepClient> =>
        WhepClient.play(url, count).catch((error: unknown) => {
          if (tries === 0) throw error;
          retries += 1;
          return play(tries - 1);
        });
      const viewer = viewers.use(await play(4));
      for (const [, of = ''] of viewer.answer.matchAll(/^a=candidate:\S+ 1 udp \d+ \S+ (\d+)/gm)) ports.add(of);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, connect));
  const seconds = (performance.now() - started) / 1000;
  console.log(`${VIEWERS} players were in after ${seconds.toFixed(1)} s, after ${retries} tries in vain`);
  expect(port.router.size).toBe(VIEWERS);
  const picture = new MovingPicture(publication, arena, systemClock, 5, 160, 96);
  await until('video at all of them', () => packets.every((count) => count > 0), 10_000);
  expect([...ports]).toEqual([`${port.number}`]);
  expect(port.sockets).toHaveLength(1);
  picture.stop();
  await viewers[Symbol.asyncDispose]();
}, 180_000);

/** For a page of the server's own origin. */
const PLAY = `(async () => {
  const peer = new RTCPeerConnection();
  peer.addTransceiver('video', { direction: 'recvonly' });
  await peer.setLocalDescription();
  const headers = { 'Content-Type': 'application/sdp' };
  const response = await fetch('/whep/demo', { method: 'POST', headers, body: peer.localDescription.sdp });
  await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
  for (let tries = 0; tries < 100; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const stats = [...(await peer.getStats()).values()];
    const video = stats.find(({ type }) => type === 'inbound-rtp');
    if (!(video?.framesDecoded > 30)) continue;
    const { selectedCandidatePairId } = stats.find(({ type }) => type === 'transport');
    const { localCandidateId } = stats.find(({ id }) => id === selectedCandidatePairId);
    const { packetsLost, framesDecoded } = video;
    return { protocol: stats.find(({ id }) => id === localCandidateId).protocol, packetsLost, framesDecoded };
  }
  return peer.iceConnectionState;
})()`;

it('Chromium plays over TCP where a firewall drops UDP', async () => {
  await using network = await NetworkNamespace.withoutUdp();
  const sending = `require('dgram').createSocket('udp4').send('x', 9, '127.0.0.1', (error) => {
    console.log(error?.code);
    process.exit();
  })`;
  expect(network.run(process.execPath, '-e', sending)).toBe('EACCES\n');
  const app = await startApp(['demo', '--model', 'repeat'], { network });
  await using browser = await launchChromium({ network });
  const page = await browser.newPage();
  await page.goto(app.url);
  const played: unknown = await page.evaluate(PLAY);
  expect(played).toMatchObject({ protocol: 'tcp', packetsLost: 0 });
  await app.stop();
});
