import { beforeEach, describe, expect, it } from 'vitest';
import { FrameliftError } from '../../../src/errors.ts';
import type { Tier } from '../../../src/interp/engine/job.ts';
import type { ModelLease } from '../../../src/interp/engine/pool.ts';
import { Arena } from '../../../src/media/arena.ts';
import { StreamModel } from '../../../src/stream/model.ts';
import { fromMs, ManualClock } from '../../../src/time.ts';

/** A pool whose models warm up when told, and what a stream says meanwhile. */
class Scene {
  readonly held: (string | undefined)[] = [];
  readonly ready: string[] = [];
  readonly chosen: string[] = [];
  /** Whether models refuse to be tried. */
  refuses = true;
  readonly errors: string[] = [];
  /** Names of the models that are held by someone. */
  readonly leases: string[] = [];
  /** `model WxH` → what ends its warm-up. */
  readonly warming = new Map<string, { resolve: () => void; reject: (error: Error) => void }>();
  readonly model: StreamModel;

  constructor(ahead = false) {
    this.model = new StreamModel({
      pool: { acquire: (name) => this.#acquire(name), providerOf: async () => 'cpu' },
      arena: new Arena(16),
      clock: new ManualClock(),
      stream: 's',
      target: { kind: 'factor', factor: 3 },
      ahead,
      timesteps: () => 2,
      limits: () => ({ headroom: fromMs(40), period: fromMs(33) }),
      onChoice: ({ lease }) => this.chosen.push(lease.model),
      onHeld: (reason) => this.held.push(reason),
      onReady: (model) => this.ready.push(model),
      onError: (error) => this.errors.push(error.message),
    });
  }

  async warmed(key: string): Promise<void> {
    this.warming.get(key)?.resolve();
    await this.settle();
  }

  async settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }

  async #acquire(name: string): Promise<ModelLease> {
    if (name === 'none') throw new FrameliftError('model.not-found', 'there is no model "none"');
    this.leases.push(name);
    const tier: Tier = {
      model: name,
      times: name === 'halver' ? 'half' : 'any',
      extrapolates: name !== 'rgb',
      workers: 1,
      interpolate: async () =>
        this.refuses
          ? { status: 'refused', reason: 'closed' }
          : { status: 'done', frames: [], confidence: 1, spanMicros: { search: 1, network: 1, kernel: 1 } },
      warmUp: (width, height) =>
        new Promise((resolve, reject) => this.warming.set(`${name} ${width}x${height}`, { resolve, reject })),
    };
    return {
      model: name,
      provider: 'cpu',
      tiers: [tier],
      release: () => this.leases.splice(this.leases.indexOf(name), 1),
    };
  }
}

describe('StreamModel', () => {
  let scene: Scene;

  beforeEach(async () => {
    scene = new Scene();
    await scene.model.use('a');
    scene.model.resize({ width: 64, height: 48 });
    await scene.settle();
  });

  it('makes nothing until the model has run at the size, and says so', async () => {
    expect(scene.model.lineup).toBeUndefined();
    expect([scene.model.warm, scene.model.model, scene.held.at(-1)]).toEqual([
      false,
      'a',
      'a is being prepared for 64x48',
    ]);
    await scene.warmed('a 64x48');
    expect(scene.model.ladder?.rungs).toEqual(['a', 'a-middle', 'hold']);
    expect([scene.held.at(-1), scene.ready]).toEqual([undefined, ['a']]);
  });

  it('goes on with the old model until the new one is ready', async () => {
    await scene.warmed('a 64x48');
    const before = scene.model.lineup;
    const change = scene.model.use('b');
    await scene.settle();
    expect(scene.model.lineup).toBe(before);
    expect([scene.model.model, scene.leases]).toEqual(['a', ['a', 'b']]);
    await scene.warmed('b 64x48');
    await change;
    expect([scene.model.ladder?.rung, scene.model.model]).toEqual(['b', 'b']);
    expect(scene.leases).toEqual(['b']);
  });

  it('refuses a model that knows no motion where frames are carried on, naming the key and a remedy', async () => {
    const ahead = new Scene(true);
    const { message, remedy } = (await ahead.model
      .use('rgb')
      .catch((error: FrameliftError) => error)) as FrameliftError;
    expect(message).toBe(
      'delay is none, and model "rgb" knows no motion that could be carried on beyond the newest frame',
    );
    expect(remedy).toContain('search');
    expect(ahead.leases).toEqual([]);
    await ahead.model.use('a');
    expect(ahead.leases).toEqual(['a']);
    const waiting = new Scene();
    await waiting.model.use('rgb');
    expect(waiting.leases).toEqual(['rgb']);
  });

  it('changes nothing when the new model cannot be had, cannot be run, or cannot make the times', async () => {
    await scene.warmed('a 64x48');
    const before = scene.model.lineup;
    await expect(scene.model.use('none')).rejects.toMatchObject({ code: 'model.not-found' });
    await expect(scene.model.use('halver')).rejects.toMatchObject({ code: 'config.invalid' });
    const broken = scene.model.use('b');
    await scene.settle();
    scene.warming.get('b 64x48')?.reject(new FrameliftError('model.invalid', 'cannot be loaded'));
    await expect(broken).rejects.toMatchObject({ code: 'model.invalid' });
    expect([scene.model.lineup, scene.model.model, scene.leases]).toEqual([before, 'a', ['a']]);
    expect(scene.errors).toEqual([]);
  });

  it('prepares a new size, and never begins at one that has passed', async () => {
    await scene.warmed('a 64x48');
    scene.model.resize({ width: 32, height: 32 });
    scene.model.resize({ width: 96, height: 64 });
    expect(scene.model.lineup).toBeUndefined();
    await scene.settle();
    expect([...scene.warming.keys()]).toEqual(['a 64x48', 'a 96x64']);
    await scene.warmed('a 96x64');
    expect(scene.ready).toEqual(['a', 'a']);
  });

  it('a size that comes while a model is being changed has its turn after it', async () => {
    await scene.warmed('a 64x48');
    const change = scene.model.use('b');
    await scene.settle();
    scene.model.resize({ width: 96, height: 64 });
    await scene.warmed('b 64x48');
    await change;
    expect(scene.model.lineup).toBeUndefined();
    await scene.warmed('b 96x64');
    expect(scene.ready).toEqual(['a', 'b']);
  });

  it('says what keeps a model from running at a size', async () => {
    scene.warming.get('a 64x48')?.reject(new FrameliftError('model.invalid', 'fixed at 32x32'));
    await scene.settle();
    expect(scene.errors).toEqual(['fixed at 32x32']);
    expect(scene.held.at(-1)).toBe('a cannot be run at 64x48: fixed at 32x32');
    expect(scene.model.lineup).toBeUndefined();
  });

  it('auto changes nothing when no candidate can be run', async () => {
    await scene.warmed('a 64x48');
    const before = scene.model.lineup;
    const change = scene.model.use('auto');
    await scene.settle();
    expect(scene.model.lineup).toBe(before);
    await scene.warmed('flow-s 64x48');
    // The scripted tier refuses its trial runs, and that of the search ends the choice.
    await scene.warmed('flow-s@0.5 64x48');
    await scene.warmed('search 64x48');
    await expect(change).rejects.toMatchObject({ code: 'engine.failed' });
    expect([scene.model.lineup, scene.model.model, scene.leases]).toEqual([before, 'a', ['a']]);
  });

  it('auto without a size waits for one', async () => {
    const fresh = new Scene();
    await fresh.model.use('auto');
    expect([fresh.model.model, fresh.leases, fresh.model.lineup]).toEqual(['auto', [], undefined]);
    fresh.refuses = false;
    fresh.model.resize({ width: 32, height: 32 });
    await fresh.settle();
    await fresh.warmed('flow-s 32x32');
    expect([fresh.chosen, fresh.model.model, fresh.leases]).toEqual([['flow-s'], 'flow-s', ['flow-s']]);
    fresh.model.resize({ width: 48, height: 32 });
    await fresh.settle();
    await fresh.warmed('flow-s 48x32');
    expect([fresh.chosen, fresh.ready]).toEqual([
      ['flow-s', 'flow-s'],
      ['flow-s', 'flow-s'],
    ]);
  });

  it('gives its model back, after the change under way', async () => {
    const change = scene.model.use('b');
    const closing = scene.model[Symbol.asyncDispose]();
    await scene.warmed('a 64x48');
    await scene.warmed('b 64x48');
    await expect(change).rejects.toMatchObject({ code: 'engine.failed' });
    await closing;
    expect(scene.leases).toEqual([]);
  });
});
