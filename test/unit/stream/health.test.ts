import { describe, expect, it } from 'vitest';
import { StreamHealth } from '../../../src/stream/health.ts';
import { fromMs, type Micros, plus, ZERO } from '../../../src/time.ts';

/** A judge with windows of half a second. */
class Court {
  now: Micros = ZERO;
  readonly judge = new StreamHealth(ZERO);

  /** A window in which so many frames left: `full(15)`; gaps filled, failed for a reason, or held by intent. */
  window(counts: { source?: number; interpolated?: number; repeated?: Record<string, number> } = {}): string {
    const add = (n: number, fate: 'source' | 'interpolated' | 'repeated', reason?: string): void => {
      for (let i = 0; i < n; i++) {
        this.judge.observe({ type: 'frame', stream: 's', fate, ...(reason === undefined ? {} : { reason }) });
      }
    };
    add(counts.source ?? 0, 'source');
    add(counts.interpolated ?? 0, 'interpolated');
    for (const [reason, n] of Object.entries(counts.repeated ?? {})) add(n, 'repeated', reason);
    this.now = plus(this.now, fromMs(500));
    return this.judge.judge(this.now);
  }

  full(): string {
    return this.window({ source: 15, interpolated: 15 });
  }
}

describe('StreamHealth', () => {
  it('is full where frames are carried on instead', () => {
    const court = new Court();
    for (let i = 0; i < 30; i++) {
      court.judge.observe({ type: 'frame', stream: 's', fate: i % 2 ? 'extrapolated' : 'source' });
    }
    expect(court.window()).toBe('full');
    for (let i = 0; i < 15; i++) court.judge.observe({ type: 'frame', stream: 's', fate: 'extrapolated' });
    expect(court.window({ repeated: { deadline: 15 } })).toBe('degraded');
  });

  it('waits until a frame comes, then is full at once', () => {
    const court = new Court();
    expect([court.judge.state, court.judge.reason]).toEqual(['waiting', 'no frame yet']);
    expect(court.window()).toBe('waiting');
    expect(court.full()).toBe('full');
    expect(court.judge.reason).toBeUndefined();
  });

  it('says waiting after a second of silence, and for how long', () => {
    const court = new Court();
    court.full();
    expect([court.window(), court.window(), court.window()]).toEqual(['full', 'waiting', 'waiting']);
    expect(court.judge.reason).toBe('no frame for 2 s');
    expect(court.full()).toBe('full');
  });

  it('wakes into the state that the first window shows', () => {
    const court = new Court();
    expect(court.window({ source: 15, repeated: { deadline: 15 } })).toBe('pass-through');
    expect(court.judge.reason).toBe('15 of 15 gaps repeated (deadline)');
  });

  it.each([
    [20, 1, 'full'],
    [19, 1, 'full'],
    [18, 1, 'degraded'],
    [1, 19, 'degraded'],
    [0, 1, 'pass-through'],
  ])('%i interpolated and %i failed gaps: %s, at once', (interpolated, failed, state) => {
    const court = new Court();
    court.full();
    expect(court.window({ source: 20, interpolated, repeated: { overload: failed } })).toBe(state);
  });

  it.each(['cut', 'flash', 'duplicate', 'discontinuity', 'size-change'])('does not blame a %s on anyone', (reason) => {
    const court = new Court();
    court.full();
    expect(court.window({ source: 15, interpolated: 1, repeated: { [reason]: 14 } })).toBe('full');
    expect(court.window({ source: 15, repeated: { [reason]: 15 } })).toBe('full');
  });

  it('keeps its verdict through windows without gaps', () => {
    const court = new Court();
    court.full();
    court.window({ source: 10, repeated: { deadline: 10 } });
    expect(court.window({ source: 10, repeated: { duplicate: 10 } })).toBe('pass-through');
    expect(court.judge.reason).toBe('10 of 10 gaps repeated (deadline)');
  });

  it('climbs only after two better windows in a row', () => {
    const court = new Court();
    court.full();
    const bad = (): string => court.window({ source: 15, interpolated: 5, repeated: { deadline: 10 } });
    expect(bad()).toBe('degraded');
    expect([court.full(), bad(), court.full(), court.full()]).toEqual(['degraded', 'degraded', 'degraded', 'full']);
    expect(court.judge.reason).toBeUndefined();
  });

  it('climbs one verdict at a time when the better windows differ', () => {
    const court = new Court();
    court.window({ source: 15, repeated: { 'engine-error': 15 } });
    expect(court.full()).toBe('pass-through');
    expect(court.window({ source: 15, interpolated: 10, repeated: { deadline: 5 } })).toBe('degraded');
  });

  it('names the most frequent cause, and what the engine said', () => {
    const court = new Court();
    court.full();
    court.window({ source: 15, interpolated: 3, repeated: { deadline: 4, unsure: 8, cut: 30 } });
    expect(court.judge.reason).toBe('12 of 15 gaps repeated (unsure)');
    court.judge.engineFailed('worker crashed');
    court.window({ source: 15, interpolated: 3, repeated: { deadline: 4, 'engine-error': 8 } });
    expect(court.judge.reason).toBe('engine-error: worker crashed');
  });

  it('ignores events of other kinds', () => {
    const court = new Court();
    court.judge.observe({ type: 'deadline-miss', stream: 's' });
    court.judge.observe({ type: 'drop', stream: 's', stage: 'pace', reason: 'late' });
    expect(court.window()).toBe('waiting');
  });
});

describe('StreamHealth of a stream that is held back', () => {
  it('is degraded at best, for the reason given, although every gap is filled', () => {
    const court = new Court();
    court.full();
    court.judge.held('search instead of flow-s');
    expect(court.full()).toBe('degraded');
    expect(court.judge.reason).toBe('search instead of flow-s');
    court.judge.held(undefined);
    expect([court.full(), court.full()]).toEqual(['degraded', 'full']);
    expect(court.judge.reason).toBeUndefined();
  });

  it('passes through where nothing is asked of anyone', () => {
    const court = new Court();
    court.judge.held('the budget is below the floor', 'pass-through');
    expect(court.window({ source: 15 })).toBe('pass-through');
    expect(court.judge.reason).toBe('the budget is below the floor');
  });

  it('goes lower for gaps that are not filled', () => {
    const court = new Court();
    court.full();
    court.judge.held('hold instead of flow-s');
    expect(court.window({ source: 15, repeated: { overload: 15 } })).toBe('pass-through');
    expect(court.judge.reason).toBe('hold instead of flow-s');
  });

  it('is pass-through, not full, where no frame belongs to the one before', () => {
    const court = new Court();
    court.full();
    for (let i = 0; i < 2; i += 1) court.judge.observe({ type: 'pair', stream: 's', decision: 'discontinuity' });
    expect(court.window({ source: 2 })).toBe('pass-through');
    expect(court.judge.reason).toBe(
      'frames are too far apart, or jump in time: nothing can be interpolated between them',
    );
    court.judge.observe({ type: 'pair', stream: 's', decision: 'discontinuity' });
    for (let i = 0; i < 9; i += 1) court.judge.observe({ type: 'pair', stream: 's', decision: 'cut' });
    expect(court.window({ source: 10 })).toBe('pass-through');
    expect([court.full(), court.full()]).toEqual(['pass-through', 'full']);
  });
});

it('does not wait for a source because the process stood still', () => {
  const health = new StreamHealth(ZERO);
  health.observe({ type: 'frame', stream: 's', fate: 'interpolated' });
  health.judge(fromMs(500));
  health.stoodStill(fromMs(12_000));
  expect(health.judge(fromMs(13_000))).toBe('full');
  expect(health.judge(fromMs(13_500))).toBe('waiting');
});

it('is asleep from when its source is stopped to its first frame after it was started, whatever still waits', () => {
  const health = new StreamHealth(ZERO);
  const frame = (): void => health.observe({ type: 'frame', stream: 's', fate: 'source' });
  frame();
  health.judge(fromMs(1000));
  frame();
  health.sleep();
  frame();
  expect(health.judge(fromMs(2000))).toBe('asleep');
  expect(health.judge(fromMs(9000), true)).toBe('asleep');
  health.wake(fromMs(9100));
  expect(health.judge(fromMs(9500))).toBe('asleep');
  expect(health.reason).toBe('the source is being started');
  frame();
  expect(health.judge(fromMs(10_500))).toBe('full');
});

it('waits for a source that cannot be read when somebody comes', () => {
  const health = new StreamHealth(ZERO);
  health.sleep();
  health.wake(fromMs(9000));
  expect(health.judge(fromMs(9500), true)).toBe('waiting');
});

it('takes repeats because nobody watches for neither good nor bad', () => {
  const health = new StreamHealth(ZERO);
  for (let i = 0; i < 30; i += 1) {
    health.observe({ type: 'frame', stream: 's', fate: 'source' });
    health.observe({ type: 'frame', stream: 's', fate: 'repeated', reason: 'unwatched' });
  }
  expect(health.judge(fromMs(1000))).toBe('full');
});
