/** A stream handed on to other servers by RTSP, RTMP and SRT: what comes out there, and what happens when it does not. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { outputAddress } from '../../src/egress/push/address.ts';
import { ffmpegPush } from '../../src/egress/push/ffmpeg.ts';
import { splitNalUnits } from '../../src/egress/rtp/packetizer.ts';
import type { FrameliftError } from '../../src/errors.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { Outputs } from '../../src/stream/outputs.ts';
import { fromMs, systemClock } from '../../src/time.ts';
import { freePort } from '../support/camera.ts';
import { startFakeRtsp } from '../support/fake-rtsp.ts';
import { FFMPEGS } from '../support/ffmpegs.ts';
import { startPushRig } from '../support/push-rig.ts';
import { RecordedLog } from '../support/recorded-log.ts';

const [[, installed], [, newest]] = FFMPEGS as [readonly [string, string], readonly [string, string]];
/** Of the outputs, the one whose host hangs. */
const HANGS = 4;
const rig = startPushRig('opus');
afterAll(() => rig[Symbol.dispose]());

/** A server of ffmpeg's, and what it gets: the coded picture, and what it says. */
function receiver(input: readonly string[], frames: number) {
  const args = ['-hide_banner', ...input, '-map', '0:v', '-c', 'copy', '-frames:v', `${frames}`, '-f', 'h264', '-'];
  const child = spawn('ffmpeg', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    words += chunk;
  });
  return {
    child,
    done: once(child, 'close').then(() => ({ words, slices: slicesOf(Buffer.concat(chunks)) })),
  };
}

const slicesOf = (annexB: Buffer): Buffer[] =>
  splitNalUnits(annexB).filter((nal) => [1, 5].includes((nal[0] ?? 0) & 31));

function outputs(urls: readonly string[], log: RecordedLog, program: (index: number) => string): Outputs {
  const settings = urls.map((url, index) => ({
    name: String(index),
    variant: 'upconverted' as const,
    push: ffmpegPush({
      ...{
        address: outputAddress(url),
        audio: true,
        clock: systemClock,
        timeout: fromMs(index === HANGS ? 1500 : 10_000),
      },
      program: () => program(index),
    }),
  }));
  // Of a publication, outputs take no more.
  const publication = () => rig as never;
  return new Outputs(settings, { stream: 's', clock: systemClock, events: noEvents, log, publication });
}

const until = async (what: () => boolean, limitMs = 15_000): Promise<void> => {
  const end = performance.now() + limitMs;
  while (!what()) {
    if (performance.now() > end) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

describe('outputs', () => {
  it('hand on the very access units, by RTSP, RTMP and SRT, with sound; what refuses or hangs minds nobody', async () => {
    const [rtsp, rtmp, srt, nobody] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    const receivers = [
      receiver(['-rtsp_flags', 'listen', '-i', `rtsp://127.0.0.1:${rtsp}/x`], 45),
      receiver(['-listen', '1', '-i', `rtmp://127.0.0.1:${rtmp}/live/geheim`], 45),
      receiver(['-i', `srt://127.0.0.1:${srt}?mode=listener`], 45),
    ];
    const hanging = createServer(() => {}).listen(0, '127.0.0.1');
    await once(hanging, 'listening');
    const address = hanging.address();
    const hangs = address !== null && typeof address === 'object' ? address.port : 0;
    const strict = await startFakeRtsp({
      script: () => ({ status: 401, headers: { 'WWW-Authenticate': 'Basic realm="x"' } }),
    });
    const log = new RecordedLog();
    const running = outputs(
      [
        `rtsp://127.0.0.1:${rtsp}/x`,
        `rtmp://127.0.0.1:${rtmp}/live/geheim`,
        `srt://127.0.0.1:${srt}`,
        `rtsp://127.0.0.1:${nobody}/x`,
        `rtsp://127.0.0.1:${hangs}/x`,
        `rtsp://user:geheim@127.0.0.1:${strict.port}/x`,
      ],
      log,
      (index) => (index === 1 ? newest : installed),
    );
    running.start();
    try {
      const got = await Promise.all(receivers.map(({ done }) => done));
      const sent = rig.clip.map((unit) => slicesOf(Buffer.from(unit)));
      for (const { words, slices } of got) {
        expect(slices.length, words).toBeGreaterThanOrEqual(44);
        const first = sent.findIndex(([slice]) => slice && slices[0]?.equals(slice));
        expect(first, 'the first is one of ours').toBeGreaterThanOrEqual(0);
        const same = slices.map((slice, index) => sent[(first + index) % sent.length]?.[0]?.equals(slice));
        expect(same.filter((equal) => !equal)).toEqual([]);
      }
      expect(got.map(({ words }) => /Audio: (\w+)/.exec(words)?.[1])).toEqual(['opus', 'aac', 'opus']);
      await until(() => running.status.slice(3).every(({ error }) => error !== undefined));
      const codes = running.status.slice(3).map(({ error }) => error?.code);
      expect(codes).toEqual(['output.unreachable', 'output.unreachable', 'output.unauthorized']);
      expect(running.status[4]?.error?.message).toMatch(/did not take the stream within 2 s/);
      expect(running.status.slice(0, 3).every(({ bytes }) => bytes > 10_000)).toBe(true);
      expect(JSON.stringify([running.status, log.lines])).not.toContain('geheim');
    } finally {
      await running[Symbol.asyncDispose]();
      for (const { child } of receivers) child.kill('SIGKILL');
      hanging.close();
      await strict.close();
    }
    expect(rig.followers).toBe(0);
  });

  it('tell of a program that is missing', async () => {
    const stop = new AbortController();
    const push = ffmpegPush({
      ...{ address: outputAddress('rtsp://127.0.0.1:9/x'), audio: false, clock: systemClock },
      program: () => '/nowhere/ffmpeg',
    });
    const failed = push.run(rig, { live: () => {}, sent: () => {} }, stop.signal);
    await expect(failed).rejects.toSatisfy(({ code }: FrameliftError) => code === 'ffmpeg.failed');
  });
});
