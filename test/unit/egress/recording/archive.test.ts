import { describe, expect, it } from 'vitest';
import { Archive, durationOf } from '../../../../src/egress/recording/archive.ts';
import { fromMs, micros } from '../../../../src/time.ts';
import { MemoryDisk, systemError } from '../../../support/memory-disk.ts';

const FOLDER = '/disk/cam';
const name = (second: number) => `source_2026-12-01T03-44-${String(second).padStart(2, '0')}.000Z`;
const at = (second: number) => micros(Date.parse(`2026-12-01T03:44:${String(second).padStart(2, '0')}Z`) * 1000);
const FRAMES = { source: 60, interpolated: 0, extrapolated: 0, repeated: 0 };

/** A disk with segments of 100 bytes that began at these seconds and were last written two seconds later. */
function filled(...seconds: number[]) {
  const disk = new MemoryDisk();
  disk.folders.add(FOLDER);
  for (const second of seconds) {
    disk.files.set(`${FOLDER}/${name(second)}.mp4`, Buffer.alloc(100));
    disk.modified.set(`${FOLDER}/${name(second)}.mp4`, at(second + 2));
  }
  const removed: string[] = [];
  const archive = new Archive(FOLDER, disk, (reason) => removed.push(reason));
  return { disk, archive, removed };
}

describe('Archive', () => {
  it('adopts segments, whole and cut off, and nothing else', async () => {
    const { disk, archive } = filled(20, 10);
    disk.files.set(
      `${FOLDER}/${name(10)}.jsonl`,
      Buffer.from(`{}\n${JSON.stringify({ end: { durationMs: 1990, frames: FRAMES } })}\n`),
    );
    disk.files.set(`${FOLDER}/${name(20)}.jsonl`, Buffer.from('{"rtp":1}\n{"rt'));
    disk.files.set(`${FOLDER}/notes.txt`, Buffer.alloc(7));
    await archive.load();
    const found = archive.segments.map((segment) => [segment.name, durationOf(segment), segment.frames, segment.open]);
    expect(found).toEqual([
      [`${name(10)}.mp4`, fromMs(1990), FRAMES, false],
      [`${name(20)}.mp4`, fromMs(2000), undefined, false],
    ]);
    expect(archive.bytes).toBe(disk.used - 7);
  });

  it('is empty where there is no folder, and says what else is wrong', async () => {
    const disk = new MemoryDisk();
    const archive = new Archive(FOLDER, disk, () => {});
    await archive.load();
    expect(archive.segments).toEqual([]);
    disk.list = async () => {
      throw systemError('EACCES');
    };
    await expect(archive.load()).rejects.toThrow('EACCES');
  });

  it('deletes what is too old with what lies beside it', async () => {
    const { disk, archive, removed } = filled(10, 20, 30);
    disk.files.set(`${FOLDER}/${name(10)}.jsonl`, Buffer.from('{}\n'));
    await archive.load();
    await archive.expire(at(40), { keep: fromMs(15_000) });
    expect([...disk.files.keys()]).toEqual([`${FOLDER}/${name(30)}.mp4`]);
    expect(removed).toEqual(['age', 'age']);
  });

  it('makes room, the oldest first, and no more than has to go', async () => {
    const { disk, archive, removed } = filled(10, 20, 30);
    await archive.load();
    disk.capacity = 310;
    expect(await archive.makeRoom(false)).toBe(true);
    expect([archive.segments.length, removed]).toEqual([2, ['disk-full']]);
    expect(await archive.makeRoom(false)).toBe(true);
    expect(archive.segments).toHaveLength(2);
    // A quota may be used up on a disk that has room.
    expect(await archive.makeRoom(true)).toBe(true);
    expect(archive.segments.map((segment) => segment.name)).toEqual([`${name(30)}.mp4`]);
  });

  it('gives up nothing that is being written, and says when nothing is left to give up', async () => {
    const { disk, archive } = filled(10);
    await archive.load();
    const [segment] = archive.segments;
    if (segment) archive.set({ ...segment, open: true });
    disk.capacity = 100;
    expect(await archive.makeRoom(false)).toBe(false);
    expect(archive.segments).toHaveLength(1);
  });
});
