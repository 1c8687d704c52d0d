import { afterEach, describe, expect, it } from 'vitest';
import type { VideoEncoderOptions } from '../../../../src/egress/codec/encoder.ts';
import type { SentCodec } from '../../../../src/egress/codec/encoder-name.ts';
import type { Encoder } from '../../../../src/egress/codec/encoding.ts';
import type { PassingChoice } from '../../../../src/egress/codec/passing.ts';
import { Publication } from '../../../../src/egress/publication.ts';
import type { CodedPicture } from '../../../../src/media/access-unit.ts';
import { Arena } from '../../../../src/media/arena.ts';
import { Frame, SOURCE } from '../../../../src/media/frame.ts';
import type { MetricEvent } from '../../../../src/metrics/events.ts';
import { fromMs, ManualClock, micros } from '../../../../src/time.ts';
import { FakeViewer } from '../../../support/fake-viewer.ts';
import { codedPictures, h264Clip } from '../../../support/h264-clip.ts';

const arena = new Arena(16);
const h264Units = h264Clip(30);
const CLIP = codedPictures(h264Units);
const MAIN = codedPictures(h264Clip(30, ['-bf', '0', '-profile:v', 'main', '-coder', '1']), 1000);
const B_FRAMES = codedPictures(h264Clip(20, ['-bf', '2', '-profile:v', 'main']), CLIP.length + 1);
const ENCODED = Buffer.from([0, 0, 0, 1, 0x65, 1, 2, 3]);

class InstantEncoder implements Encoder {
  readonly depth = 0;
  readonly capacity = 3;
  readonly bitrate = 1e6;
  readonly #options: VideoEncoderOptions;
  #keyframe = true;

  constructor(options: VideoEncoderOptions) {
    this.#options = options;
  }

  encode(frame: Frame, due: ReturnType<typeof micros>): void {
    const { pts, arrival, capture, provenance } = frame;
    frame.release();
    const keyframe = this.#keyframe;
    this.#keyframe = false;
    const encoded = this.#options.clock.now();
    this.#options.onAccessUnit({ data: ENCODED, keyframe, due, pts, arrival, capture, provenance, encoded }, micros(0));
  }

  requestKeyframe(): void {
    this.#keyframe = true;
  }

  setBitrate(): void {}

  async close(): Promise<void> {}
}

class Rig {
  readonly clock = new ManualClock(fromMs(10_000));
  readonly viewers: FakeViewer[] = [];
  readonly events: MetricEvent[] = [];
  encoders = 0;
  asked = 0;
  askable = false;
  profile: string | undefined = '42e01f';
  codec: SentCodec = 'h264';
  singleNal = false;
  readonly publication: Publication;

  constructor(choice: PassingChoice = 'auto') {
    this.publication = new Publication({
      ...{ stream: 'cam', variant: 'source', clock: this.clock, fps: 30 },
      events: { emit: (event) => this.events.push(event) },
      passing: {
        choice,
        askSource: () => {
          this.asked += 1;
          return this.askable;
        },
      },
      connect: (_offer, _settings, _clock, events) => {
        const viewer = new FakeViewer(events);
        viewer.profile = this.profile;
        viewer.codec = this.codec;
        viewer.singleNal = this.singleNal;
        this.viewers.push(viewer);
        return Promise.resolve(viewer);
      },
      createEncoder: (options) => {
        this.encoders += 1;
        return new InstantEncoder(options);
      },
    });
  }

  push(pictures: readonly (CodedPicture | undefined)[]): void {
    for (const coded of pictures) {
      const now = this.clock.now();
      const info = {
        pts: now,
        arrival: now,
        capture: this.clock.wall(),
        discontinuity: false,
        provenance: SOURCE,
        coded,
      };
      this.publication.push(Frame.allocate(arena, 16, 16, info));
      this.clock.advance(fromMs(33));
    }
  }

  async join(): Promise<FakeViewer> {
    await this.publication.join('offer');
    const viewer = this.viewers.at(-1);
    if (!viewer) throw new Error('nobody joined');
    viewer.connect();
    return viewer;
  }
}

/** What a viewer was sent: k, p kept; K, P live; I, E encoded, the first of each a keyframe. */
function sent({ units }: FakeViewer): string {
  const letters = { kept: 'kp', live: 'KP', encoded: 'IE' };
  return units.map(({ unit }) => letters[unit.passed ?? 'encoded'][unit.keyframe ? 0 : 1]).join('');
}

let rig: Rig;
afterEach(async () => {
  // Times that a viewer is told always rise.
  for (const { units } of rig.viewers) {
    const dues = units.map(({ unit }) => unit.due);
    expect(dues.every((due, i) => i === 0 || due > (dues[i - 1] ?? 0))).toBe(true);
  }
  await rig.publication[Symbol.asyncDispose]();
  expect(arena.liveFrames).toBe(0);
});

describe('viewers of a source that can be sent on', () => {
  it('are sent its bytes, from what was kept on, and no encoder is opened', async () => {
    rig = new Rig();
    rig.push(CLIP.slice(0, 13));
    const viewer = await rig.join();
    expect(sent(viewer)).toBe('kpp');
    rig.push(CLIP.slice(13, 23));
    expect(sent(viewer)).toBe('kppPPPPPPPKPP');
    expect(viewer.units.map(({ unit }) => Buffer.from(unit.data))).toEqual(
      CLIP.slice(10, 23).map(({ data }) => Buffer.from(data)),
    );
    expect(rig.encoders).toBe(0);
    expect(
      rig.events.filter(({ type }) => type === 'stage').some((e) => e.type === 'stage' && e.stage === 'encode'),
    ).toBe(false);
    expect(rig.events.findLast(({ type }) => type === 'passed-viewers')).toMatchObject({ count: 1 });
    await viewer.close('done');
    expect(rig.events.findLast(({ type }) => type === 'passed-viewers')).toMatchObject({ count: 0 });
  });

  it('whose paths do not carry it are sent frames encoded for less, and its bytes again when they do', async () => {
    rig = new Rig();
    const long = codedPictures(Array.from({ length: 15 }, () => h264Units).flat());
    rig.push(long.slice(0, 90));
    const [weak, other] = [await rig.join(), await rig.join()];
    rig.push(long.slice(90, 120));
    weak.path = { available: 20e3, congested: true, loss: 0 };
    weak.units.length = 0;
    rig.push(long.slice(120, 210));
    expect(sent(weak)).toMatch(/^[KP]{1,20}IE+$/);
    expect(rig.encoders).toBe(1);
    weak.path = { available: 20e6, congested: false, loss: 0 };
    rig.push(long.slice(210, 360));
    expect(sent(weak)).toMatch(/^[KP]{1,20}IE+KP[KP]+$/);
    expect(weak.restarts).toBe(2);
    expect(sent(other)).toMatch(/^[kp]+[KP]+$/);
    expect(rig.encoders).toBe(1);
    // Cut into packets once for all.
    expect(weak.units.at(-1)?.payloads).toBe(other.units.at(-1)?.payloads);
  });

  it('are sent its bytes or nothing where nothing else is wanted, whatever their paths carry', async () => {
    rig = new Rig('pass');
    const long = codedPictures(Array.from({ length: 10 }, () => h264Units).flat());
    rig.push(long.slice(0, 90));
    const weak = await rig.join();
    weak.path = { available: 20e3, congested: true, loss: 0 };
    rig.push(long.slice(90, 240));
    expect(sent(weak)).toMatch(/^[kp]+[KP]+$/);
    expect(rig.encoders).toBe(0);
  });

  it('are not told of the age of what was kept', async () => {
    rig = new Rig();
    rig.push(CLIP.slice(0, 10));
    await rig.join();
    expect(rig.events.some(({ type }) => type === 'latency')).toBe(false);
    rig.push(CLIP.slice(10, 11));
    expect(rig.events.some(({ type }) => type === 'latency')).toBe(true);
  });

  it.each([
    ['take no packets but single NAL units', { singleNal: true }],
    ['decode no such profile', { profile: '42e01f', clip: MAIN }],
  ])(
    'are sent encoded frames where they %s',
    async (_name, { clip = CLIP, ...viewer }: Partial<Rig> & { clip?: CodedPicture[] }) => {
      rig = new Rig();
      Object.assign(rig, viewer);
      rig.push(clip.slice(0, 3));
      const encoded = await rig.join();
      rig.push(clip.slice(3, 13));
      expect(sent(encoded)).toMatch(/^IE+$/);
    },
  );

  it('are sent what their profile takes beside others who are not', async () => {
    rig = new Rig();
    rig.push(MAIN.slice(0, 3));
    rig.profile = '64001f';
    const high = await rig.join();
    rig.profile = '42e01f';
    const baseline = await rig.join();
    rig.push(MAIN.slice(3, 6));
    expect([sent(high), sent(baseline)]).toEqual(['kppPPP', 'IEE']);
  });
});

describe('a source that stops being what can be sent on', () => {
  it('is encoded from the very frame on, with a keyframe, and sent on again after a clean group', async () => {
    rig = new Rig();
    rig.push(CLIP.slice(0, 10));
    const viewer = await rig.join();
    rig.push(CLIP.slice(10, 15));
    rig.push([undefined, ...CLIP.slice(16, 20)]);
    expect(sent(viewer)).toBe('kpppppppppKPPPPIEEEE');
    rig.push([...CLIP.slice(20), ...codedPictures(h264Clip(11), CLIP.length + 1)]);
    expect(sent(viewer)).toBe('kpppppppppKPPPPIEEEEEEEEEEEEEEKPPPPPPPPPK');
  });

  it('is encoded when B-frames come', async () => {
    rig = new Rig();
    rig.push(CLIP);
    const viewer = await rig.join();
    rig.push(B_FRAMES.slice(0, 8));
    expect(sent(viewer)).toMatch(/^kp{9}(K?P*)IE+$/);
    expect(rig.publication.passing?.form).toBe('encode');
  });

  it('that has lost units is encoded until its next keyframe', async () => {
    rig = new Rig();
    rig.push(CLIP.slice(0, 10));
    const viewer = await rig.join();
    rig.push([...CLIP.slice(10, 13), ...CLIP.slice(14, 22)]);
    expect(sent(viewer)).toBe('kpppppppppKPPIEEEEEKP');
  });

  it('that falls silent is encoded: the last frame once more, until it goes on', async () => {
    rig = new Rig();
    rig.push(CLIP.slice(0, 10));
    const viewer = await rig.join();
    rig.push(CLIP.slice(10, 12));
    rig.clock.advance(fromMs(2100));
    expect(sent(viewer)).toBe('kpppppppppKPIE');
    rig.push(CLIP.slice(20, 22));
    expect(sent(viewer)).toBe('kpppppppppKPIEKP');
  });
});

describe('a viewer that needs a keyframe', () => {
  it('is sent what was kept, and encoded frames where it asks again at once', async () => {
    rig = new Rig();
    rig.push(CLIP.slice(0, 12));
    const viewer = await rig.join();
    rig.clock.advance(fromMs(50));
    rig.push(CLIP.slice(12, 13));
    viewer.events.keyframeNeeded('pli');
    rig.push(CLIP.slice(13, 14));
    expect(sent(viewer)).toBe('kpPI');
  });

  it('gets the kept group again after a second', async () => {
    rig = new Rig();
    rig.push(CLIP.slice(0, 1));
    const viewer = await rig.join();
    rig.push([...CLIP.slice(1, 30), ...codedPictures(h264Clip(13), 31)]);
    const before = viewer.units.length;
    viewer.events.keyframeNeeded('pli');
    expect(sent(viewer).slice(before)).toBe('kpp');
    expect(rig.encoders).toBe(0);
  });

  it('is sent encoded frames where it is too slow, and the source’s own again some time later', async () => {
    rig = new Rig();
    rig.push(CLIP.slice(0, 10));
    const viewer = await rig.join();
    viewer.events.keyframeNeeded('slow');
    rig.push(CLIP.slice(10));
    expect(sent(viewer)).toMatch(/^kp{9}IE+$/);
    rig.clock.advance(fromMs(15_000));
    rig.push(codedPictures(h264Clip(2), 31));
    expect(sent(viewer)).toMatch(/KP$/);
  });

  it('waits for the one that the source is asked for, and is sent an encoded one if none comes', async () => {
    rig = new Rig();
    rig.askable = true;
    const long = codedPictures(h264Clip(300, ['-bf', '0', '-g', '1000', '-keyint_min', '1000']));
    rig.push(long.slice(0, 260));
    const viewer = await rig.join();
    expect([sent(viewer), rig.asked, rig.encoders]).toEqual(['', 1, 0]);
    rig.push(long.slice(260, 270));
    expect([sent(viewer), rig.encoders]).toEqual(['', 0]);
    rig.push([...long.slice(270, 285)]);
    expect(sent(viewer)).toMatch(/^IE+$/);
    rig.push(codedPictures(h264Clip(2), 500));
    expect(sent(viewer)).toMatch(/EKP$/);
  });
});

it('a viewer of VP8 is sent that, while the others are sent what the source sends', async () => {
  rig = new Rig();
  rig.push(CLIP.slice(0, 13));
  const other = await rig.join();
  [rig.codec, rig.profile] = ['vp8', undefined];
  const viewer = await rig.join();
  rig.push(CLIP.slice(13, 17));
  expect([sent(viewer), sent(other)]).toEqual(['IEEE', 'kppPPPP']);
  viewer.events.keyframeNeeded('pli');
  rig.push(CLIP.slice(17, 30));
  expect(sent(viewer)).toMatch(/^IE+IE+$/);
  expect(sent(other)).toMatch(/^kp+[PK]+$/);
  expect(rig.encoders).toBe(1);
});

describe('pass', () => {
  it('refuses viewers with the reason while the source cannot be sent on, and those that cannot take it', async () => {
    rig = new Rig('pass');
    rig.push([undefined]);
    await expect(rig.join()).rejects.toMatchObject({ code: 'webrtc.no-source', message: /cannot be sent as it comes/ });
    rig.push(MAIN);
    await expect(rig.join()).rejects.toMatchObject({ code: 'webrtc.no-codec', message: /H\.264 main/ });
    rig.push(CLIP);
    [rig.codec, rig.profile] = ['vp8', undefined];
    await expect(rig.join()).rejects.toMatchObject({ code: 'webrtc.no-codec', remedy: /sourceVariant: auto/ });
    expect(rig.publication.viewers).toBe(0);
  });

  it('never opens an encoder, and ends sessions with the reason when the source cannot be sent on any more', async () => {
    rig = new Rig('pass');
    rig.push(CLIP);
    const viewer = await rig.join();
    viewer.events.keyframeNeeded('slow');
    rig.clock.advance(fromMs(5000));
    rig.push(codedPictures(h264Clip(20), 40));
    expect(viewer.closed).toBeUndefined();
    rig.push([undefined]);
    expect(viewer.closed).toMatch(/can no longer be sent as it comes/);
    expect(rig.encoders).toBe(0);
  });
});
