import { describe, expect, it } from 'vitest';
import { detectKind } from '../../../../src/interp/networks/kind.ts';

describe('detectKind', () => {
  const float = (name: string, ...shape: (number | string)[]) => ({ name, type: 'float32', shape });
  const field = [float('field', 1, 6, 'h', 'w')];

  it('tells flow networks by their inputs', () => {
    expect(detectKind([float('images', 1, 4, 'a', 'b'), float('seed', 1, 3, 'c', 'd')], field)).toBe('flow');
  });

  const luma = (name: string) => ({ name, type: 'uint8', shape: [1, 1, 'h', 'w'] });
  const inputs = ['y0', 'u0', 'v0', 'y1', 'u1', 'v1'].map(luma);
  const outputs = ['y', 'u', 'v'].map(luma);

  it('tells an i420 network by its planes, with or without t, seed and error', () => {
    expect(detectKind(inputs, outputs)).toBe('i420');
    const more = [...inputs, float('t', 1), float('seed', 1, 3, 'a', 'b')];
    expect(detectKind(more, [...outputs, float('error', 1)])).toBe('i420');
  });

  it('compares the sizes that an i420 network fixes', () => {
    const fixed = (width: number, chroma: number) =>
      [...inputs, ...outputs].map((p) => ({
        ...p,
        shape: p.name.startsWith('y') ? [1, 1, 64, width] : [1, 1, 32, chroma],
      }));
    expect(detectKind(fixed(128, 64).slice(0, 6), fixed(128, 64).slice(6))).toBe('i420');
    expect(() => detectKind(fixed(128, 65).slice(0, 6), outputs)).toThrow(/input u0 is uint8\[1,1,32,65\]/);
    expect(() => detectKind(fixed(128, 64).slice(0, 6), fixed(64, 32).slice(6))).toThrow(
      /output y is uint8\[1,1,64,64\]/,
    );
  });

  it('takes one of one motion or two for a flow network, and no other number', () => {
    const inputs = [float('images', 1, 4, 'a', 'b'), float('seed', 1, 3, 'c', 'd'), float('costs', 1, 18, 'c', 'd')];
    expect(detectKind(inputs, [float('field', 1, 12, 'h', 'w')])).toBe('flow');
    expect(() => detectKind(inputs, [float('field', 1, 18, 'h', 'w')])).toThrow(/field float32\[1,18,h,w\]/);
  });

  it('takes a choice of all 28 candidates for a field, of a network that knows them', () => {
    const seen = [float('images', 1, 4, 'a', 'b'), float('seed', 1, 3, 'c', 'd'), float('costs', 1, 28, 'c', 'd')];
    const inputs = [...seen, float('motion', 1, 8, 'c', 'd')];
    const outputs = [float('choice', 1, 72, 'c', 'd'), float('trust', 1)];
    expect(detectKind(inputs, outputs)).toBe('flow');
    for (const given of [seen, inputs.filter(({ name }) => name !== 'costs')]) {
      expect(() => detectKind(given, outputs)).toThrow(/choice float32\[1,72,c,d\]/);
    }
    for (const made of [outputs.slice(0, 1), [float('choice', 1, 56, 'c', 'd'), float('trust', 1)]]) {
      expect(() => detectKind(inputs, made)).toThrow(/of 28 costs and motion, choice float32\[1,72,H\/8,W\/8\]/);
    }
  });

  it('takes costs of 18 or 28 candidates for a flow network, a fine search and the motion of pairs beside', () => {
    const inputs = [float('images', 1, 4, 'a', 'b'), float('seed', 1, 3, 'c', 'd')];
    const more = [float('fine', 1, 3, 'c', 'd'), float('motion', 1, 8, 'c', 'd')];
    for (const costs of [18, 28]) {
      const all = [...inputs, float('costs', 1, costs, 'c', 'd'), ...more];
      for (const taken of [all, all.slice(0, 3), all.slice(0, 4)]) expect(detectKind(taken, field)).toBe('flow');
    }
    for (const wrong of [
      float('costs', 1, 27, 'c', 'd'),
      float('fine', 1, 2, 'c', 'd'),
      float('motion', 1, 'n', 'd'),
    ]) {
      expect(() => detectKind([...inputs, wrong], field)).toThrow(/costs float32\[1,18 or 28,.*motion float32\[1,8/);
    }
  });

  it('lists what it found otherwise', () => {
    expect(() => detectKind([float('x', 1, 3, 224, 224)], [float('y', 1, 1000)])).toThrow(
      /x float32\[1,3,224,224\].*y float32\[1,1000\]/,
    );
    expect(() => detectKind([{ ...float('images', 1, 4), type: 'float16' }, float('seed', 1, 3)], field)).toThrow(
      /float16/,
    );
  });
});
