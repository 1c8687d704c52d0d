import type { Subscription } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { FrameliftError } from '../../../src/errors.ts';
import type { FrameSink, Source, SourceInfo } from '../../../src/ingest/source.ts';
import { Arena } from '../../../src/media/arena.ts';
import type { Frame } from '../../../src/media/frame.ts';
import type { SoundPacket } from '../../../src/media/sound.ts';
import { Backoff, DEFAULT_BACKOFF, type SupervisionStatus, Supervisor } from '../../../src/stream/supervisor.ts';
import { fromMs, ManualClock, micros, toMs } from '../../../src/time.ts';
import { EventLog, flatFrame } from '../../support/frames.ts';
import { seededRandom } from '../../support/random.ts';

const arena = new Arena(16);
afterEach(() => expect(arena.liveFrames).toBe(0));

/** Lets all promise reactions run. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const INFO: SourceInfo = { codec: 'h264', width: 16, height: 16, fps: 30, transport: 'test' };

/** A source that does what the test says, one life after the other. */
class ScriptedSource implements Source {
  readonly label = 'scripted';
  readonly lives: { sink: FrameSink; signal: AbortSignal; end: () => void; fail: (error: unknown) => void }[] = [];
  /** As the contract says: settles once the signal aborts. False: hangs until the test ends it. */
  obedient = true;

  run(sink: FrameSink, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.lives.push({ sink, signal, end: resolve, fail: reject });
      signal.addEventListener('abort', () => {
        if (this.obedient) resolve();
      });
    });
  }

  get life() {
    const life = this.lives.at(-1);
    if (!life) throw new Error('not running');
    return life;
  }

  frame(ms: number, discontinuity = false): void {
    this.life.sink.frame(flatFrame(arena, fromMs(ms), 0, 16, { discontinuity }));
  }
}

class Rig {
  readonly clock = new ManualClock();
  readonly events = new EventLog();
  readonly source = new ScriptedSource();
  readonly statuses: SupervisionStatus[] = [];
  readonly frames: { pts: number; discontinuity: boolean }[] = [];
  completed = false;
  readonly supervisor = new Supervisor(this.source, {
    stream: 's',
    clock: this.clock,
    events: this.events,
    random: () => 0.5,
    onStatus: (status) => this.statuses.push(status),
  });
  readonly subscription: Subscription;

  constructor(take: (frame: Frame) => void = (frame) => frame.release()) {
    this.subscription = this.supervisor.frames.subscribe({
      next: (frame) => {
        this.frames.push({ pts: toMs(frame.pts), discontinuity: frame.discontinuity });
        take(frame);
      },
      complete: () => {
        this.completed = true;
      },
    });
  }

  /** Ends the present life with an error and waits `ms` of the clock. */
  async fail(error: unknown, ms = 0): Promise<void> {
    this.source.life.fail(error);
    await settled();
    await this.wait(ms);
  }

  async wait(ms: number): Promise<void> {
    this.clock.advance(fromMs(ms));
    await settled();
  }

  /** The phases in order, without repetitions. */
  get phases(): string[] {
    return this.statuses.map((s) => s.phase).filter((phase, i, all) => phase !== all[i - 1]);
  }

  async stop(): Promise<void> {
    this.subscription.unsubscribe();
    await this.supervisor.stopped;
  }
}

const gone = (): FrameliftError => new FrameliftError('source.unreachable', 'no route', { recoverable: true });

describe('Backoff', () => {
  it('doubles from the first wait to the cap and starts again after a reset', () => {
    const backoff = new Backoff();
    const waits = (): number[] => [1, 2, 3, 4, 5, 6].map(() => toMs(backoff.next(true, 0.5)));
    expect(waits()).toEqual([250, 500, 1000, 2000, 3000, 3000]);
    backoff.reset();
    expect(waits().slice(0, 2)).toEqual([250, 500]);
  });

  it('stays within ± jitter for every random number, and finite after many failures', () => {
    const random = seededRandom(5);
    const backoff = new Backoff();
    for (let i = 0; i < 5000; i++) {
      const base = Math.min(3000, 250 * 2 ** Math.min(i, 20));
      const wait = toMs(backoff.next(true, random()));
      expect(wait).toBeGreaterThanOrEqual(base * 0.8);
      expect(wait).toBeLessThanOrEqual(base * 1.2);
    }
  });

  it('is slow where a person must act', () => {
    expect(toMs(new Backoff(DEFAULT_BACKOFF).next(false, 0))).toBe(12_000);
    expect(toMs(new Backoff(DEFAULT_BACKOFF).next(false, 1))).toBe(18_000);
  });
});

describe('Supervisor', () => {
  it('delivers frames in order; the first of a life is a discontinuity whatever the source says', async () => {
    const rig = new Rig();
    rig.source.life.sink.info(INFO);
    rig.source.frame(0);
    rig.source.frame(33);
    rig.source.frame(66, true);
    expect(rig.frames).toEqual([
      { pts: 0, discontinuity: true },
      { pts: 33, discontinuity: false },
      { pts: 66, discontinuity: true },
    ]);
    expect(rig.supervisor.status).toEqual({ phase: 'live', info: INFO, lastError: undefined, reconnects: 0 });
    await rig.stop();
  });

  it('restarts a broken source after the wait, not before, on one subscription', async () => {
    const rig = new Rig();
    rig.source.frame(0);
    const error = gone();
    await rig.fail(error);
    expect(rig.supervisor.status).toMatchObject({ phase: 'waiting', lastError: error, reconnects: 1 });
    await rig.wait(249);
    expect(rig.source.lives).toHaveLength(1);
    await rig.wait(1);
    expect(rig.source.lives).toHaveLength(2);
    rig.source.frame(5000);
    rig.source.frame(5033);
    expect(rig.frames.map((f) => f.discontinuity)).toEqual([true, true, false]);
    expect(rig.supervisor.status).toMatchObject({ phase: 'live', lastError: undefined, reconnects: 1 });
    expect(rig.phases).toEqual(['connecting', 'live', 'waiting', 'live']);
    expect(rig.events.of('reconnect')).toEqual([{ type: 'reconnect', stream: 's', reason: 'source.unreachable' }]);
    expect(rig.completed).toBe(false);
    await rig.stop();
  });

  it('waits longer each time nothing comes, and starts from the beginning once a frame came', async () => {
    const rig = new Rig();
    const starts: number[] = [];
    for (const ms of [250, 500, 1000, 2000, 3000, 3000]) {
      await rig.fail(gone(), ms);
      starts.push(rig.source.lives.length);
    }
    expect(starts).toEqual([2, 3, 4, 5, 6, 7]);
    rig.source.frame(0);
    await rig.fail(gone(), 249);
    expect(rig.source.lives).toHaveLength(7);
    await rig.wait(1);
    expect(rig.source.lives).toHaveLength(8);
    expect(rig.supervisor.status.reconnects).toBe(7);
    await rig.stop();
  });

  it('tries a hopeless source again, seldom', async () => {
    const rig = new Rig();
    await rig.fail(new FrameliftError('source.unauthorized', 'wrong password'), 14_999);
    expect(rig.source.lives).toHaveLength(1);
    expect(rig.supervisor.status).toMatchObject({ phase: 'waiting', lastError: { code: 'source.unauthorized' } });
    await rig.wait(1);
    expect(rig.source.lives).toHaveLength(2);
    await rig.stop();
  });

  it('completes when a source ends in order', async () => {
    const rig = new Rig();
    rig.source.frame(0);
    await rig.fail(new FrameliftError('source.ended', 'the file has ended'));
    expect(rig.completed).toBe(true);
    expect(rig.supervisor.status.phase).toBe('ended');
    await rig.wait(60_000);
    expect(rig.source.lives).toHaveLength(1);
    expect(rig.events.of('reconnect')).toEqual([]);
  });

  it('restarts a source that only closed the connection, or resolved for no reason', async () => {
    const rig = new Rig();
    await rig.fail(new FrameliftError('source.ended', 'closed', { recoverable: true }), 250);
    expect(rig.source.lives).toHaveLength(2);
    rig.source.life.end();
    await settled();
    expect(rig.supervisor.status.lastError).toMatchObject({
      code: 'source.ended',
      message: 'scripted: the source closed the stream',
    });
    await rig.wait(500);
    expect(rig.source.lives).toHaveLength(3);
    await rig.stop();
  });

  it('survives what is no FrameliftError', async () => {
    const rig = new Rig();
    const cause = new TypeError('undefined is not a function');
    await rig.fail(cause, 250);
    expect(rig.source.lives).toHaveLength(2);
    expect(rig.statuses.find((s) => s.lastError)?.lastError).toMatchObject({ code: 'source.protocol', cause });
    await rig.stop();
  });

  it('survives a source that throws at once', async () => {
    const clock = new ManualClock();
    let runs = 0;
    const source: Source = {
      label: 'x',
      run: () => {
        runs += 1;
        throw gone();
      },
    };
    const supervisor = new Supervisor(source, { stream: 's', clock, events: new EventLog(), random: () => 0.5 });
    const subscription = supervisor.frames.subscribe();
    await settled();
    clock.advance(fromMs(250));
    await settled();
    expect(runs).toBe(2);
    subscription.unsubscribe();
    await supervisor.stopped;
  });

  it('stops while it waits: at once, leaving no timer', async () => {
    const rig = new Rig();
    await rig.fail(gone());
    await rig.stop();
    await rig.wait(60_000);
    expect(rig.source.lives).toHaveLength(1);
    expect(rig.completed).toBe(false);
  });

  it('stops while the source connects: tells it, and has stopped only when it has settled', async () => {
    const rig = new Rig();
    rig.source.obedient = false;
    let stopped = false;
    rig.subscription.unsubscribe();
    const done = rig.supervisor.stopped.then(() => {
      stopped = true;
    });
    expect(rig.source.life.signal.aborted).toBe(true);
    await settled();
    expect(stopped).toBe(false);
    rig.source.life.fail(gone());
    await done;
    await rig.wait(60_000);
    expect(rig.source.lives).toHaveLength(1);
    expect(rig.events.of('reconnect')).toEqual([]);
  });

  it('releases frames that come after the end of the subscription, and does not turn live by them', async () => {
    const rig = new Rig();
    rig.source.obedient = false;
    rig.subscription.unsubscribe();
    rig.source.frame(0);
    rig.source.frame(33);
    expect(arena.liveFrames).toBe(0);
    expect(rig.frames).toEqual([]);
    expect(rig.supervisor.status.phase).toBe('connecting');
    rig.source.life.end();
    await rig.supervisor.stopped;
  });

  it('stops from within the delivery of a frame', async () => {
    const rig: Rig = new Rig((frame) => {
      frame.release();
      rig.subscription.unsubscribe();
    });
    rig.source.frame(0);
    rig.source.obedient = true;
    await rig.supervisor.stopped;
    expect(rig.frames).toHaveLength(1);
  });

  it('hands the sound of each life over, and none after it was stopped', async () => {
    const heard: number[] = [];
    const source = new ScriptedSource();
    const clock = new ManualClock(fromMs(0));
    const options = { stream: 's', clock, events: new EventLog(), onSound: ({ pts }: SoundPacket) => heard.push(pts) };
    const supervisor = new Supervisor(source, options);
    const subscription = supervisor.frames.subscribe((frame) => frame.release());
    const sound = (pts: number): void =>
      source.life.sink.sound?.({ codec: 'opus', data: Uint8Array.of(1), pts: micros(pts), timestamp: 0, fresh: false });
    sound(1);
    source.life.fail(new FrameliftError('source.ended', 'gone', { recoverable: true }));
    await settled();
    clock.advance(fromMs(1000));
    await settled();
    sound(2);
    subscription.unsubscribe();
    sound(3);
    await supervisor.stopped;
    expect(heard).toEqual([1, 2]);
  });

  it('begins a new run without the failure of the last one', async () => {
    const rig = new Rig();
    await rig.fail(new FrameliftError('source.unreachable', 'nothing listens', { recoverable: true }));
    expect(rig.supervisor.status.lastError).toBeDefined();
    await rig.stop();
    const again = rig.supervisor.frames.subscribe((frame) => frame.release());
    expect(rig.source.lives).toHaveLength(2);
    expect(rig.supervisor.status.lastError).toBeUndefined();
    again.unsubscribe();
    await rig.supervisor.stopped;
  });

  it('can be subscribed to again after it stopped', async () => {
    const rig = new Rig();
    await rig.stop();
    const pts: number[] = [];
    const again = rig.supervisor.frames.subscribe((frame) => {
      pts.push(frame.pts);
      frame.release();
    });
    expect(rig.source.lives).toHaveLength(2);
    rig.source.life.sink.frame(flatFrame(arena, micros(77)));
    expect(pts).toEqual([77]);
    again.unsubscribe();
    await rig.supervisor.stopped;
  });
});
