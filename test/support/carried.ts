/** What a media file holds, as ffprobe reads it, and files with everything in them. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ffmpeg } from './media.ts';

const run = promisify(execFile);

/** A stream with its packets in the order of the file. */
interface ProbedStream {
  readonly kind: string;
  readonly codec: string;
  readonly sampleAspect: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly disposition: Readonly<Record<string, number>>;
  readonly packets: readonly ProbedPacket[];
}

/** A packet; times in seconds. */
interface ProbedPacket {
  readonly pts: number;
  readonly duration: number;
  readonly hash: string;
}

/** A file. */
export interface Probed {
  readonly streams: readonly ProbedStream[];
  readonly chapters: readonly { readonly start: number; readonly end: number; readonly title: string | undefined }[];
  readonly tags: Readonly<Record<string, string>>;
}

interface RawProbe {
  readonly streams: readonly {
    readonly index: number;
    readonly codec_type: string;
    readonly codec_name?: string;
    readonly sample_aspect_ratio?: string;
    readonly tags?: Record<string, string>;
    readonly disposition: Record<string, number>;
  }[];
  readonly packets: readonly {
    readonly stream_index: number;
    readonly pts_time?: string;
    readonly dts_time?: string;
    readonly duration_time?: string;
    readonly data_hash: string;
  }[];
  readonly chapters: readonly {
    readonly start_time: string;
    readonly end_time: string;
    readonly tags?: Record<string, string>;
  }[];
  readonly format: { readonly tags?: Record<string, string> };
}

/** Everything in a file. */
export async function probe(path: string): Promise<Probed> {
  const what = ['-show_streams', '-show_packets', '-show_chapters', '-show_format', '-show_data_hash', 'md5'];
  const { stdout } = await run('ffprobe', ['-v', 'error', ...what, '-of', 'json', path], { maxBuffer: 1 << 28 });
  // ffprobe's own JSON.
  const raw = JSON.parse(stdout) as RawProbe;
  return {
    streams: raw.streams.map((stream) => ({
      kind: stream.codec_type,
      codec: stream.codec_name ?? 'none',
      sampleAspect: stream.sample_aspect_ratio,
      tags: lowered(stream.tags),
      disposition: stream.disposition,
      packets: raw.packets
        .filter((packet) => packet.stream_index === stream.index)
        .map((packet) => ({
          pts: Number(packet.pts_time ?? packet.dts_time),
          duration: Number(packet.duration_time ?? 0),
          hash: packet.data_hash,
        })),
    })),
    chapters: raw.chapters.map(({ start_time, end_time, tags }) => ({
      ...{ start: Number(start_time), end: Number(end_time), title: tags?.title },
    })),
    tags: lowered(raw.format.tags),
  };
}

/** Matroska writes names of tags in capitals. */
function lowered(tags: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).map(([name, value]) => [name.toLowerCase(), value]));
}

/** Seconds from the first packet of sound to the first picture. */
export function soundLead({ streams }: Probed): number {
  const first = (kind: string): number => {
    const packets =
      streams.find((stream) => stream.kind === kind && stream.disposition.attached_pic !== 1)?.packets ?? [];
    return Math.min(...packets.map(({ pts }) => pts));
  };
  return first('video') - first('audio');
}

/** Subtitles in SubRip, as ffmpeg reads them. */
export async function subtitles(path: string): Promise<string> {
  const { stdout } = await run('ffmpeg', ['-v', 'error', '-i', path, '-map', '0:s:0', '-f', 'srt', '-']);
  return stdout
    .replaceAll('\r', '')
    .replaceAll(/<\/?font[^>]*>/g, '')
    .trim();
}

const METADATA = `;FFMETADATA1
title=Holiday
date=2024-05-01
[CHAPTER]
TIMEBASE=1/1000
START=0
END=700
title=One
[CHAPTER]
TIMEBASE=1/1000
START=700
END=2000
title=Zwei: größer
`;

/** The subtitles of {@link makeFull}. */
export const SUBTITLES = `1
00:00:00,200 --> 00:00:01,100
hello <i>you</i>

2
00:00:01,300 --> 00:00:01,900
two
lines`;

/** `full.mkv`, two seconds with sound, subtitles, chapters, tags, a font and a cover; `cover.jpg` beside it. Returns its path. */
export async function makeFull(folder: string): Promise<string> {
  const at = (name: string): string => join(folder, name);
  await writeFile(at('full.txt'), METADATA);
  await writeFile(at('full.srt'), SUBTITLES);
  await writeFile(at('font.ttf'), Buffer.from('not read by anybody'));
  await ffmpeg('-f', 'lavfi', '-i', 'testsrc2=size=64x64', '-frames:v', '1', at('cover.jpg'));
  const picture = [
    '-f',
    'lavfi',
    '-i',
    'testsrc2=size=160x90:rate=25:duration=2',
    '-f',
    'lavfi',
    '-i',
    'sine=duration=2',
  ];
  await ffmpeg(
    ...[...picture, '-i', at('full.srt'), '-f', 'ffmetadata', '-i', at('full.txt')],
    ...['-map', '0:v', '-map', '1:a', '-map', '1:a', '-map', '2:s', '-map_metadata', '3', '-map_chapters', '3'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac', '-c:s', 'srt'],
    ...['-metadata', 'creation_time=2024-05-01T12:00:00Z', '-metadata:s:v', 'language=ita'],
    ...['-metadata:s:a:0', 'language=ger', '-metadata:s:a:1', 'language=fre', '-metadata:s:a:0', 'title=Ton'],
    ...['-metadata:s:s:0', 'language=eng', '-disposition:a:0', '0', '-disposition:a:1', 'default'],
    ...['-disposition:s:0', 'forced', '-attach', at('font.ttf'), '-metadata:s:t:0', 'mimetype=font/ttf'],
    ...['-attach', at('cover.jpg'), '-metadata:s:t:1', 'mimetype=image/jpeg', at('full.mkv')],
  );
  return at('full.mkv');
}
