/** What the inputs and outputs of an `i420` network must be. Pure. */
import { FrameliftError } from '../../errors.ts';
import { describeIo, type IoShape, writeShape } from './io.ts';

/** What an `i420` network has beside its planes. */
export interface I420Io {
  /** Takes `t`. Without it, it only knows t = ½. */
  readonly time: boolean;
  /** Takes the result of the block search. */
  readonly seed: boolean;
  /** Takes the costs of the candidate vectors. */
  readonly costs: boolean;
  /** Gives its expected error. */
  readonly error: boolean;
  /**
   * Gives three frames at once, larger than what it takes: both parents and the middle. By how much
   * they are larger is known once it has run.
   */
  readonly enlarges: boolean;
}

const LUMA = ['uint8', [1, 1, 'H', 'W']] as const;
const CHROMA = ['uint8', [1, 1, 'H/2', 'W/2']] as const;
const ONE = ['float32', [1]] as const;

type Expected = Readonly<Record<string, readonly [type: string, shape: readonly (number | string)[]]>>;

const INPUTS: Expected = { y0: LUMA, u0: CHROMA, v0: CHROMA, y1: LUMA, u1: CHROMA, v1: CHROMA };
const OPTIONAL_INPUTS: Expected = {
  t: ONE,
  seed: ['float32', [1, 3, 'H/8', 'W/8']],
  costs: ['float32', [1, 18, 'H/8', 'W/8']],
};
const OUTPUTS: Expected = { y: LUMA, u: CHROMA, v: CHROMA };
const OPTIONAL_OUTPUTS: Expected = { error: ONE };
/** Frames that a network which enlarges gives: the first parent, the middle, the second parent. */
export const ENLARGED_FRAMES = 3;
const ENLARGED: Expected = {
  y: ['uint8', [1, ENLARGED_FRAMES, 'S*H', 'S*W']],
  u: ['uint8', [1, ENLARGED_FRAMES, 'S*H/2', 'S*W/2']],
  v: ['uint8', [1, ENLARGED_FRAMES, 'S*H/2', 'S*W/2']],
};

const describeExpected = (expected: Expected): string =>
  Object.entries(expected)
    .map(([name, [type, shape]]) => `${name} ${writeShape(type, shape)}`)
    .join(', ');

/** The `i420` layout in words. */
export const I420_EXPECTED =
  `an i420 model takes ${describeExpected(INPUTS)} and, if it wants, ${describeExpected(OPTIONAL_INPUTS)}; ` +
  `it gives ${describeExpected(OUTPUTS)} and, if it can, ${describeExpected(OPTIONAL_OUTPUTS)}; ` +
  `one that enlarges takes the planes alone and gives ${describeExpected(ENLARGED)}: the first frame, the middle, the second`;

/** True when a network is meant to be an `i420` one: it takes some of the planes by name. */
export function takesI420(inputs: readonly IoShape[]): boolean {
  return inputs.some(({ name }) => name in INPUTS);
}

/**
 * Checks the inputs and outputs of an `i420` network. Sizes that the file fixes are checked against
 * each other.
 * @throws FrameliftError `model.invalid` that says what was found, what is wrong with it, and what
 * is expected.
 */
export function i420Io(inputs: readonly IoShape[], outputs: readonly IoShape[]): I420Io {
  const sizes = new Map<string, number>();
  const enlarges = outputs.find(({ name }) => name === 'y')?.shape[1] === ENLARGED_FRAMES;
  const wrong = [
    ...check('input', inputs, INPUTS, enlarges ? {} : OPTIONAL_INPUTS, sizes),
    ...check('output', outputs, enlarges ? ENLARGED : OUTPUTS, enlarges ? {} : OPTIONAL_OUTPUTS, sizes),
    ...inputs
      .filter(({ name }) => !(name in INPUTS || (!enlarges && name in OPTIONAL_INPUTS)))
      .map(({ name }) => `input ${name} is unknown`),
  ];
  if (wrong.length > 0) {
    throw new FrameliftError(
      'model.invalid',
      `the network's inputs are ${describeIo(inputs)} and its outputs ${describeIo(outputs)}: ${wrong.join('; ')}. For comparison: ${I420_EXPECTED}`,
    );
  }
  const has = (io: readonly IoShape[], name: string): boolean => io.some((one) => one.name === name);
  return {
    time: has(inputs, 't'),
    seed: has(inputs, 'seed'),
    costs: has(inputs, 'costs'),
    error: has(outputs, 'error'),
    enlarges,
  };
}

/**
 * What is wrong with the inputs or outputs that there are, and which are missing. `sizes`: luma
 * sizes by `H`, `W` that the file fixes.
 */
function check(
  what: 'input' | 'output',
  io: readonly IoShape[],
  required: Expected,
  optional: Expected,
  sizes: Map<string, number>,
): string[] {
  const wrong = Object.keys(required)
    .filter((name) => !io.some((one) => one.name === name))
    .map((name) => `${what} ${name} is missing`);
  for (const { name, type, shape } of io) {
    const expected = required[name] ?? optional[name];
    if (!expected) continue;
    const fits = shape.length === expected[1].length && shape.every((d, i) => fitsSize(d, expected[1][i] ?? 0, sizes));
    if (type === expected[0] && fits) continue;
    wrong.push(`${what} ${name} is ${writeShape(type, shape)}, not ${writeShape(...expected)}`);
  }
  return wrong;
}

/**
 * Whether a dimension may be what is wanted: free ones may; a fixed one must agree with the others
 * that the file fixes.
 */
function fitsSize(dimension: number | string, wanted: number | string, sizes: Map<string, number>): boolean {
  if (typeof dimension === 'string' || dimension < 0) return true;
  if (typeof wanted === 'number') return dimension === wanted;
  const [side = '', divisor = '1'] = wanted.split('/');
  const size = dimension * Number(divisor);
  const known = sizes.get(side);
  if (known === undefined) sizes.set(side, size);
  return known === undefined || known === size;
}
