import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { splitNalUnits } from '../../src/egress/rtp/packetizer.ts';
import { NalDepacketizer } from '../../src/ingest/rtp/h26x.ts';
import { H264, type NalSyntax } from '../../src/ingest/rtp/nal-syntax.ts';
import { micros } from '../../src/time.ts';
import { startApp } from '../support/app.ts';
import { startCamera } from '../support/camera.ts';
import { startFakeRtsp } from '../support/fake-rtsp.ts';
import { h264Clip } from '../support/h264-clip.ts';
import { packetize } from '../support/rtp.ts';
import { WhepClient } from '../support/whep-client.ts';

/** Keeps filler, so that nothing is missing in what is compared. */
const WHOLE: NalSyntax = { ...H264, isFiller: () => false };

let clients: WhepClient[] = [];
afterEach(async () => {
  for (const client of clients) await client[Symbol.asyncDispose]();
  clients = [];
});

/** NAL units that a player is sent, as they come. */
async function play(url: string): Promise<{ nals: Buffer[]; client: WhepClient }> {
  const nals: Buffer[] = [];
  const depacketizer = new NalDepacketizer(WHOLE, ({ data }) => void nals.push(...splitNalUnits(Buffer.from(data))));
  const client = await WhepClient.play(url, ({ header, payload }) => {
    const { sequenceNumber: sequence, payloadType, marker, timestamp, ssrc } = header;
    depacketizer.push({ sequence, payloadType, marker, timestamp, ssrc, payload, arrival: micros(0) }, 0);
  });
  clients.push(client);
  return { nals, client };
}

async function metrics(url: string): Promise<string> {
  return await (await fetch(`${url}/metrics`, { headers: { connection: 'close' } })).text();
}

async function serve(source: string, ...args: string[]): Promise<string> {
  const app = await startApp([`cam=${source}`, '--model', 'repeat', '--factor', '1', ...args]);
  onTestFinished(async () => void (await app.stop()));
  await expect.poll(async () => (await app.stream('cam')).phase, { timeout: 10_000 }).toBe('live');
  return app.url;
}

/** A camera that sends the clip over and over. */
async function camera(units: readonly Uint8Array[]): Promise<string> {
  const server = await startFakeRtsp({ packets: packetize(units, 'h264', { mtu: 700 }), fps: 30 });
  onTestFinished(() => server.close());
  return server.url;
}

describe('the source variant of a camera without B-frames', () => {
  test('is its very NAL units, from a keyframe on, and nothing is encoded', async () => {
    const units = h264Clip(30, ['-bf', '0', '-b:v', '2M'], '320x180');
    const url = await serve(await camera(units));
    const { nals } = await play(`${url}/whep/cam?variant=source`);
    await expect.poll(() => nals.length, { timeout: 8000 }).toBeGreaterThan(100);
    const sent = units.flatMap((unit) => splitNalUnits(Buffer.from(unit)));
    const from = sent.findIndex((nal, at) =>
      [0, 1, 2, 3, 4].every((i) => sent[(at + i) % sent.length]?.equals(nals[i] ?? nal)),
    );
    expect(from).toBeGreaterThanOrEqual(0);
    for (const [i, nal] of nals.entries()) expect(sent[(from + i) % sent.length]?.equals(nal), `NAL ${i}`).toBe(true);
    const text = await metrics(url);
    expect(text).toMatch(/framelift_viewers_passed\{stream="cam"\} 1/);
    expect(text).not.toMatch(/framelift_stage_duration_seconds_count\{[^}]*stage="encode"[^}]*\} [1-9]/);
  });

  test('is encoded where encode is asked for', async () => {
    const units = h264Clip(30, ['-bf', '0'], '320x180');
    const url = await serve(await camera(units), '--source-variant', 'encode');
    const { nals } = await play(`${url}/whep/cam?variant=source`);
    await expect.poll(() => nals.length, { timeout: 8000 }).toBeGreaterThan(30);
    const sent = units.flatMap((unit) => splitNalUnits(Buffer.from(unit)));
    const slices = nals.filter((nal) => [1, 5].includes((nal[0] ?? 0) & 31));
    expect(slices.some((nal) => sent.some((known) => known.equals(nal)))).toBe(false);
    expect(await metrics(url)).toMatch(
      /framelift_viewers_passed\{stream="cam"\} 0|^(?![\s\S]*framelift_viewers_passed\{)/,
    );
  });

  test('is sent on from a real RTSP server, too', async () => {
    const cam = await startCamera({ fps: 30 });
    onTestFinished(() => cam.stop());
    const url = await serve(cam.url, '--source-variant', 'pass');
    const { nals, client } = await play(`${url}/whep/cam?variant=source`);
    await expect.poll(() => nals.length, { timeout: 8000 }).toBeGreaterThan(60);
    expect(nals.slice(0, 10).map((nal) => (nal[0] ?? 0) & 31)).toContain(5);
    expect(client.answer).toContain('profile-level-id=42e01f');
    expect(await metrics(url)).not.toMatch(/framelift_stage_duration_seconds_count\{[^}]*stage="encode"[^}]*\} [1-9]/);
  });
});

describe('the source variant of a camera with B-frames', () => {
  test('is encoded, or refused with the reason', async () => {
    const source = await camera(h264Clip(30, ['-bf', '2', '-profile:v', 'main'], '320x180'));
    const url = await serve(source);
    const { nals } = await play(`${url}/whep/cam?variant=source`);
    await expect.poll(() => nals.length, { timeout: 8000 }).toBeGreaterThan(20);
    const { streams } = (await (await fetch(`${url}/api/streams`)).json()) as { streams: { sourceVariant: object }[] };
    expect(streams[0]?.sourceVariant).toMatchObject({ form: 'encode' });
    const strict = await serve(source, '--source-variant', 'pass');
    await expect(play(`${strict}/whep/cam?variant=source`)).rejects.toThrow(/409.*cannot be sent as it comes/);
  });
});
