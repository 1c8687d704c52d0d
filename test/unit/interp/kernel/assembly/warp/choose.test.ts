import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { choiceScratchBytes, loadKernel } from '../../../../../../src/interp/kernel/kernel.ts';
import { Arena } from '../../../../../../src/media/arena.ts';
import { random } from '../../../../../support/kernel-scalar.ts';

/** As models/training/flow_s/choice_fixture.py writes them. */
interface Case {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly trust: number;
  readonly choice: readonly number[];
  readonly seed: readonly number[];
  readonly fine: readonly number[];
  readonly motion: readonly number[];
  readonly costs: readonly number[];
  readonly field: readonly number[];
}

const { cases } = JSON.parse(readFileSync('test/fixtures/choice.json', 'utf8')) as { cases: readonly Case[] };
const arena = new Arena(16);
const kernel = loadKernel(arena.memory);

/** Memory with room for whole registers around it. */
function place(values: ArrayLike<number>): { offset: number; view: Float32Array } {
  const offset = arena.allocate(4 * values.length + 128).offset + 64;
  const view = new Float32Array(arena.memory.buffer, offset, values.length);
  view.set(values);
  return { offset, view };
}

/** The field in `rows` rows at a time; `scratch` is filled with what must not matter. */
function choose(given: Omit<Case, 'name' | 'field'>, rows: number): Float32Array {
  const { width, height } = given;
  const at = [given.choice, [given.trust], given.seed, given.fine, given.motion, given.costs].map(
    (values) => place(values).offset,
  ) as [number, number, number, number, number, number]; // six of six
  const out = place(new Float32Array(12 * width * height));
  const scratch = place(new Float32Array(choiceScratchBytes(width, rows) / 4).fill(Number.NaN)).offset;
  for (let row = 0; row < height; row += rows) {
    kernel.chooseField(...at, out.offset, width, height, scratch, row, Math.min(row + rows, height));
  }
  return out.view;
}

/** Whether a cell, or one beside it, has a share of the second motion. */
function hasShare({ width, height, field }: Case, cell: number): boolean {
  const share = (x: number, y: number): number => field[(11 * height + y) * width + x] ?? 0;
  const [x, y] = [cell % width, Math.floor(cell / width)];
  const around = [-1, 0, 1];
  return around.some((dy) => around.some((dx) => x + dx >= 0 && x + dx < width && share(x + dx, y + dy) > 0));
}

describe('chooseField', () => {
  it.each(cases)('makes the field that PyTorch makes: $name', (given) => {
    const { width, height, field } = given;
    const cells = width * height;
    let compared = 0;
    for (const rows of [1, 2, 8]) {
      const made = choose(given, rows);
      field.forEach((value, n) => {
        const [channel, cell] = [Math.floor(n / cells), n % cells];
        if (channel >= 6 && channel < 11 && !hasShare(given, cell)) return;
        compared += 1;
        expect(Math.abs((made[n] ?? Number.NaN) - value), `channel ${channel}, cell ${cell}`).toBeLessThan(1e-4);
      });
    }
    expect(compared).toBeGreaterThan(18 * cells);
  });

  it('keeps to its candidates whatever the network says', () => {
    const [width, height] = [8, 6];
    const next = random(5);
    const odd = [Number.NaN, Number.POSITIVE_INFINITY, -1e30, 1e30, 0];
    const fill = (planes: number, value: () => number): number[] =>
      Array.from({ length: planes * width * height }, value);
    const choice = fill(72, () => odd[Math.floor(next() * odd.length)] ?? 0);
    // The residual and the gates are the network's own affair.
    const residual = (n: number): boolean => Math.floor(n / (width * height)) % 36 >= 28;
    const told = choice.map((value, n) => (residual(n) ? 0 : value));
    const field = choose(
      {
        ...{ width, height, trust: 30, choice: told, motion: fill(8, () => 0) },
        ...{ seed: fill(3, () => 10 + next()), fine: fill(3, () => 10 + next()), costs: fill(28, () => next()) },
      },
      4,
    );
    for (const value of field.subarray(0, 4 * width * height)) {
      expect(Math.abs(value)).toBeLessThanOrEqual(5.5);
    }
  });
});
