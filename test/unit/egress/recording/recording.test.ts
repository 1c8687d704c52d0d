import { afterEach, describe, expect, it, vi } from 'vitest';
import { Archive } from '../../../../src/egress/recording/archive.ts';
import type { Fault } from '../../../../src/egress/recording/fault.ts';
import { Recording } from '../../../../src/egress/recording/recording.ts';
import { recordingSettings } from '../../../../src/egress/recording/settings.ts';
import type { SoundCodec } from '../../../../src/media/sound.ts';
import type { MetricEvent } from '../../../../src/metrics/events.ts';
import { fromMs, ManualClock, micros } from '../../../../src/time.ts';
import { MemoryDisk } from '../../../support/memory-disk.ts';
import { pictureUnit, ScriptedPublication, soundUnit } from '../../../support/recorded.ts';

const CHOICE = { enabled: true, variant: 'source', segmentSeconds: 2, format: 'mp4', keepHours: 1 } as const;

const running: Recording[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((recording) => recording.stop()));
});

function rig({
  format = 'mp4',
  sound,
  ...limits
}: {
  format?: 'mp4' | 'mkv';
  sound?: SoundCodec;
  maxWaiting?: number;
} = {}) {
  const disk = new MemoryDisk();
  const archive = new Archive('/disk/cam', disk, () => {});
  const publication = new ScriptedPublication(sound);
  const events: MetricEvent[] = [];
  const faults: (Fault | undefined)[] = [];
  const makeRoom = vi.fn(async () => false);
  const recording = new Recording({
    ...{ stream: 'cam', variant: 'source', publication, archive, disk, clock: new ManualClock(), makeRoom },
    settings: recordingSettings({ ...CHOICE, format }, '/disk'),
    events: { emit: (event) => events.push(event) },
    onFault: (fault) => faults.push(fault),
    ...limits,
  });
  running.push(recording);
  recording.start();
  /** Resolves when all that was given is written. */
  const settled = (pictures: number) =>
    vi.waitFor(() => {
      const frames = archive.segments.reduce((sum, { frames }) => sum + (frames?.source ?? 0), 0);
      expect(frames).toBe(pictures);
    });
  return { disk, archive, publication, recording, events, faults, makeRoom, settled };
}

/** Lines of the sidecar of a segment. */
function records(disk: MemoryDisk, name: string): Record<string, unknown>[] {
  const text = disk.files.get(`/disk/cam/${name.replace(/mp4|mkv/, 'jsonl')}`)?.toString() ?? '';
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('Recording', () => {
  it('cuts at keyframes, names segments by the wall clock, and leaves a record of each picture', async () => {
    const { disk, archive, publication, recording, settled } = rig();
    publication.give(0, 2.1);
    await settled(63);
    expect(publication.asked).toBe(1);
    publication.give(2.1, 3);
    await settled(90);
    expect(recording.status.state).toBe('recording');
    await recording.stop();
    const [first, second] = archive.segments;
    expect([first?.name, second?.name]).toEqual([
      'source_2023-11-14T22-13-20.000Z.mp4',
      'source_2023-11-14T22-13-22.100Z.mp4',
    ]);
    expect([first?.open, second?.open, first?.frames?.source]).toEqual([false, false, 63]);
    const lines = records(disk, first?.name ?? '');
    expect(lines.at(0)).toEqual({ segment: { stream: 'cam', variant: 'source', start: '2023-11-14T22:13:20.000Z' } });
    expect(lines.slice(1, 4).map(({ rtp }) => rtp)).toEqual([0, 3000, 6000]);
    expect(lines.at(-1)).toMatchObject({ end: { frames: { source: 63 } } });
  });

  it('begins anew where the picture changes its size, where it is passed on, and where the source was opened anew', async () => {
    const { archive, publication, recording, settled } = rig();
    publication.give(0, 0.2);
    publication.give(0.2, 0.4, { size: 'small' });
    publication.give(0.4, 0.6, { size: 'small', passed: true });
    await settled(18);
    recording.sourceRestarted();
    publication.give(0.6, 0.8, { size: 'small', passed: true });
    publication.give(0.8, 1, { size: 'small', passed: true });
    await settled(30);
    expect(archive.segments.map(({ frames }) => frames?.source)).toEqual([6, 6, 6, 12]);
  });

  it.each(['mp4', 'mkv'] as const)('can be played from the first half second on: %s', async (format) => {
    const { disk, archive, publication, settled } = rig({ format, sound: 'pcma' });
    publication.give(0, 1.2);
    for (let ms = 0; ms < 1200; ms += 20) publication.follower?.takeSound(soundUnit('pcma', fromMs(ms)));
    publication.give(1.2, 1.6, { keyframe: false });
    await settled(48);
    const file = disk.files.get(`/disk/cam/${archive.segments[0]?.name}`);
    // Nothing was completed: a fragment, or cluster, for each half second.
    const marks = format === 'mp4' ? Buffer.from('moof') : Buffer.from('1f43b675', 'hex');
    expect(file?.toString('latin1').split(marks.toString('latin1')).length).toBeGreaterThanOrEqual(3);
    expect(file?.includes(format === 'mp4' ? 'Opus' : 'A_MS/ACM')).toBe(true);
  });

  it('drops whole groups while the disk is slow, and counts them', async () => {
    const { disk, publication, recording, archive, events } = rig({ maxWaiting: 16_000 });
    publication.give(0, 0.1);
    let open = (): void => {};
    disk.gate = new Promise((resolve) => {
      open = resolve;
    });
    // 20 kB are more than may wait.
    for (let i = 0; i < 20; i += 1) {
      publication.follower?.take(pictureUnit(micros(200_000 + i * 33_333), { bytes: 1000 }));
    }
    expect(recording.status.dropped).toBeGreaterThanOrEqual(4);
    const { dropped } = recording.status;
    disk.gate = undefined;
    open();
    await vi.waitFor(() => expect(archive.segments[0]?.frames?.source).toBe(23 - dropped));
    publication.give(1, 1.1, { keyframe: false });
    expect(publication.asked).toBeGreaterThan(0);
    publication.give(1.2, 1.3);
    await vi.waitFor(() => expect(archive.segments[0]?.frames?.source).toBe(26 - dropped));
    const counted = events
      .filter((event) => event.type === 'recording-drop')
      .reduce((sum, { count }) => sum + count, 0);
    expect(counted).toBe(recording.status.dropped);
  });

  it('asks for room on a full disk, goes on in a new segment if there is some, and stands still otherwise', async () => {
    const { disk, archive, publication, recording, faults, makeRoom, settled } = rig();
    publication.give(0, 1);
    await settled(30);
    disk.capacity = disk.used + 100;
    makeRoom.mockImplementationOnce(async () => {
      disk.capacity = Number.POSITIVE_INFINITY;
      return true;
    });
    publication.give(1, 1.9, { keyframe: false });
    await vi.waitFor(() => expect(makeRoom).toHaveBeenCalledTimes(1));
    publication.give(1.9, 2.6);
    await vi.waitFor(() => expect(archive.segments).toHaveLength(2));
    expect([recording.status.state, faults.filter(Boolean)]).toEqual(['recording', []]);

    disk.capacity = disk.used + 100;
    publication.give(2.6, 4, { keyframe: false });
    await vi.waitFor(() => expect(recording.status.state).toBe('disk-full'));
    expect(recording.status.reason).toMatch(/no space left on the disk of "\/disk\/cam".*goes on when there is room/);
    // Nobody is there any more: nothing is encoded for it.
    expect(publication.follower).toBeUndefined();
    expect(archive.segments.some(({ open }) => open)).toBe(false);

    disk.capacity = Number.POSITIVE_INFINITY;
    recording.start();
    publication.give(5, 5.2);
    await vi.waitFor(() => expect(recording.status.state).toBe('recording'));
    expect([recording.status.reason, faults.at(-1)]).toEqual([undefined, undefined]);
  });

  it.each([
    ['EROFS', /file system of "\/disk\/cam" is read-only/],
    ['EACCES', /"\/disk\/cam" may not be written \(no permission\)/],
    ['ENOENT', /directory of "\/disk\/cam" is not there: make it, or choose another record.directory/],
  ])('says what is wrong with a directory: %s', async (code, words) => {
    const { disk, publication, recording } = rig();
    disk.failure = code;
    publication.give(0, 0.2);
    await vi.waitFor(() => expect(recording.status.state).toBe('failed'));
    expect(recording.status.reason).toMatch(words);
  });
});
