import { afterEach, expect, it } from 'vitest';
import { Publication } from '../../../src/egress/publication.ts';
import type { PeerSettings } from '../../../src/egress/viewer.ts';
import { Arena } from '../../../src/media/arena.ts';
import type { SoundPacket } from '../../../src/media/sound.ts';
import { fromMs, ManualClock, micros } from '../../../src/time.ts';
import { FakeViewer } from '../../support/fake-viewer.ts';
import { EventLog, flatFrame } from '../../support/frames.ts';

const arena = new Arena(16);
afterEach(() => expect(arena.liveFrames).toBe(0));

function rig() {
  const clock = new ManualClock(fromMs(10_000));
  const viewers: FakeViewer[] = [];
  const settings: PeerSettings[] = [];
  const publication = new Publication({
    ...{ stream: 's', variant: 'source', clock, events: new EventLog(), fps: 50 },
    createEncoder: (options) => ({
      ...{ bitrate: options.bitrate, depth: 0, capacity: 4 },
      encode: (frame) => frame.release(),
      requestKeyframe: () => {},
      setBitrate: () => {},
      close: () => Promise.resolve(),
    }),
    connect: (_offer, given, _clock, events) => {
      settings.push(given);
      const viewer = new FakeViewer(events);
      viewers.push(viewer);
      return Promise.resolve(viewer);
    },
  });
  publication.push(flatFrame(arena, micros(0)));
  const sound = (ms: number): SoundPacket => ({
    ...{ codec: 'opus', data: Uint8Array.of(1), pts: fromMs(ms), timestamp: 48 * ms, fresh: false },
  });
  return { clock, viewers, settings, publication, sound };
}

it('offers viewers the sound that the stream has when they come', async () => {
  const { publication, settings } = rig();
  await publication.join('offer');
  publication.sound.announce('pcma');
  await publication.join('offer');
  publication.sound.announce(undefined);
  await publication.join('offer');
  expect(settings.map((given) => given.sound)).toEqual([undefined, 'pcma', undefined]);
  await publication[Symbol.asyncDispose]();
});

it('sends sound to all that are connected, on with no picture, and none when it is closed', async () => {
  const { clock, viewers, publication, sound } = rig();
  await publication.join('offer');
  await publication.join('offer');
  viewers[0]?.connect();
  publication.sound.picture(fromMs(10_000), fromMs(10_030));
  for (let ms = 10_000; ms < 13_000; ms += 20) {
    publication.sound.push(sound(ms));
    clock.advance(fromMs(20));
  }
  expect(viewers.map(({ sounds }) => sounds.length)).toEqual([149, 0]);
  expect(viewers[0]?.sounds[0]?.due).toBe(fromMs(10_030));
  await publication[Symbol.asyncDispose]();
  publication.sound.push(sound(13_000));
  clock.advance(fromMs(1000));
  expect(viewers[0]?.sounds).toHaveLength(149);
});
