/** Hostile packets on a viewer's data channel: they end that viewer's connection, and nothing else. */
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { RTCPeerConnection, RTCRtpCodecParameters, type RTCSctpTransport } from 'werift';
import { Publication } from '../../src/egress/publication.ts';
import { Arena } from '../../src/media/arena.ts';
import type { MetricEvent } from '../../src/metrics/events.ts';
import { systemClock } from '../../src/time.ts';
import { WhepClient } from '../support/whep-client.ts';
import { MovingPicture, WhepSite } from '../support/whep-site.ts';
import { until } from '../support/whip-rig.ts';

const arena = new Arena(64);
const rejections: unknown[] = [];
const onRejection = (reason: unknown): void => void rejections.push(reason);
let publication: Publication;
let site: WhepSite;
let picture: MovingPicture;
let viewers = 0;
let harmless: WhepClient;
/** That it got. */
let packets = 0;
/** What players said that they see. */
const seen: MetricEvent[] = [];

beforeAll(async () => {
  process.on('unhandledRejection', onRejection);
  const events = {
    emit: (event: MetricEvent) => {
      if (event.type === 'viewers') viewers = event.count;
      if (event.type === 'viewer-seen') seen.push(event);
    },
  };
  publication = new Publication({ stream: 'cam', variant: 'upconverted', clock: systemClock, events, fps: 30 });
  site = new WhepSite({ upconverted: publication });
  await site.listen();
  picture = new MovingPicture(publication, arena, systemClock);
  harmless = await WhepClient.play(`${site.url}/whep/cam`, () => {
    packets += 1;
  });
});

afterAll(async () => {
  await harmless[Symbol.asyncDispose]();
  picture.stop();
  await site[Symbol.asyncDispose]();
  await publication[Symbol.asyncDispose]();
  process.off('unhandledRejection', onRejection);
});

/** Connects a player, and waits until the server sends on its data channel: what players say there is read and answered. */
async function connect(): Promise<RTCSctpTransport> {
  const parameters = 'packetization-mode=1;profile-level-id=42e01f';
  const pc = new RTCPeerConnection({
    codecs: { video: [new RTCRtpCodecParameters({ mimeType: 'video/H264', clockRate: 90_000, parameters })] },
    // Without one werift asks a public STUN server; this one is nobody.
    iceServers: [{ urls: 'stun:127.0.0.1:9' }],
    iceStunGatherTimeout: 0.01,
    iceAdditionalHostAddresses: ['127.0.0.1'],
  });
  onTestFinished(() => pc.close());
  pc.addTransceiver('video', { direction: 'recvonly' });
  const told = pc.createDataChannel('provenance').onMessage.asPromise(5000);
  await pc.setLocalDescription(await pc.createOffer());
  const body = pc.localDescription?.sdp ?? '';
  const headers = { 'Content-Type': 'application/sdp' };
  const response = await fetch(`${site.url}/whep/cam`, { method: 'POST', headers, body });
  await pc.setRemoteDescription({ type: 'answer', sdp: await response.text() });
  const [record] = await told;
  expect(JSON.parse(`${record}`)).toMatchObject({ kind: 'source' });
  if (!pc.sctpTransport) throw new Error('there is no SCTP');
  return pc.sctpTransport;
}

/** CRC-32C, as SCTP has it. */
function crc32c(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

/** A packet that SCTP takes for one of this association, with these chunks. */
function packet({ sctp }: RTCSctpTransport, ...chunks: number[][]): Buffer {
  const bytes = Buffer.from([...Array<number>(12).fill(0), ...chunks.flat()]);
  bytes.writeUInt16BE(5000, 0);
  bytes.writeUInt16BE(5000, 2);
  // biome-ignore lint/complexity/useLiteralKeys: private to TypeScript
  bytes.writeUInt32BE(sctp['remoteVerificationTag'], 4);
  bytes.writeUInt32LE(crc32c(bytes), 8);
  return bytes;
}

/** Fragments of a message whose first one never comes. */
function fragments(to: RTCSctpTransport, count: number): Buffer[] {
  return Array.from({ length: count }, (_, i) => {
    const chunk = Buffer.from([0, 0, 0, 20, ...Array<number>(16).fill(0)]);
    // biome-ignore lint/complexity/useLiteralKeys: private to TypeScript
    chunk.writeUInt32BE((to.sctp['localTsn'] + 1 + i) >>> 0, 4);
    return packet(to, [...chunk]);
  });
}

const DCEP = 50;
const OPEN = Buffer.from([3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

/** Records to send, or what sends them. */
const ATTACKS: Record<string, (to: RTCSctpTransport) => Buffer[] | Promise<unknown>> = {
  'a record of one byte': () => [Buffer.of(0)],
  'a wrong checksum': (to) => [packet(to, [11, 0, 0, 4]).fill(0, 8, 12)],
  'an unknown chunk': (to) => [packet(to, [77, 0, 0, 4])],
  'short data': (to) => [packet(to, [0, 3, 0, 8, 0, 0, 0, 0])],
  'a message of an unknown kind': ({ sctp }) => sctp.send(1, 999, Buffer.of(1)),
  'an acknowledgement of no channel': ({ sctp }) => sctp.send(40, DCEP, Buffer.of(2)),
  'the opening of one channel after the other': ({ sctp }) =>
    Promise.all(Array.from({ length: 65 }, () => sctp.send(1, DCEP, OPEN))),
  'fragments without end': (to) => fragments(to, 200),
  'a heartbeat whose parameter has no length': (to) => [packet(to, [4, 0, 0, 8, 0, 1, 0, 0])],
  'a chunk without length': (to) => [packet(to, [11, 0, 0, 0])],
};

it.each(Object.entries(ATTACKS))('%s ends the connection it came by, and no other', async (_, attack) => {
  const to = await connect();
  await until('both viewers', () => viewers === 2);
  const records = attack(to);
  // What is sent in order may never be acknowledged: nobody waits for it.
  if (records instanceof Promise) records.catch(onRejection);
  else for (const record of records) await to.dtlsTransport.sendData(record);
  await until('the end of the connection', () => viewers === 1);
  const before = packets;
  await until('more pictures for the other', () => packets > before + 10);
  expect(rejections).toEqual([]);
});

it('a player may send the longest message of the answer and close a channel, and is sent records all along', async () => {
  const to = await connect();
  const channel = to.channelByLabel('provenance');
  if (!channel) throw new Error('there is no channel');
  await to.sctp.send(1, 51, Buffer.alloc(65_536));
  let records = 0;
  channel.onMessage.subscribe(() => {
    records += 1;
  });
  await until('records after the message', () => records > 10);
  channel.close();
  await until('the end of the channel', () => channel.readyState === 'closed');
  const before = packets;
  await until('more pictures', () => packets > before + 10);
  expect(viewers).toBe(2);
});

it('what a player says of what is seen is counted, a few times a second at most, and nothing else of it', async () => {
  const to = await connect();
  seen.length = 0;
  // Opened by the player, as a page does it: the first message opens it.
  const label = Buffer.from('viewing');
  const open = Buffer.concat([Buffer.from([3, 0, 0, 0, 0, 0, 0, 0, 0, label.length, 0, 0]), label]);
  await to.sctp.send(5, DCEP, open);
  const report = '{"fps":59.9,"freezes":1,"frozenMs":200,"latencyMs":83}';
  for (const text of ['nonsense', report, '{"fps":-1}']) await to.sctp.send(5, 51, Buffer.from(text));
  await until('a report', () => seen.length === 1);
  expect(seen).toEqual([expect.objectContaining({ fps: 59.9, freezes: 1, frozen: 200_000, latency: 83_000 })]);
  for (let i = 0; i < 50; i += 1) await to.sctp.send(5, 51, Buffer.from(report));
  const before = packets;
  await until('more pictures', () => packets > before + 10);
  expect(seen.length).toBeLessThan(8);
  expect(to.dtlsTransport.state).toBe('connected');
});
