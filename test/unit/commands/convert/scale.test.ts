import { describe, expect, it } from 'vitest';
import { checkScale, enlargedNote, modelFor } from '../../../../src/commands/convert/scale.ts';
import { profileOf } from '../../../../src/config/profile.ts';

describe('the model of a conversion', () => {
  it('enlarges as was asked when none is named', async () => {
    expect(await modelFor({ scale: 2 }, undefined)).toMatchObject({ id: 'zsm', scale: 2 });
  });

  it('is as ever without a scale', async () => {
    expect(await modelFor({}, undefined)).toMatchObject({ id: 'flow-s', scale: 1 });
    expect(await modelFor({ model: 'zsm' }, undefined)).toMatchObject({ id: 'zsm' });
  });

  it.each<[{ scale: number; model?: string }, RegExp]>([
    [{ scale: 3 }, /--scale 3: pictures can be made 2 or 4 times as large/],
    [{ scale: 4 }, /no model makes pictures 4 times as large/],
    [{ scale: 2, model: 'flow-s' }, /--scale 2: model "flow-s" keeps the size of its pictures/],
    [{ scale: 2, model: 'blend' }, /--scale 2: model "blend" keeps the size/],
    [{ scale: 4, model: 'zsm' }, /--scale 4: model "zsm" makes pictures 2 times as large/],
    [{ scale: 2, model: 'nobody' }, /there is no model "nobody"/],
  ])('%j is refused', async (asked, message) => {
    await expect(modelFor(asked, undefined)).rejects.toThrow(message);
  });
});

describe('a model that enlarges', () => {
  const engine = { model: 'zsm', scale: 2 };
  const at = { engine, scale: undefined, multiple: 2, profile: undefined };

  it('makes twice the rate, and its scale need not be said', async () => {
    await expect(checkScale(at)).resolves.toBeUndefined();
    await expect(checkScale({ ...at, scale: 2 })).resolves.toBeUndefined();
    expect(enlargedNote(engine)).toMatch(/source frames too, were made 2 times as large by zsm: none is bit by bit/);
  });

  it.each<[Partial<Parameters<typeof checkScale>[0]>, RegExp]>([
    [{ multiple: 4 }, /makes twice the source's rate, not 4 times the source's rate/],
    [{ multiple: 1 }, /makes twice the source's rate, not 1 times/],
    [{ multiple: undefined }, /not a rate that is not twice the source's/],
    [{ multiple: 0 }, /not a rate that is not twice the source's/],
    [{ scale: 4 }, /--scale 4: model "zsm" makes pictures 2 times as large/],
    [{ scale: 2, engine: { model: 'mine', scale: 1 } }, /--scale 2: model "mine" keeps the size/],
    [{ profile: profileOf('fluoroscopy') }, /does not go with this profile, which takes colour from source frames/],
  ])('%j is refused', async (changes, message) => {
    await expect(checkScale({ ...at, ...changes })).rejects.toThrow(message);
  });

  it('leaves others alone, whatever their rate', async () => {
    await expect(checkScale({ ...at, engine: { model: 'flow-s', scale: 1 }, multiple: 5 })).resolves.toBeUndefined();
  });
});
