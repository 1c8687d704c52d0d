/** What kind a network is, told by what it takes and gives. Pure. */
import { FrameliftError } from '../../errors.ts';
import { CHOICE_PLANES } from '../kernel/kernel.ts';
import type { ModelKind } from '../models/manifest.ts';
import { I420_EXPECTED, i420Io, takesI420 } from './i420-io.ts';
import { describeIo, type IoShape } from './io.ts';
import { RGB_EXPECTED, rgbIo, takesRgb } from './rgb-io.ts';

/** Inputs of `flow` networks, and how many channels each may have. */
const FLOW_INPUTS: Readonly<Record<string, readonly number[]>> = {
  images: [4],
  seed: [3],
  costs: [18, 28],
  fine: [3],
  motion: [8],
};

/** The `flow` layout in words. */
const FLOW_EXPECTED =
  'a flow model takes images float32[1,4,H/4,W/4], seed float32[1,3,H/8,W/8] and, if it wants, costs ' +
  'float32[1,18 or 28,H/8,W/8], fine float32[1,3,H/8,W/8] and motion float32[1,8,H/8,W/8], and gives field ' +
  'float32[1,6 or 12,H/8,W/8] or, of 28 costs and motion, choice float32[1,72,H/8,W/8] and trust float32[1]';

/**
 * The kind of a network, told by its inputs and outputs.
 * @throws FrameliftError `model.invalid` that lists what was found and the layouts that are known.
 */
export function detectKind(inputs: readonly IoShape[], outputs: readonly IoShape[]): ModelKind {
  if (isFlow(inputs, outputs)) return 'flow';
  if (takesI420(inputs)) {
    i420Io(inputs, outputs);
    return 'i420';
  }
  if (takesRgb(inputs)) {
    rgbIo(inputs, outputs);
    return 'rgb';
  }
  throw new FrameliftError(
    'model.invalid',
    `the network's inputs are ${describeIo(inputs)} and its outputs ${describeIo(outputs)}; ` +
      `${FLOW_EXPECTED}; ${I420_EXPECTED}; ${RGB_EXPECTED}`,
  );
}

function isFlow(inputs: readonly IoShape[], outputs: readonly IoShape[]): boolean {
  const has = (name: string): boolean => inputs.some((input) => input.name === name);
  const isKnown = ({ name, type, shape }: IoShape): boolean =>
    type === 'float32' && FLOW_INPUTS[name]?.includes(Number(shape[1])) === true;
  return has('images') && has('seed') && inputs.every(isKnown) && (givesField(outputs) || chooses(inputs, outputs));
}

function givesField(outputs: readonly IoShape[]): boolean {
  const field = outputs.find(({ name }) => name === 'field');
  return field?.type === 'float32' && [1, 2].includes(Number(field.shape[1]) / 6);
}

/** Whether a network weighs all the candidates, which it has to know. */
function chooses(inputs: readonly IoShape[], outputs: readonly IoShape[]): boolean {
  const channels = (of: readonly IoShape[], wanted: string, at: number): unknown =>
    of.find(({ name, type }) => name === wanted && type === 'float32')?.shape[at];
  const knows = channels(inputs, 'costs', 1) === 28 && channels(inputs, 'motion', 1) === 8;
  return knows && channels(outputs, 'choice', 1) === CHOICE_PLANES && channels(outputs, 'trust', 0) === 1;
}
