import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AVMEDIA_TYPE_AUDIO, FormatContext, Packet } from 'node-av';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { FileCodec } from '../../src/egress/file/codecs.ts';
import { OutputFile } from '../../src/egress/file/output-file.ts';
import { FileWriter } from '../../src/egress/file/writer.ts';
import { Arena } from '../../src/media/arena.ts';
import { Frame, SOURCE } from '../../src/media/frame.ts';
import { micros, ZERO } from '../../src/time.ts';
import { ffmpeg, frameHashes } from '../support/media.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'framelift-resume-'));
const at = (name: string): string => join(folder, name);
const arena = new Arena(16);
const FRAMES = 300;

afterEach(() => expect(arena.liveFrames).toBe(0));
afterAll(() => rmSync(folder, { recursive: true }));

function picture(nth: number, width = 64): Frame {
  const pts = micros(Math.round((nth * 1e6) / 60));
  const frame = Frame.allocate(arena, width, 48, {
    pts,
    arrival: ZERO,
    capture: ZERO,
    discontinuity: false,
    provenance: SOURCE,
  });
  const { bytes } = frame;
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i * (1 + (nth >> 4)) + 3 * nth) & 255;
  return frame;
}

/** Writes frames from the first on, as a conversion does. @returns how many of them were kept from before. */
async function write(
  path: string,
  codec: FileCodec,
  frames: number,
  end: 'finish' | 'vanish' | 'stop',
  resume = false,
) {
  await using output = await OutputFile.open(path, { resume });
  await using writer = await FileWriter.open({ path, output, codec, crf: 20, fps: { num: 60, den: 1 }, threads: 1 });
  for (let nth = 0; nth < frames; nth++) {
    await writer.write(picture(nth));
    await writer.endStep({ nth });
  }
  if (end === 'finish') await writer.finish();
  const unfinished = end === 'stop' ? await writer.stop() : undefined;
  return { kept: writer.kept, unfinished };
}

const CONTAINERS = [
  ['h264', 'mp4'],
  ['h264', 'mkv'],
  ['h264', 'mov'],
  ['h264', 'avi'],
  ['h264', 'ts'],
  ['h264', 'flv'],
  ['ffv1', 'mkv'],
  ['ffv1', 'mov'],
  ['ffv1', 'avi'],
  ['ffv1', 'nut'],
] as const;

describe.each(CONTAINERS)('%s in .%s', (codec, ending) => {
  const whole = at(`${codec}.${ending}`);
  const output = at(`${codec}-again.${ending}`);
  const partial = at(`${codec}-again.partial.${ending}`);

  beforeAll(() => write(whole, codec, FRAMES, 'finish'));

  // Of an attempt before.
  beforeEach(() => {
    for (const name of readdirSync(folder)) if (name.startsWith(`${codec}-again`)) rmSync(at(name));
  });

  it.each([
    // Its process is gone, as if killed: no trailer, nothing flushed.
    ['vanish', 290, 120],
    ['stop', 250, 240],
  ] as const)('%s after %i frames: playable, and gone on from to the very same file', async (end, frames, least) => {
    const { unfinished } = await write(output, codec, frames, end);
    const playable = (await frameHashes(partial)).length;
    if (end === 'stop') expect([playable, unfinished]).toEqual([frames, { path: partial, frames, resumesAt: 240 }]);
    expect(playable).toBeGreaterThan(frames - 120);
    const { kept } = await write(output, codec, FRAMES, 'finish', true);
    expect(kept % 120).toBe(0);
    expect(kept).toBeGreaterThanOrEqual(least);
    expect(readFileSync(output).equals(readFileSync(whole))).toBe(true);
    rmSync(output);
    expect(readdirSync(folder).filter((name) => name.includes('partial'))).toEqual([]);
  });

  it('cut off anywhere it gives the very same file', async () => {
    await write(output, codec, 290, 'vanish');
    const { length } = readFileSync(partial);
    truncateSync(partial, Math.trunc(length * 0.7));
    await write(output, codec, FRAMES, 'finish', true);
    expect(readFileSync(output).equals(readFileSync(whole))).toBe(true);
    rmSync(output);
  });
});

describe('unfinished work', () => {
  it('of another input is refused at the first frame that does not fit, and stays', async () => {
    const path = at('other.mkv');
    await write(path, 'h264', 290, 'vanish');
    await using output = await OutputFile.open(path, { resume: true });
    const writer = await FileWriter.open({ path, output, codec: 'h264', crf: 20, fps: { num: 60, den: 1 } });
    expect(writer.kept).toBe(240);
    await writer.write(picture(0));
    await expect(writer.write(picture(7))).rejects.toThrow(/does not fit this input at frame 2/);
    await writer.stop();
    await output[Symbol.asyncDispose]();
    expect((await write(path, 'h264', FRAMES, 'finish', true)).kept).toBe(240);
  });

  it('of a change of size midway holds every frame before', async () => {
    const path = at('sizes.mp4');
    await using writer = await FileWriter.open({ path, codec: 'h264', crf: 20, fps: { num: 60, den: 1 } });
    for (let nth = 0; nth < 30; nth++) await writer.write(picture(nth));
    await expect(writer.write(picture(30, 96))).rejects.toThrow('changes its size from 64x48 to 96x48');
    expect(await writer.stop()).toEqual({ path: at('sizes.partial.mp4'), frames: 30, resumesAt: 0 });
    expect(await frameHashes(at('sizes.partial.mp4'))).toHaveLength(30);
    expect(existsSync(path)).toBe(false);
  });
});

describe('a pipe', () => {
  it.each(['mkv', 'ts'])('.%s goes straight through it', async (ending) => {
    execFileSync('mkfifo', [at(`pipe.${ending}`)]);
    const reader = spawn('sh', ['-c', `cat '${at(`pipe.${ending}`)}' > '${at(`read.${ending}`)}'`]);
    const read = once(reader, 'close');
    await write(at(`pipe.${ending}`), 'h264', 60, 'finish');
    await read;
    expect(await frameHashes(at(`read.${ending}`))).toHaveLength(60);
  });
});

describe('copied streams', () => {
  it.each(['mkv', 'mp4', 'mov', 'ts'])(
    'lie in .%s by their times, each packet as it was, also when it was gone on from',
    async (ending) => {
      const input = at('sound.mkv');
      await ffmpeg('-f', 'lavfi', '-i', 'anoisesrc=duration=5:seed=1', '-c:a', 'ac3', input);
      const sound = async (path: string): Promise<string[]> => {
        const { stdout } = await run('ffmpeg', [
          '-v',
          'error',
          '-i',
          path,
          '-map',
          '0:a',
          '-c',
          'copy',
          '-f',
          'framemd5',
          '-',
        ]);
        return stdout
          .split('\n')
          .filter((line) => /^\d/.test(line))
          .map((line) => line.split(',')[5]?.trim() ?? '');
      };
      const record = async (path: string, frames: number, resume: boolean): Promise<void> => {
        await using output = await OutputFile.open(path, { resume });
        await using writer = await FileWriter.open({
          path,
          output,
          codec: 'h264',
          crf: 20,
          fps: { num: 60, den: 1 },
          threads: 1,
        });
        const context = new FormatContext();
        await context.openInput(input, null, null);
        await context.findStreamInfo(null);
        const stream = context.streams[context.findBestStream(AVMEDIA_TYPE_AUDIO)];
        if (!stream) throw new Error('no sound');
        const track = writer.add({
          ...{ codecParameters: stream.codecpar, timeBase: stream.timeBase, disposition: 1 },
          metadata: { language: 'eng' },
        });
        const packet = new Packet();
        packet.alloc();
        for (let nth = 0, more = true; nth < frames; nth++) {
          // All that an input of both would have given by now.
          while (more && !(packet.size > 0 && Number(packet.pts) > (nth * 1000) / 60)) {
            packet.unref();
            more = (await context.readFrame(packet)) >= 0;
            if (more) await writer.copy(packet, track);
          }
          await writer.write(picture(nth));
          await writer.endStep({ nth });
        }
        packet.free();
        if (frames === FRAMES) await writer.finish();
        await writer[Symbol.asyncDispose]();
        await context.closeInput();
      };
      const whole = at(`sound-whole.${ending}`);
      await record(whole, FRAMES, false);
      const expected = await sound(input);
      expect(await sound(whole)).toEqual(expected.slice(0, (await sound(whole)).length));
      expect((await sound(whole)).length).toBeGreaterThan(expected.length - 3);
      const { stdout } = await run('ffprobe', [
        '-v',
        'error',
        '-show_entries',
        'packet=dts_time',
        '-of',
        'csv=p=0',
        whole,
      ]);
      const packets = stdout
        .trim()
        .split('\n')
        .flatMap((line) => line.match(/^[\d.-]+/) ?? []);
      // No packet lies far from those of its time: mp4 has a chunk of each stream for a second.
      let latest = 0;
      for (const time of packets) {
        expect(Number(time)).toBeGreaterThan(latest - 1.2);
        latest = Math.max(latest, Number(time));
      }
      await record(at(`sound-again.${ending}`), 290, false);
      await record(at(`sound-again.${ending}`), FRAMES, true);
      expect(readFileSync(at(`sound-again.${ending}`)).equals(readFileSync(whole))).toBe(true);
    },
  );
});
