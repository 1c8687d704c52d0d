import { afterEach, describe, expect, it, vi } from 'vitest';
import { Recordings } from '../../../../src/egress/recording/recordings.ts';
import { recordingSettings } from '../../../../src/egress/recording/settings.ts';
import { type Log, SILENT_LOG } from '../../../../src/log.ts';
import type { MetricEvent } from '../../../../src/metrics/events.ts';
import { fromMs, ManualClock } from '../../../../src/time.ts';
import { MemoryDisk } from '../../../support/memory-disk.ts';
import { ScriptedPublication } from '../../../support/recorded.ts';

const CHOICE = { enabled: true, variant: 'source', segmentSeconds: 2, format: 'mp4', keepHours: 1 } as const;
const ON = recordingSettings(CHOICE, '/disk/all');
const OFF = recordingSettings({ ...CHOICE, enabled: false }, '/disk/all');

const opened: Recordings[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((recordings) => recordings[Symbol.asyncDispose]()));
});

async function rig(settings = ON, disk = new MemoryDisk()) {
  const clock = new ManualClock();
  const publications = { source: new ScriptedPublication(), upconverted: new ScriptedPublication() };
  const events: MetricEvent[] = [];
  const lines: string[] = [];
  const log: Log = {
    ...SILENT_LOG,
    info: (_, message) => lines.push(`info ${message}`),
    error: (_, message) => lines.push(`error ${message}`),
  };
  const emit = (event: MetricEvent): void => void events.push(event);
  const recordings = new Recordings(settings, { stream: 'cam', publications, clock, events: { emit }, log, disk });
  opened.push(recordings);
  await recordings.start();
  return { clock, publications, events, lines, disk, recordings };
}

const isOpen = ({ segments }: Recordings): boolean => segments.some(({ open }) => open);

describe('Recordings', () => {
  it('makes its directory, starts and stops as it is told, and keeps what there is', async () => {
    const { recordings, publications, disk } = await rig(OFF);
    expect(publications.source.follower).toBeUndefined();
    expect(recordings.status).toBeUndefined();
    await recordings.change(ON);
    expect(disk.folders.has('/disk/all')).toBe(true);
    publications.source.give(0, 1);
    await vi.waitFor(() => expect(recordings.status?.source?.state).toBe('recording'));
    await recordings.change(OFF);
    expect(publications.source.follower).toBeUndefined();
    expect(recordings.segments.map(({ open, frames }) => [open, frames?.source])).toEqual([[false, 30]]);
  });

  it('records both variants', async () => {
    const { recordings, publications } = await rig(recordingSettings({ ...CHOICE, variant: 'both' }, '/disk'));
    for (const publication of Object.values(publications)) publication.give(0, 0.2);
    await vi.waitFor(() => expect(recordings.segments).toHaveLength(2));
    expect(recordings.segments.map(({ variant }) => variant).toSorted()).toEqual(['source', 'upconverted']);
  });

  it('adopts what an earlier run has left, and counts it', async () => {
    const before = await rig();
    before.publications.source.give(0, 1);
    await vi.waitFor(() => expect(isOpen(before.recordings)).toBe(true));
    await before.recordings[Symbol.asyncDispose]();
    const { recordings, clock, disk } = await rig(ON, before.disk);
    expect(recordings.segments.map(({ frames }) => frames?.source)).toEqual([30]);
    clock.advance(fromMs(3_700_000));
    await vi.waitFor(() => expect(recordings.segments).toEqual([]));
    expect(disk.files.size).toBe(0);
  });

  it('finds files by their exact names alone', async () => {
    const { recordings, publications } = await rig();
    publications.source.give(0, 0.2);
    await vi.waitFor(() => expect(recordings.segments).toHaveLength(1));
    const name = recordings.segments[0]?.name ?? '';
    expect(recordings.pathOf(name)).toBe(`/disk/all/cam/${name}`);
    expect(recordings.pathOf(name.replace('.mp4', '.jsonl'))).toMatch(/jsonl$/);
    for (const wrong of [`../cam/${name}`, `./${name}`, `${name}/`, '..', '', 'source_2026-12-01T03-44-12.345Z.mp4']) {
      expect(recordings.pathOf(wrong), wrong).toBeUndefined();
      expect(await recordings.remove(wrong), wrong).toBeUndefined();
    }
    expect(await recordings.remove(name)).toBe('open');
    await recordings.change(OFF);
    expect(await recordings.remove(name)).toBe('removed');
    expect(recordings.pathOf(name)).toBeUndefined();
  });

  it('gives up its oldest on a full disk, then stands still and says so once, and goes on when there is room', async () => {
    const { recordings, publications, disk, lines, clock, events } = await rig();
    publications.source.give(0, 1);
    publications.source.give(2.1, 3);
    await vi.waitFor(() => expect(recordings.segments.map(({ frames }) => frames?.source)).toEqual([30, 27]));
    disk.capacity = disk.used + 100;
    publications.source.give(3, 4, { keyframe: false });
    await vi.waitFor(() => expect(recordings.segments.every(({ open }) => !open)).toBe(true));
    expect(recordings.segments).toHaveLength(1);
    expect(events).toContainEqual({ type: 'recording-removed', stream: 'cam', reason: 'disk-full' });
    expect(recordings.status?.source).toMatchObject({ state: 'waiting', reason: undefined });

    disk.capacity = 1000;
    let second = 4;
    await vi.waitFor(() => {
      publications.source.give(second, second + 1);
      second += 1;
      expect(recordings.status?.source?.state).toBe('disk-full');
    });
    const told = lines.filter((line) => line.startsWith('error'));
    expect(told).toEqual([expect.stringMatching(/stands still: no space left/)]);
    for (let i = 0; i < 6; i += 1) {
      clock.advance(fromMs(5000));
      await vi.waitFor(() => expect(publications.source.follower).toBeUndefined());
    }
    expect(lines.filter((line) => line.startsWith('error'))).toEqual(told);

    disk.capacity = Number.POSITIVE_INFINITY;
    await vi.waitFor(() => {
      clock.advance(fromMs(5000));
      expect(publications.source.follower).toBeDefined();
    });
    publications.source.give(100, 101);
    await vi.waitFor(() => expect(recordings.status?.source?.state).toBe('recording'));
    expect(lines.at(-1)).toBe('info recording again');
  });

  it('does not make a directory again that has vanished: it waits for it', async () => {
    const { recordings, publications, disk, clock } = await rig();
    publications.source.give(0, 1);
    await vi.waitFor(() => expect(isOpen(recordings)).toBe(true));
    disk.folders.clear();
    publications.source.give(1, 2, { keyframe: false });
    await vi.waitFor(() => expect(recordings.status?.source?.state).toBe('failed'));
    await vi.waitFor(() => {
      clock.advance(fromMs(5000));
      expect(publications.source.follower).toBeDefined();
    });
    publications.source.give(10, 11);
    await vi.waitFor(() => expect(publications.source.follower).toBeUndefined());
    expect(recordings.status?.source?.reason).toMatch(/is not there/);
    expect(disk.folders.size).toBe(0);
  });
});
