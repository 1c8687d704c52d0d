/** `convert` keeps what a file's samples are and mean. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { convert } from '../../src/commands/convert/convert.ts';
import { ffmpeg, frameHashes, temporaryFolder } from '../support/media.ts';

const run = promisify(execFile);
let folder: { path: string; remove: () => Promise<void> };
const at = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

async function make(name: string, filter: string, ...args: string[]): Promise<string> {
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=160x90:rate=10', '-frames:v', '3', '-vf', filter];
  await ffmpeg(...picture, ...args, at(name));
  return at(name);
}

/** What ffprobe says of a file's pictures. */
async function said(path: string): Promise<Record<string, string>> {
  const keys = 'pix_fmt,color_range,color_space,color_primaries,color_transfer,sample_aspect_ratio';
  const show = ['-select_streams', 'v:0', '-show_entries', `stream=${keys}`, '-of', 'json'];
  const { stdout } = await run('ffprobe', ['-v', 'error', ...show, path]);
  const found = JSON.parse(stdout) as { streams: Record<string, string>[] }; // ffprobe's own
  const { sample_aspect_ratio: shape = 'N/A', ...rest } = found.streams[0] ?? {};
  // Square samples may be said or not.
  return { ...rest, shape: shape === 'N/A' ? '1:1' : shape };
}

const twice = { factor: 2, overwrite: true };

test.each(['repeat', 'blend'])(
  '10-bit 4:2:2 of the full range comes bit for bit out of ffv1, with %s',
  async (model) => {
    const tags = ['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709', '-color_range', 'pc'];
    const input = await make('full422p10.mkv', 'scale=out_range=pc,format=yuv422p10le', '-c:v', 'ffv1', ...tags);
    const output = at(`full422p10-${model}.mkv`);
    await convert({ input, output, model, codec: 'ffv1', ...twice });
    const hashes = await frameHashes(output);
    expect(hashes.filter((_, i) => i % 2 === 0)).toEqual(await frameHashes(input));
    expect(hashes).toHaveLength(5);
    expect(await said(output)).toEqual(await said(input));
  },
);

const BT2020 = ['-colorspace', 'bt2020nc', '-color_primaries', 'bt2020', '-color_trc', 'arib-std-b67'];

test.each([
  ['MJPEG in 4:2:2', 'a.avi', 'format=yuvj422p', ['-c:v', 'mjpeg', '-q:v', '1']],
  ['BT.709 at 90 lines', 'b.mp4', 'format=yuv420p', ['-c:v', 'libx264', ...tagsOf('bt709')]],
  ['HLG of 10 bits', 'c.mkv', 'format=yuv420p10le', ['-c:v', 'ffv1', ...BT2020, '-color_range', 'tv']],
  ['PAL at 64:45, untagged', 'd.mkv', 'setsar=64/45,format=yuv420p,setparams=range=unknown', ['-c:v', 'ffv1']],
] as const)('%s becomes H.264 in MP4 and Matroska of the same form and tags', async (_, name, filter, args) => {
  const input = await make(name, filter, ...args);
  for (const output of [at(`${name}.out.mp4`), at(`${name}.out.mkv`)]) {
    const { notes } = await convert({ input, output, model: 'repeat', codec: 'h264', ...twice });
    expect(notes).toEqual([]);
    expect(await said(output)).toEqual(await said(input));
  }
});

function tagsOf(name: string): string[] {
  return ['-colorspace', name, '-color_primaries', name, '-color_trc', name, '-color_range', 'tv'];
}

test('what the codec cannot hold is said, and transparent pictures are refused', async () => {
  const input = await make('rgb.mkv', 'format=rgb24', '-c:v', 'png');
  const { notes } = await convert({ input, output: at('rgb.mp4'), model: 'repeat', codec: 'h264', ...twice });
  expect(notes).toEqual(['red, green and blue become luma and chroma (4:4:4): h264 holds nothing else']);
  const clear = await make('clear.mkv', 'format=rgba,colorchannelmixer=aa=0.5', '-c:v', 'png');
  const refused = convert({ input: clear, output: at('clear.mp4'), model: 'repeat', codec: 'h264', ...twice });
  await expect(refused).rejects.toMatchObject({ code: 'config.invalid', remedy: expect.stringContaining('ffv1') });
});
