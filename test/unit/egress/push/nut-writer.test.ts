import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { parameterSetsOf } from '../../../../src/egress/codec/parameter-sets.ts';
import { NutWriter } from '../../../../src/egress/push/nut-writer.ts';
import { fromMs, plus } from '../../../../src/time.ts';
import { encodedUnit } from '../../../support/encoded-unit.ts';
import { h264Clip } from '../../../support/h264-clip.ts';

it('writes units and sound at once, at their times', () => {
  const clip = h264Clip(10);
  const sets = parameterSetsOf(Buffer.from(clip[0] ?? []));
  if (!sets) throw new Error('no parameter sets');
  const start = fromMs(5_000_000);
  const writer = new NutWriter({ sets, sound: 'pcmu', start });
  const bytes: Buffer[] = writer.take();
  clip.forEach((data, index) => {
    writer.video({ ...encodedUnit(plus(start, fromMs(index * 40)), index === 0), data: Buffer.from(data) });
    const piece = { codec: 'pcmu', data: Buffer.alloc(160, index), due: start, error: 0, first: false } as const;
    writer.sound({ ...piece, ticks: 8 * 5_000_000 + index * 160 });
    const now = writer.take();
    expect(Buffer.concat(now).length).toBeGreaterThan(data.length + 160);
    bytes.push(...now);
  });
  // Before the start, and of another codec: left out.
  writer.sound({ codec: 'pcmu', data: Buffer.alloc(160), due: start, ticks: 1, error: 0, first: true });
  writer.sound({ codec: 'opus', data: Buffer.alloc(160), due: start, ticks: 1e12, error: 0, first: true });
  expect(writer.take()).toEqual([]);
  writer.close();
  writer.close();
  const args = [
    '-v',
    'error',
    '-show_entries',
    'packet=stream_index,pts_time,size',
    '-of',
    'csv=p=0',
    '-f',
    'nut',
    '-',
  ];
  const rows = execFileSync('ffprobe', args, { input: Buffer.concat(bytes), encoding: 'utf8' })
    .trim()
    .split('\n');
  const times = (track: number): number[] =>
    rows.filter((row) => row.startsWith(`${track},`)).map((row) => Number(row.split(',')[1]));
  expect(times(0)).toEqual(clip.map((_, index) => expect.closeTo(index * 0.04, 4)));
  expect(times(1)).toEqual(clip.map((_, index) => expect.closeTo(index * 0.02, 4)));
});
