/** One network port for everybody: 100 players one after the other over UDP, and one whose network has no UDP. */
import { expect, it } from 'vitest';
import { Publication } from '../../src/egress/publication.ts';
import { Arena } from '../../src/media/arena.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { systemClock } from '../../src/time.ts';
import { IcePort } from '../../src/webrtc/ice/port.ts';
import type { RemoteTransport } from '../../src/webrtc/remote-transport.ts';
import { openTransport } from '../../src/webrtc/transport.ts';
import { startApp } from '../support/app.ts';
import { launchChromium } from '../support/chromium.ts';
import { checkFor, mappedIn, PEER, UdpPeer } from '../support/ice.ts';
import { NetworkNamespace } from '../support/network-namespace.ts';
import { WhepClient } from '../support/whep-client.ts';
import { MovingPicture, WhepSite } from '../support/whep-site.ts';
import { until } from '../support/whip-rig.ts';

const PEERS = 200;
const PLAYERS = 100;
const REMOTE: RemoteTransport = {
  ...PEER,
  fingerprints: [`sha-256 ${Array(32).fill('ab').join(':')}`],
  setup: 'passive',
  candidates: [],
};
/** Handshakes that overlap: a player waits most of its time. */
const AT_ONCE = 4;

it(`${PEERS} peers are connected at once by one UDP port, and each is sent what is its own`, async () => {
  await using port = await IcePort.open({ clock: systemClock });
  await using parts = new AsyncDisposableStack();
  const peers: UdpPeer[] = [];
  for (let i = 0; i < PEERS; i += 1) {
    const transport = await openTransport(REMOTE, { port }, systemClock);
    parts.defer(() => transport.close());
    const peer = parts.use(await UdpPeer.open());
    peers.push(peer);
    const { iceUfrag: ufrag, icePwd: pwd } = transport.local;
    await peer.send(checkFor({ ufrag, pwd }), port.number);
    await until('an answer', () => peer.received.length > 0);
    expect(mappedIn(peer.received[0] ?? Buffer.alloc(0), { ufrag, pwd })?.[1]).toBe(peer.port);
  }
  expect([port.sockets.length, port.router.size]).toEqual([1, PEERS]);
  // We begin the handshake: 22 is its record.
  const greeted = (peer: UdpPeer): boolean => peer.received.some(([first]) => first === 22);
  await until('a ClientHello at all of them', () => peers.every(greeted), 20_000);
  await parts[Symbol.asyncDispose]();
  expect([port.sockets[0]?.table.size, port.router.size]).toEqual([0, 0]);
}, 60_000);

it(`${PLAYERS} players come one after the other by one UDP port, are sent video, and leave nothing behind`, async () => {
  await using port = await IcePort.open({ clock: systemClock });
  await using publication = new Publication({
    ...{ stream: 'cam', variant: 'upconverted', clock: systemClock, events: noEvents, fps: 10 },
    ...{ maxViewers: 2 * AT_ONCE, peer: { port } },
  });
  await using site = new WhepSite({ upconverted: publication });
  await site.listen();
  const picture = new MovingPicture(publication, new Arena(16), systemClock, 10, 160, 96);
  const ports = new Set<string>();
  const started = performance.now();
  let next = 0;
  let retries = 0;
  /** As a page does: on a machine that is busy with other things a handshake may take too long. */
  const play = (tries: number): Promise<WhepClient> =>
    WhepClient.play(`${site.url}/whep/cam`).catch((error: unknown) => {
      if (tries === 0) throw error;
      retries += 1;
      return play(tries - 1);
    });
  const come = async (): Promise<void> => {
    while (next < PLAYERS) {
      next += 1;
      await using viewer = await play(2);
      await until('video', () => viewer.packets.length > 0);
      for (const [, of = ''] of viewer.answer.matchAll(/^a=candidate:\S+ 1 udp \d+ \S+ (\d+)/gm)) ports.add(of);
      await fetch(viewer.resource, { method: 'DELETE' });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, come));
  const seconds = (performance.now() - started) / 1000;
  console.log(`${PLAYERS} players in ${seconds.toFixed(1)} s, after ${retries} tries in vain`);
  picture.stop();
  expect([...ports]).toEqual([`${port.number}`]);
  await site.endpoint[Symbol.asyncDispose]();
  expect([port.sockets[0]?.table.size, port.router.size]).toEqual([0, 0]);
}, 120_000);

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
