/** Who is not the peer of a session, over real sockets: ends nothing, and gets nothing. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest';
import { RTCPeerConnection, RTCRtpCodecParameters } from 'werift';
import { Publication } from '../../src/egress/publication.ts';
import { Arena } from '../../src/media/arena.ts';
import { systemClock } from '../../src/time.ts';
import type { Refusal } from '../../src/webrtc/dtls/refusal.ts';
import { certificate, handshake, impostor, record } from '../support/dtls-pair.ts';
import { MovingPicture, WhepSite } from '../support/whep-site.ts';

let publication: Publication;
let site: WhepSite;
let picture: MovingPicture;
const refused: Refusal[] = [];

beforeAll(async () => {
  publication = new Publication({
    ...{ stream: 'cam', variant: 'upconverted', clock: systemClock, events: { emit() {} }, fps: 30 },
    peer: { refused: (reason) => void refused.push(reason) },
  });
  site = new WhepSite({ upconverted: publication });
  await site.listen();
  picture = new MovingPicture(publication, new Arena(64), systemClock);
});

beforeEach(() => {
  refused.length = 0;
});

afterAll(async () => {
  picture.stop();
  await site[Symbol.asyncDispose]();
  await publication[Symbol.asyncDispose]();
});

/** A player of werift's: what it was answered, and the media it gets. */
async function play(keys?: { certPem: string; keyPem: string; signatureHash: { hash: 4; signature: 1 | 3 } }) {
  const parameters = 'packetization-mode=1;profile-level-id=42e01f';
  const pc = new RTCPeerConnection({
    codecs: { video: [new RTCRtpCodecParameters({ mimeType: 'video/H264', clockRate: 90_000, parameters })] },
    // Without one werift asks a public STUN server; this one is nobody.
    iceServers: [{ urls: 'stun:127.0.0.1:9' }],
    iceStunGatherTimeout: 0.01,
    iceAdditionalHostAddresses: ['127.0.0.1'],
    ...(keys ? { dtls: { keys } } : {}),
  });
  onTestFinished(() => pc.close());
  const { dtlsTransport } = pc.addTransceiver('video', { direction: 'recvonly' });
  let packets = 0;
  const connection = { pc, answer: '', packets: () => packets };
  await pc.setLocalDescription(await pc.createOffer());
  dtlsTransport.iceTransport.connection.onData.subscribe(([first = 0]) => {
    if (first > 127) packets += 1;
  });
  const headers = { 'Content-Type': 'application/sdp' };
  const body = pc.localDescription?.sdp ?? '';
  const response = await fetch(`${site.url}/whep/cam`, { method: 'POST', headers, body });
  connection.answer = await response.text();
  await pc.setRemoteDescription({ type: 'answer', sdp: connection.answer });
  return connection;
}

it('a session outlives whatever comes to its socket from elsewhere', async () => {
  const { pc, answer, packets } = await play();
  await expect.poll(packets, { timeout: 10_000 }).toBeGreaterThan(0);
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  onTestFinished(() => void socket.close());
  const ports = [...answer.matchAll(/ 127\.0\.0\.1 (\d+) typ host/g)].map(([, port]) => Number(port));
  expect(ports.length).toBeGreaterThan(0);
  const datagrams = [
    record(21, Buffer.from([1, 0])),
    record(21, Buffer.from([2, 40])),
    record(63, Buffer.from([0])),
    record(22, handshake(3, 0, Buffer.from('fefd0401020304', 'hex'))),
    record(22, handshake(1, 0, Buffer.alloc(60))),
    record(22, handshake(11, 1, Buffer.alloc(100), 16_000)),
    record(23, Buffer.alloc(60), 1),
    Buffer.from([0x80, 200]),
  ];
  for (const port of ports) {
    for (const datagram of datagrams) {
      await new Promise((sent) => socket.send(datagram, port, '127.0.0.1', sent));
    }
  }
  const before = packets();
  // A second's worth: all of it has come by then.
  await expect.poll(packets, { timeout: 10_000 }).toBeGreaterThan(before + 30);
  expect(pc.connectionState).toBe('connected');
});

it("a player with another's certificate and a key of its own gets no packet", async () => {
  const thief = impostor(await certificate('victim'), await certificate('thief'));
  const { certPem, privateKey } = thief;
  const { packets } = await play({ certPem, keyPem: privateKey, signatureHash: { hash: 4, signature: 3 } });
  await expect.poll(() => refused, { timeout: 10_000 }).toContain('signature');
  expect(packets()).toBe(0);
});
