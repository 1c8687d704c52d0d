import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConvertOptions, type ConvertResult, convert } from '../../src/commands/convert/convert.ts';
import { holdingOf } from '../../src/egress/file/carried/table.ts';
import { micros } from '../../src/time.ts';
import { makeFull, probe, SUBTITLES, soundLead, subtitles } from '../support/carried.ts';
import { ffmpeg, frameHashes, temporaryFolder } from '../support/media.ts';

const run = promisify(execFile);
let folder: { path: string; remove: () => Promise<void> };
const at = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder();
});

afterAll(() => folder.remove());

async function to(output: string, input: string, options: Partial<ConvertOptions> = {}): Promise<ConvertResult> {
  const fixed = { factor: 2, model: 'repeat', codec: 'h264', crf: 30, overwrite: true };
  return convert({ ...fixed, input: at(input), output: at(output), ...options });
}

const picture = (seconds: number): string[] => [
  '-f',
  'lavfi',
  '-i',
  `testsrc2=size=160x90:rate=25:duration=${seconds}`,
];
const tone = (seconds: number): string[] => ['-f', 'lavfi', '-i', `sine=duration=${seconds}`];
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast'];

describe('sound keeps its place beside the picture', () => {
  beforeAll(async () => {
    const late = ['-filter:v', 'setpts=PTS+0.5/TB', '-fps_mode', 'passthrough', '-bf', '2'];
    await ffmpeg(...picture(1), ...tone(1.5), ...late, ...H264, '-c:a', 'aac', at('late.mp4'));
    await ffmpeg('-i', at('late.mp4'), '-c', 'copy', at('late.mkv'));
    await ffmpeg('-i', at('late.mp4'), '-c', 'copy', at('late.ts'));
  });

  const pairs = ['mp4', 'mkv', 'ts'].flatMap((from) =>
    ['mp4', 'mkv', 'mov', 'ts'].map((into) => [from, into] as const),
  );

  it.each(pairs)('late.%s to .%s: to the millisecond, to the last packet', async (from, into) => {
    const result = await to(`late_${from}.${into}`, `late.${from}`);
    expect(result.notes).toEqual([]);
    const [before, after] = [await probe(at(`late.${from}`)), await probe(at(`late_${from}.${into}`))];
    expect(Math.abs(soundLead(after) - soundLead(before))).toBeLessThan(0.001);
    const [was, is] = [before.streams[1]?.packets ?? [], after.streams[1]?.packets ?? []];
    expect(is).toHaveLength(was.length);
    for (const [i, packet] of is.entries()) {
      const [a, b] = [packet.pts - (is[0]?.pts ?? 0), (was[i]?.pts ?? 0) - (was[0]?.pts ?? 0)];
      expect(Math.abs(a - b)).toBeLessThan(0.001);
    }
  });

  it('what an encoder put before the sound is skipped as before', async () => {
    for (const into of ['mp4', 'mov', 'mkv']) {
      const heard = async (path: string): Promise<string> =>
        (await run('ffmpeg', ['-v', 'error', '-i', path, '-map', '0:a', '-f', 'md5', '-'])).stdout;
      if (into !== 'mkv') expect(await heard(at(`late_mp4.${into}`))).toBe(await heard(at('late.mp4')));
      const [first] = (await probe(at(`late_mp4.${into}`))).streams[1]?.packets ?? [];
      expect(first?.pts).toBeCloseTo(-1024 / 44100, 3);
    }
  });

  it('in AVI, where all begins at once, sound that comes late begins late', async () => {
    const late = ['-af', 'asetpts=PTS+0.5/TB'];
    await ffmpeg(...picture(1), ...tone(1), ...late, ...H264, '-c:a', 'pcm_s16le', at('later.mkv'));
    await to('later.avi', 'later.mkv');
    expect(soundLead(await probe(at('later.avi')))).toBeCloseTo(-0.5, 3);
  });

  it.each(['picture', 'sound'] as const)('in a file that holds all its %s first', async (first) => {
    await ffmpeg(...picture(14), ...tone(14), ...H264, '-c:a', 'aac', at('even.mp4'));
    const order = first === 'picture' ? [0, 1] : [1, 0];
    await badlyInterleaved(at('even.mp4'), at('uneven.mov'), order);
    await to('uneven.mp4', 'uneven.mov');
    const [before, after] = [await probe(at('uneven.mov')), await probe(at('uneven.mp4'))];
    expect(Math.abs(soundLead(after) - soundLead(before))).toBeLessThan(0.001);
    expect(after.streams[1]?.packets.map(({ hash }) => hash)).toEqual(
      before.streams[1]?.packets.map(({ hash }) => hash),
    );
  });

  it('--no-audio leaves it out, and nothing else', async () => {
    const result = await to('silent.mp4', 'late.mp4', { audio: false });
    const { streams } = await probe(at('silent.mp4'));
    expect([streams.map(({ kind }) => kind), result.notes]).toEqual([['video'], []]);
  });
});

/** Copies a file with one stream written after the other. */
async function badlyInterleaved(from: string, into: string, order: readonly number[]): Promise<void> {
  const { FormatContext, Packet } = await import('node-av');
  const output = new FormatContext();
  output.allocOutputContext2(null, null, into);
  await output.openOutput();
  for (const wanted of order) {
    const input = new FormatContext();
    input.allocContext();
    await input.openInput(from);
    await input.findStreamInfo();
    if (output.nbStreams === 0) {
      for (const stream of input.streams) {
        const copy = output.newStream(null);
        copy.codecpar = stream.codecpar;
        copy.timeBase = stream.timeBase;
      }
      await output.writeHeader();
    }
    const packet = new Packet();
    packet.alloc();
    while ((await input.readFrame(packet)) >= 0) {
      const [source, target] = [
        input.streams[packet.streamIndex]?.timeBase,
        output.streams[packet.streamIndex]?.timeBase,
      ];
      if (packet.streamIndex === wanted && source && target) {
        packet.rescaleTs(source, target);
        expect(await output.writeFrame(packet)).toBeGreaterThanOrEqual(0);
      }
      packet.unref();
    }
    packet.free();
    await input.closeInput();
  }
  await output.writeTrailer();
  await output.closeOutput();
}

describe('everything else in a file', () => {
  beforeAll(async () => {
    await makeFull(folder.path);
  });

  it.each(['mkv', 'mp4', 'mov'])(
    'title, date, chapters, subtitles, languages and dispositions to .%s',
    async (into) => {
      await to(`full_out.${into}`, 'full.mkv');
      const before = await probe(at('full.mkv'));
      const after = await probe(at(`full_out.${into}`));
      expect(after.tags).toMatchObject({ title: 'Holiday', creation_time: '2024-05-01T12:00:00.000000Z' });
      if (into !== 'mov') expect(after.tags.date).toBe('2024-05-01');
      expect(after.chapters.map(({ title }) => title)).toEqual(['One', 'Zwei: größer']);
      expect(after.chapters[1]?.start).toBeCloseTo(before.chapters[1]?.start ?? 0, 3);
      expect(await subtitles(at(`full_out.${into}`))).toBe(await subtitles(at('full.mkv')));
      expect(await subtitles(at('full.mkv'))).toContain('hello <i>you</i>');
      const [video, german, french] = after.streams;
      const languages = [video, german, french].map((stream) => stream?.tags.language);
      expect(languages).toEqual(['ita', 'ger', into === 'mov' ? 'fra' : 'fre']);
      expect([german?.disposition.default, french?.disposition.default]).toEqual([0, 1]);
      if (into !== 'mov')
        expect(after.streams[3]).toMatchObject({ disposition: { forced: 1 }, tags: { language: 'eng' } });
      expect(Math.abs(soundLead(after) - soundLead(before))).toBeLessThan(0.001);
    },
  );

  it('the cover is the same picture in Matroska and mp4, as both know it', async () => {
    for (const into of ['mkv', 'mp4']) {
      const { streams } = await probe(at(`full_out.${into}`));
      const covers = streams.flatMap(({ disposition }, i) => (disposition.attached_pic === 1 ? [i] : []));
      expect(covers).toHaveLength(1);
      await ffmpeg(
        '-i',
        at(`full_out.${into}`),
        '-map',
        `0:${covers[0]}`,
        '-c',
        'copy',
        '-f',
        'image2',
        at('again.jpg'),
      );
      expect(readFileSync(at('again.jpg'))).toEqual(readFileSync(at('cover.jpg')));
    }
  });

  it('the font is attached in Matroska, and missed in mp4 in one sentence', async () => {
    const { streams } = await probe(at('full_out.mkv'));
    expect(streams.find(({ kind }) => kind === 'attachment')?.tags.filename).toBe('font.ttf');
    const { notes } = await to('full_out.mp4', 'full.mkv');
    expect(notes).toEqual(['an attached file (font.ttf) was left out: a .mp4 file cannot hold it; .mkv can hold it']);
  });

  it('subtitles come back from mp4 as they were', async () => {
    await to('back.mkv', 'full_out.mp4');
    expect(await subtitles(at('back.mkv'))).toBe(await subtitles(at('full.mkv')));
    expect((await probe(at('back.mkv'))).chapters.map(({ title }) => title)).toEqual(['One', 'Zwei: größer']);
  });

  it('a container without them says what it leaves out', async () => {
    const { notes } = await to('full.avi', 'full.mkv');
    expect(notes).toEqual([
      'subtitles (subrip, eng) was left out: a .avi file cannot hold it; .mp4, .m4v, .mov can hold it',
      'an attached file (font.ttf) was left out: a .avi file cannot hold it; .mkv can hold it',
      'a cover picture (cover.jpg) was left out: a .avi file cannot hold it; .mp4, .m4v, .mkv can hold it',
      '2 of 2 chapters were left out: a .avi file cannot hold them',
    ]);
    const { streams } = await probe(at('full.avi'));
    expect(streams.map(({ kind }) => kind)).toEqual(['video', 'audio', 'audio']);
  });

  it('a timecode tells the same moment at the new rate; a further video stream is missed', async () => {
    const two = ['-map', '0:v', '-map', '0:v', '-timecode', '01:00:00:10'];
    await ffmpeg(...picture(1), ...H264, ...two, at('code.mov'));
    const { notes } = await to('code.mp4', 'code.mov');
    expect(notes).toEqual([
      expect.stringMatching(/^a further video stream \(h264.*\) was left out: one is converted$/),
    ]);
    const { streams } = await probe(at('code.mp4'));
    expect(streams[0]?.tags.timecode).toBe('01:00:00:20');
  });
});

/** Sound of a file as FFmpeg in framelift reads it: older ones do not know PCM in mp4. */
async function soundCodecs(path: string): Promise<string[]> {
  const { AVMEDIA_TYPE_AUDIO, avGetCodecName, FormatContext } = await import('node-av');
  const input = new FormatContext();
  input.allocContext();
  await input.openInput(path);
  await input.findStreamInfo();
  const sound = input.streams.filter(({ codecpar }) => codecpar.codecType === AVMEDIA_TYPE_AUDIO);
  const codecs = sound.map(({ codecpar }) => avGetCodecName(codecpar.codecId) ?? 'none');
  await input.closeInput();
  return codecs;
}

describe('what the table says is so', () => {
  const SOUND =
    'aac ac3 eac3 mp2 libmp3lame flac libopus libvorbis alac dca truehd wavpack tta wmav2 pcm_s16le pcm_s24le pcm_f32le pcm_s16be pcm_mulaw pcm_u8';
  const made = SOUND.split(' ');

  beforeAll(async () => {
    const sound = ['-f', 'lavfi', '-i', 'sine=duration=1:sample_rate=48000,aformat=channel_layouts=stereo'];
    const tracks = made.flatMap((codec, i) => ['-map', '1:a', `-c:a:${i}`, codec]);
    writeFileSync(at('said.srt'), SUBTITLES);
    const texts = ['-map', '2:s', '-c:s:0', 'srt', '-map', '2:s', '-c:s:1', 'ass', '-map', '2:s', '-c:s:2', 'webvtt'];
    await ffmpeg(
      ...[...picture(1), ...sound, '-i', at('said.srt'), '-map', '0:v', ...H264, ...tracks, ...texts],
      '-strict',
      '-2',
      at('all.mkv'),
    );
  });

  it.each(['.mp4', '.mov', '.mkv', '.avi', '.ts'])(
    '%s holds each sound and subtitle it is said to hold, and no other',
    async (ending) => {
      const holding = holdingOf(ending);
      const { notes } = await to(`all_out${ending}`, 'all.mkv');
      const [before, after] = [await probe(at('all.mkv')), await probe(at(`all_out${ending}`))];
      const codecs = (kind: string, streams = before.streams): string[] =>
        streams.filter((s) => s.kind === kind).map((s) => s.codec);
      const wanted = codecs('audio').filter((codec) => holding.audio.includes(codec));
      // FFmpeg reads MPEG layer II in mp4 as layer III: the box has one number for both.
      const read = (codec: string): string => (ending === '.mp4' && codec === 'mp2' ? 'mp3' : codec);
      expect(await soundCodecs(at(`all_out${ending}`))).toEqual(wanted.map(read));
      for (const stream of after.streams) {
        if (stream.kind === 'audio') expect(stream.packets.length, stream.codec).toBeGreaterThan(0);
      }
      const texts =
        ending === '.mkv' ? ['subrip', 'ass', 'webvtt'] : holding.texts.length > 0 ? ['mov_text', 'mov_text'] : [];
      expect(codecs('subtitle', after.streams)).toEqual(texts);
      const missed = before.streams.length - after.streams.length;
      expect(notes.filter((note) => note.includes('was left out'))).toHaveLength(missed);
    },
  );

  it('sound of telephones, discs and studios', async () => {
    // 12.2 kbit/s, 50 frames a second.
    const frame = Buffer.concat([Buffer.from([0x3c]), Buffer.alloc(31, 0x55)]);
    writeFileSync(at('phone.amr'), Buffer.concat([Buffer.from('#!AMR\n'), ...Array.from({ length: 50 }, () => frame)]));
    await ffmpeg(...picture(1), '-i', at('phone.amr'), ...H264, '-c:a', 'copy', at('phone.mov'));
    for (const into of ['mov', 'mkv']) {
      await to(`phone_out.${into}`, 'phone.mov');
      expect(await soundCodecs(at(`phone_out.${into}`))).toEqual(['amr_nb']);
    }
    const codecs = ['-map', '0', '-map', '1', '-c:a:0', 'pcm_bluray', '-map', '1', '-c:a:1', 's302m', '-strict', '-2'];
    const sound = ['-f', 'lavfi', '-i', 'sine=duration=1:sample_rate=48000,aformat=channel_layouts=stereo'];
    await ffmpeg(...picture(1), ...sound, ...codecs, ...H264, at('studio.ts'));
    await to('studio_out.ts', 'studio.ts');
    expect(await soundCodecs(at('studio_out.ts'))).toEqual(await soundCodecs(at('studio.ts')));
  });

  it.each(['aac', 'mp3', 'ac3', 'flac'])('.flv holds one %s', async (codec) => {
    const index = made.indexOf(codec === 'mp3' ? 'libmp3lame' : codec);
    await ffmpeg(
      '-i',
      at('all.mkv'),
      '-map',
      '0:v',
      '-map',
      `0:a:${index}`,
      '-map',
      `0:a:${index}`,
      '-c',
      'copy',
      at('one.mkv'),
    );
    const { notes } = await to('one.flv', 'one.mkv');
    expect(notes).toHaveLength(1);
    const after = await run('ffmpeg', ['-v', 'error', '-i', at('one.flv'), '-map', '0:v', '-f', 'null', '-']);
    expect(after.stderr).toBe('');
  });
});

describe('a part of a file', () => {
  const START = 0.53;
  const LENGTH = 0.9;
  const part = { start: micros(START * 1e6), duration: micros(LENGTH * 1e6) };

  beforeAll(async () => {
    await makeFull(folder.path);
    // Reordered frames, one keyframe for all of them.
    const coded = ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '3', '-g', '250', '-c:a', 'copy', '-c:s', 'copy'];
    await ffmpeg('-i', at('full.mkv'), '-map', '0:v:0', '-map', '0:a:0', '-map', '0:s', ...coded, at('long.mkv'));
    await ffmpeg('-i', at('long.mkv'), '-c', 'copy', '-c:s', 'mov_text', at('long.mp4'));
    await ffmpeg('-i', at('long.mkv'), '-map', '0:v', '-map', '0:a', '-c', 'copy', at('long.ts'));
    const old = ['-map', '0:v', '-map', '0:a', '-c:v', 'mpeg4', '-bf', '2', '-g', '10', '-c:a', 'mp2'];
    await ffmpeg('-i', at('long.mkv'), ...old, at('long.avi'));
    await ffmpeg('-i', at('long.mkv'), ...old, '-c:v', 'mpeg2video', at('long.mpg'));
  });

  it.each(['mkv', 'mp4', 'ts', 'avi', 'mpg'])(
    'of .%s begins with the first frame there, and ends before its end',
    async (from) => {
      const { notes } = await to(`part_${from}.mkv`, `long.${from}`, { ...part, codec: 'ffv1', crf: undefined });
      expect(notes).toEqual([]);
      const source = await probe(at(`long.${from}`));
      const zero = Math.min(
        ...source.streams.filter(({ kind }) => kind !== 'subtitle').map(({ packets }) => heardAt(packets)),
      );
      const times = (source.streams[0]?.packets ?? []).map(({ pts }) => pts - zero).sort((a, b) => a - b);
      // AVI tells times of decoding: counted, they are those of showing.
      const wanted = times.flatMap((time, i) => (time >= START && time < START + LENGTH ? [i] : []));
      const hashes = await frameHashes(at(`long.${from}`));
      const made = (await frameHashes(at(`part_${from}.mkv`))).filter((_, i) => i % 2 === 0);
      expect(made).toEqual(wanted.map((i) => hashes[i]));
      expect(new Set(made).size).toBe(made.length);
    },
  );

  it.each(['mkv', 'mp4', 'ts'])(
    'of .%s: sound is cut at the packet, and keeps its place to the millisecond',
    async (from) => {
      for (const into of ['mp4', 'mkv']) {
        await to(`cut_${from}.${into}`, `long.${from}`, part);
        const [before, after] = [await probe(at(`long.${from}`)), await probe(at(`cut_${from}.${into}`))];
        const [was, is] = [before.streams[1]?.packets ?? [], after.streams[1]?.packets ?? []];
        const pictures = (before.streams[0]?.packets ?? []).map(({ pts }) => pts).sort((a, b) => a - b);
        const zero = Math.min(pictures[0] ?? 0, heardAt(was));
        const shown = pictures.find((pts) => pts >= zero + START) ?? 0;
        const heard = was.filter(({ pts }) => pts >= zero + START && pts < zero + START + LENGTH);
        expect(is).toHaveLength(heard.length);
        expect(is[0]?.pts ?? 0).toBeLessThan(0.025 + Math.abs(shown - zero - START));
        const lead = shown - (heard[0]?.pts ?? 0);
        expect(Math.abs(soundLead(after) - lead)).toBeLessThan(0.001);
      }
    },
  );

  it('has the chapters and subtitles that lie in it, clipped', async () => {
    await ffmpeg(
      '-i',
      at('long.mkv'),
      '-i',
      at('full.mkv'),
      '-map',
      '0',
      '-map_chapters',
      '1',
      '-c',
      'copy',
      at('told.mkv'),
    );
    for (const into of ['mkv', 'mp4']) {
      const { notes } = await to(`told_part.${into}`, 'told.mkv', part);
      const { chapters } = await probe(at(`told_part.${into}`));
      expect([notes, chapters.map(({ title }) => title)]).toEqual([[], ['One', 'Zwei: größer']]);
      expect(chapters[1]?.start).toBeCloseTo(0.7 - START, 1);
      const told = await subtitles(at(`told_part.${into}`));
      expect(told).toMatch(
        /^1\n00:00:00,0\d\d --> 00:00:00,5\d\d\nhello <i>you<\/i>\n\n2\n00:00:00,7\d\d --> 00:00:00,9\d\d\ntwo\nlines$/,
      );
    }
  });

  it('beyond the end is refused', async () => {
    const beyond = to('beyond.mkv', 'long.mkv', { start: micros(9e6) });
    await expect(beyond).rejects.toThrow(/start is 9 s, but the video lasts for 2\.\d\d s/);
  });
});

/** When a stream is first seen or heard: what an encoder put before time zero is skipped. */
function heardAt(packets: readonly { readonly pts: number }[]): number {
  const [first, second] = packets.map(({ pts }) => pts).sort((a, b) => a - b);
  return (first !== undefined && first < 0 ? second : first) ?? 0;
}

describe('shape and rotation', () => {
  /** Nine numbers as mp4 has them. */
  const MATRICES = {
    'a quarter to the right': [0, 1, 0, -1, 0, 0],
    'half a turn': [-1, 0, 0, 0, -1, 0],
    'a quarter to the left': [0, -1, 0, 1, 0, 0],
    mirrored: [-1, 0, 0, 0, 1, 0],
    'on its head': [1, 0, 0, 0, -1, 0],
    'mirrored and turned': [0, 1, 0, 1, 0, 0],
  } as const;

  it.each(Object.entries(MATRICES))(
    '%s is carried to mp4, mov and Matroska, and missed in a transport stream',
    async (name, six) => {
      await ffmpeg(...picture(0.2), ...H264, at('upright.mp4'));
      const bytes = readFileSync(at('upright.mp4'));
      const matrix = bytes.indexOf('tkhd', 0, 'latin1') + 4 + 40;
      for (const [i, value] of six.entries()) bytes.writeInt32BE(value * 65536, matrix + 4 * i);
      writeFileSync(at('turned.mp4'), bytes);
      const told = await matrixOf(at('turned.mp4'));
      expect(told, name).toMatch(/0 0 0 1073741824$|1073741824$/);
      for (const into of ['mp4', 'mov', 'mkv']) {
        expect((await to(`turned_out.${into}`, 'turned.mp4')).notes).toEqual([]);
        expect(await matrixOf(at(`turned_out.${into}`)), into).toBe(told);
      }
      const { notes } = await to('turned_out.ts', 'turned.mp4');
      expect(notes).toEqual(['the input asks to be turned or mirrored; a .ts file cannot say so']);
    },
  );

  it.each([
    ['dvd.mpg', '64:45', ['-vf', 'setsar=64/45', '-c:v', 'mpeg2video', '-aspect', '16:9'], '180x144'],
    ['hdv.mp4', '4:3', ['-vf', 'setsar=4/3', ...H264], '288x216'],
  ] as const)('%s keeps samples of %s in every container', async (name, aspect, coded, size) => {
    await ffmpeg('-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=25`, '-frames:v', '4', ...coded, at(name));
    for (const into of ['mp4', 'mov', 'mkv', 'ts', 'avi', 'flv']) {
      await to(`shape.${into}`, name);
      expect((await probe(at(`shape.${into}`))).streams[0]?.sampleAspect, into).toBe(aspect);
    }
  });
});

/** The display matrix of a file's picture as framelift's FFmpeg reads it. */
async function matrixOf(path: string): Promise<string> {
  const { AV_PKT_DATA_DISPLAYMATRIX, FormatContext } = await import('node-av');
  const input = new FormatContext();
  input.allocContext();
  await input.openInput(path);
  await input.findStreamInfo();
  const bytes = input.streams[0]?.codecpar.getCodedSideData(AV_PKT_DATA_DISPLAYMATRIX) ?? Buffer.alloc(0);
  const numbers = Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readInt32LE(4 * i));
  await input.closeInput();
  return numbers.join(' ');
}
