import { afterEach, describe, expect, it } from 'vitest';
import { defaultBitrate } from '../../../src/egress/codec/bitrate.ts';
import type { EncodeDrop, VideoEncoderOptions } from '../../../src/egress/codec/encoder.ts';
import type { Encoder } from '../../../src/egress/codec/encoding.ts';
import { Publication, type PublicationOptions } from '../../../src/egress/publication.ts';
import { Arena } from '../../../src/media/arena.ts';
import { Frame, SOURCE } from '../../../src/media/frame.ts';
import type { MetricEvent } from '../../../src/metrics/events.ts';
import { fromMs, ManualClock, type Micros, micros, plus } from '../../../src/time.ts';
import { FakeViewer } from '../../support/fake-viewer.ts';

const arena = new Arena(16);
const ANNEX_B = Buffer.from([0, 0, 0, 1, 0x65, 1, 2, 3]);

class FakeEncoder implements Encoder {
  readonly frames: { due: Micros; keyframe: boolean }[] = [];
  depth = 0;
  readonly capacity = 3;
  bitrate: number;
  readonly fps: number;
  closed = false;
  #keyframe = true;
  readonly options: VideoEncoderOptions;

  constructor(options: VideoEncoderOptions) {
    this.options = options;
    this.fps = options.fps;
    this.bitrate = options.bitrate;
  }

  encode(frame: Frame, due: Micros): void {
    const { pts, arrival, capture, provenance } = frame;
    frame.release();
    const keyframe = this.#keyframe;
    this.#keyframe = false;
    this.frames.push({ due, keyframe });
    const encoded = this.options.clock.now();
    const unit = { data: ANNEX_B, keyframe, due, pts, arrival, capture, provenance, encoded };
    this.options.onAccessUnit(unit, micros(0));
  }

  /** Gives up a frame. */
  drop(reason: EncodeDrop): void {
    this.options.onDrop(reason);
  }

  /** Gives an access unit that is due in a second. */
  giveEarly(): void {
    const now = this.options.clock.now();
    const due = plus(now, fromMs(1000));
    const times = { pts: now, arrival: now, capture: now, encoded: now };
    const unit = { data: ANNEX_B, keyframe: false, due, ...times, provenance: SOURCE };
    this.options.onAccessUnit(unit, micros(0));
  }

  requestKeyframe(): void {
    this.#keyframe = true;
  }

  setBitrate(bitsPerSecond: number): void {
    this.bitrate = bitsPerSecond;
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

class Rig {
  readonly clock = new ManualClock(fromMs(10_000));
  readonly encoders: FakeEncoder[] = [];
  readonly viewers: FakeViewer[] = [];
  readonly events: MetricEvent[] = [];
  readonly publication: Publication;

  constructor(options: Partial<PublicationOptions> = {}) {
    this.publication = new Publication({
      stream: 'cam',
      variant: 'upconverted',
      clock: this.clock,
      events: { emit: (event) => this.events.push(event) },
      fps: 60,
      connect: (_offer, _settings, _clock, events) => {
        const viewer = new FakeViewer(events);
        this.viewers.push(viewer);
        return Promise.resolve(viewer);
      },
      createEncoder: (options) => {
        const encoder = new FakeEncoder(options);
        this.encoders.push(encoder);
        return encoder;
      },
      ...options,
    });
  }

  push(arrival: Micros = this.clock.now(), width = 16, height = 16): void {
    const now = this.clock.now();
    const info = { pts: now, arrival, capture: this.clock.wall(), discontinuity: false, provenance: SOURCE };
    this.publication.push(Frame.allocate(arena, width, height, info));
  }

  /** Pushes at 50 fps for `ms`. */
  run(ms: number, width = 16, height = 16): void {
    for (let i = 0; i < ms / 20; i += 1) {
      this.push(undefined, width, height);
      this.clock.advance(fromMs(20));
    }
  }

  async join(): Promise<FakeViewer> {
    await this.publication.join('offer');
    const viewer = this.viewers.at(-1)!;
    viewer.connect();
    return viewer;
  }

  of<T extends MetricEvent['type']>(type: T): Extract<MetricEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<MetricEvent, { type: T }> => event.type === type);
  }

  keyframes(): Micros[] {
    return this.encoders.flatMap(({ frames }) => frames.filter((frame) => frame.keyframe).map((frame) => frame.due));
  }
}

afterEach(() => {
  expect(arena.liveFrames).toBe(0);
});

describe('Publication', () => {
  it('refuses viewers before the first frame', async () => {
    const rig = new Rig();
    await expect(rig.publication.join('offer')).rejects.toMatchObject({ code: 'webrtc.no-source', recoverable: true });
    expect(rig.publication.live).toBe(false);
  });

  it('encodes nothing while nobody watches', async () => {
    const rig = new Rig();
    rig.run(100);
    expect(rig.encoders).toEqual([]);
    expect(rig.publication.live).toBe(true);
    await rig.publication[Symbol.asyncDispose]();
  });

  it('encodes once for all viewers and packetizes once', async () => {
    const rig = new Rig();
    rig.push();
    const [one, two] = [await rig.join(), await rig.join()];
    rig.run(1000);
    expect(rig.encoders).toHaveLength(1);
    expect(one.units.at(-1)).toBe(two.units.at(-1));
    expect(rig.of('viewers').map(({ count }) => count)).toEqual([1, 2]);
    await rig.publication[Symbol.asyncDispose]();
    expect(rig.encoders[0]?.closed).toBe(true);
  });

  it('a viewer that joins gets a keyframe with the next frame', async () => {
    const rig = new Rig();
    rig.push();
    await rig.join();
    rig.run(1000);
    const late = await rig.join();
    rig.run(40);
    expect(late.units[0]?.unit.keyframe).toBe(true);
    await rig.publication[Symbol.asyncDispose]();
  });

  it('makes one keyframe per 300 ms at most, however many ask', async () => {
    const rig = new Rig();
    rig.push();
    const viewer = await rig.join();
    rig.run(1000);
    const before = rig.keyframes().length;
    for (let i = 0; i < 100; i += 1) {
      viewer.events.keyframeNeeded(i % 2 ? 'pli' : 'fir');
      rig.run(20);
    }
    const made = rig.keyframes().slice(before);
    expect(made.length).toBeGreaterThanOrEqual(6);
    expect(made.length).toBeLessThanOrEqual(8);
    for (let i = 1; i < made.length; i += 1) expect(made[i]! - made[i - 1]!).toBeGreaterThanOrEqual(300_000);
    expect(rig.of('keyframe-request').filter(({ cause }) => cause === 'pli')).toHaveLength(50);
    await rig.publication[Symbol.asyncDispose]();
  });

  it('answers a request within one frame when none was made lately', async () => {
    const rig = new Rig();
    rig.push();
    const viewer = await rig.join();
    rig.run(1000);
    viewer.events.keyframeNeeded('pli');
    const asked = rig.clock.now();
    rig.run(40);
    expect(rig.keyframes().at(-1)! - asked).toBeLessThanOrEqual(20_000);
    await rig.publication[Symbol.asyncDispose]();
  });

  it('a viewer that is too slow again and again costs the others one keyframe per 2 s', async () => {
    const rig = new Rig();
    rig.push();
    await rig.join();
    const slow = await rig.join();
    rig.run(1000);
    const before = rig.keyframes().length;
    for (let i = 0; i < 200; i += 1) {
      slow.events.keyframeNeeded('slow');
      rig.run(20);
    }
    expect(rig.keyframes().length - before).toBeLessThanOrEqual(3);
    await rig.publication[Symbol.asyncDispose]();
  });

  it('shows the last frame to a viewer that joins while the source is dead, then once a second', async () => {
    const rig = new Rig();
    rig.push();
    rig.clock.advance(fromMs(60_000));
    const viewer = await rig.join();
    expect(viewer.units).toHaveLength(1);
    expect(viewer.units[0]?.unit.keyframe).toBe(true);
    expect(viewer.units[0]?.unit.due).toBe(rig.clock.now());
    rig.clock.advance(fromMs(5000));
    expect(viewer.units).toHaveLength(6);
    // A source frame, but not a new one.
    for (const { unit } of viewer.units) expect(unit.provenance).toMatchObject({ kind: 'repeated', reason: 'silence' });
    expect(rig.of('latency')).toEqual([]);
    await rig.publication[Symbol.asyncDispose]();
  });

  it('measures latency from arrival to the first packet, once per frame', async () => {
    const rig = new Rig();
    rig.push();
    await rig.join();
    await rig.join();
    rig.clock.advance(fromMs(10));
    rig.push(micros(rig.clock.now() - 7000));
    expect(rig.of('latency').map(({ span }) => span)).toEqual([7000]);
    expect(rig.of('sent').length).toBeGreaterThanOrEqual(2);
    await rig.publication[Symbol.asyncDispose]();
  });

  it('closes the encoder some seconds after the last viewer, not at once', async () => {
    const rig = new Rig();
    rig.push();
    const viewer = await rig.join();
    rig.run(100);
    await viewer.close('left');
    rig.run(4000);
    expect(rig.encoders[0]?.closed).toBe(false);
    rig.run(2000);
    expect(rig.encoders[0]?.closed).toBe(true);
    await rig.join();
    rig.run(100);
    expect(rig.encoders).toHaveLength(2);
    await rig.publication[Symbol.asyncDispose]();
  });

  it('tells the session that it has ended, and why', async () => {
    const rig = new Rig();
    rig.push();
    const session = await rig.publication.join('offer');
    await rig.viewers[0]?.close('player fell silent');
    await expect(session.ended).resolves.toBe('player fell silent');
    expect(rig.publication.viewers).toBe(0);
    await rig.publication[Symbol.asyncDispose]();
  });

  it('refuses more viewers than it may have, and takes one again when one leaves', async () => {
    const rig = new Rig({ maxViewers: 1 });
    rig.push();
    const viewer = await rig.join();
    await expect(rig.publication.join('offer')).rejects.toMatchObject({ code: 'webrtc.overloaded', recoverable: true });
    await viewer.close('left');
    await rig.join();
    await rig.publication[Symbol.asyncDispose]();
  });

  it('players that never connect take no place from viewers', async () => {
    const rig = new Rig({ maxViewers: 2 });
    rig.push();
    await rig.join();
    for (let i = 0; i < 32; i += 1) await rig.publication.join('bogus');
    await expect(rig.publication.join('offer')).rejects.toMatchObject({ code: 'webrtc.busy', recoverable: true });
    rig.clock.advance(fromMs(500));
    const late = await rig.join();
    expect(late.connected).toBe(true);
    expect(rig.viewers[0]?.connected).toBe(true);
    expect(rig.publication.viewers).toBe(33);
    expect(rig.of('viewers').at(-1)?.count).toBe(2);
    await rig.publication[Symbol.asyncDispose]();
  });

  it('makes slices that fit into packets while a viewer takes nothing that is cut, and no longer', async () => {
    const rig = new Rig();
    rig.push();
    await rig.join();
    rig.push();
    const joining = rig.publication.join('offer');
    await joining;
    const simple = rig.viewers.at(-1)!;
    simple.singleNal = true;
    // Who has not connected yet costs the others nothing.
    rig.push();
    simple.connect();
    rig.push();
    await simple.close('left');
    rig.push();
    expect(rig.encoders.map(({ options, frames }) => [options.maxSlice, frames.length])).toEqual([
      [undefined, 2],
      [1020, 1],
      [undefined, 1],
    ]);
    await rig.publication[Symbol.asyncDispose]();
  });

  it('sends away who connects when all places have been taken meanwhile', async () => {
    const rig = new Rig({ maxViewers: 1 });
    rig.push();
    const [first, second] = [await rig.publication.join('offer'), await rig.publication.join('offer')];
    rig.viewers[1]?.connect();
    rig.viewers[0]?.connect();
    await expect(first.ended).resolves.toBe('too many viewers');
    expect(rig.viewers[1]?.connected).toBe(true);
    expect(rig.publication.viewers).toBe(1);
    await second.close();
    await rig.publication[Symbol.asyncDispose]();
  });

  it('gives the encoder the bitrate of the measured rate and size, live', async () => {
    const rig = new Rig({ fps: 30 });
    rig.run(20, 320, 180);
    await rig.join();
    rig.run(500, 320, 180);
    expect(rig.encoders[0]?.bitrate).toBe(defaultBitrate(320, 180, 30));
    rig.run(1000, 320, 180);
    expect(rig.encoders[0]?.bitrate).toBe(defaultBitrate(320, 180, 50));
    rig.run(40, 640, 360);
    expect(rig.encoders[0]?.bitrate).toBe(defaultBitrate(640, 360, 50));
    const told = rig.of('encoder-bitrate').map(({ bitsPerSecond }) => bitsPerSecond);
    expect(told).toHaveLength(3);
    expect(told.at(-1)).toBe(rig.encoders[0]?.bitrate);
    await rig.publication[Symbol.asyncDispose]();
  });

  it('leaves a configured bitrate as it is', async () => {
    const rig = new Rig({ fps: 30, bitrate: 2_000_000 });
    rig.push();
    await rig.join();
    rig.run(3000, 320, 180);
    expect(rig.encoders[0]?.bitrate).toBe(2_000_000);
    expect(rig.of('encoder-bitrate')).toHaveLength(1);
    await rig.publication[Symbol.asyncDispose]();
  });

  it('opens an encoder at the rate that was measured before', async () => {
    const rig = new Rig({ fps: 30 });
    rig.run(1500);
    await rig.join();
    rig.run(40);
    expect(rig.encoders[0]?.fps).toBeCloseTo(50);
    await rig.publication[Symbol.asyncDispose]();
  });

  it('counts frames that the encoder gave up by their reason', async () => {
    const rig = new Rig();
    rig.push();
    await rig.join();
    rig.run(40);
    for (const reason of ['queue-full', 'encode-failed'] as const) rig.encoders[0]?.drop(reason);
    expect(rig.of('drop').map(({ stage, reason }) => [stage, reason])).toEqual([
      ['encode', 'queue-full'],
      ['encode', 'encode-failed'],
    ]);
    await rig.publication[Symbol.asyncDispose]();
  });

  it('holds 8 access units at most, counts what it gives up and asks for a keyframe', async () => {
    const rig = new Rig({ even: true });
    rig.push();
    await rig.join();
    rig.run(1000);
    const keyframes = rig.keyframes().length;
    for (let i = 0; i < 11; i += 1) rig.encoders[0]?.giveEarly();
    expect(rig.of('drop').map(({ stage, reason, count }) => [stage, reason, count])).toEqual(
      Array.from({ length: 3 }, () => ['packetize', 'queue-full', 1]),
    );
    rig.run(40);
    expect(rig.keyframes().length).toBe(keyframes + 1);
    const dropped = rig.of('drop').length;
    await rig.publication[Symbol.asyncDispose]();
    expect(rig.of('drop')).toHaveLength(dropped);
  });

  it('reports its queues under its variant, and that they are empty once nobody watches', async () => {
    const rig = new Rig({ variant: 'source' });
    rig.push();
    const viewer = await rig.join();
    viewer.stats = { rtt: undefined, loss: 0, depth: 5 };
    rig.run(40);
    rig.encoders[0]!.depth = 2;
    rig.run(20);
    const newest = (stage: string) => rig.of('queue').findLast((event) => event.stage === stage);
    expect(newest('peer')).toMatchObject({ variant: 'source', depth: 5, capacity: 16 });
    expect(newest('encode')).toMatchObject({ variant: 'source', depth: 2, capacity: 3 });
    await viewer.close('left');
    rig.clock.advance(fromMs(6000));
    expect(newest('peer')?.depth).toBe(0);
    expect(newest('encode')?.depth).toBe(0);
    await rig.publication[Symbol.asyncDispose]();
  });

  it('changes the bitrate live and reports it', async () => {
    const rig = new Rig();
    rig.push();
    await rig.join();
    rig.run(40);
    rig.publication.setBitrate(123_000);
    expect(rig.encoders[0]?.bitrate).toBe(123_000);
    expect(rig.of('encoder-bitrate').at(-1)?.bitsPerSecond).toBe(123_000);
    await rig.publication[Symbol.asyncDispose]();
  });

  it('ends viewers that joined while it was closing; releases what comes later; closes twice', async () => {
    const rig = new Rig();
    rig.push();
    const joining = rig.publication.join('offer');
    await rig.publication[Symbol.asyncDispose]();
    await (await joining).ended;
    rig.push();
    await rig.publication[Symbol.asyncDispose]();
    expect(rig.publication.viewers).toBe(0);
  });
});
