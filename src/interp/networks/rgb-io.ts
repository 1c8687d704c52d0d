/**
 * What an `rgb` network takes and gives: the layouts of RIFE exports, told by the number of inputs
 * and their channels. Pure.
 */
import { FrameliftError } from '../../errors.ts';
import { describeIo, type IoShape } from './io.ts';

/** Element types of `rgb` networks. */
export type SampleType = 'float32' | 'float16';

/** One plane of what goes in: of the images, the time, or what some exports want to be told. */
export type RgbPlane = 'image' | 'time' | 'scale' | 'x' | 'y' | 'x-step' | 'y-step';

/** A width or height that the file fixes, or undefined. */
type FixedSide = number | undefined;

/** How an `rgb` network is fed, and what it gives. */
export interface RgbIo {
  /** What goes in, plane after plane; both images first, red, green and blue each. */
  readonly planes: readonly RgbPlane[];
  /** The inputs that take the planes, in their order, with the number of planes of each. */
  readonly inputs: readonly { readonly name: string; readonly planes: number }[];
  /**
   * An input of one value that takes the time, in the file's shape. Without it and without a plane
   * of time it only knows t = ½.
   */
  readonly timeValue: { readonly name: string; readonly shape: readonly number[] } | undefined;
  /** Type of all inputs. */
  readonly type: SampleType;
  readonly width: FixedSide;
  readonly height: FixedSide;
  readonly output: {
    readonly name: string;
    readonly type: SampleType;
    readonly width: FixedSide;
    readonly height: FixedSide;
  };
}

const IMAGES: readonly RgbPlane[] = Array.from({ length: 6 }, () => 'image');

/** The planes of networks with one input, by its channels. */
const STACKS: Readonly<Record<number, readonly RgbPlane[]>> = {
  6: IMAGES,
  7: [...IMAGES, 'time'],
  8: [...IMAGES, 'time', 'scale'],
  11: [...IMAGES, 'time', 'x', 'y', 'x-step', 'y-step'],
};

/** The `rgb` layouts in words. */
export const RGB_EXPECTED =
  'an rgb model takes one input float32[1,C,H,W] of RGB0, RGB1 (C = 6), t (7), scale (8) or RGB0, RGB1, t, x grid, y grid, 2/(W−1), 2/(H−1) (11), ' +
  'or img0 float32[1,3,H,W], img1 float32[1,3,H,W] and, if it wants, timestep float32[1,1,H,W] or float32[1]; it gives one float32[1,3,H,W]; ' +
  'float16 will do as well';

const isSampleType = (type: string): type is SampleType => type === 'float32' || type === 'float16';
const isOneOrFree = (dimension: number | string | undefined): boolean => typeof dimension !== 'number' || dimension < 2;
const isImage = ({ shape }: IoShape): boolean => shape.length === 4 && shape[1] === 3;

function stackOf(inputs: readonly IoShape[]): readonly RgbPlane[] | undefined {
  const [first] = inputs;
  return inputs.length === 1 && first?.shape.length === 4 ? STACKS[Number(first.shape[1])] : undefined;
}

/**
 * True when a network is meant to be an `rgb` one: one input of so many planes, or two images and
 * at most one input more.
 */
export function takesRgb(inputs: readonly IoShape[]): boolean {
  return stackOf(inputs) !== undefined || (inputs.length <= 3 && inputs.filter(isImage).length === 2);
}

/**
 * Checks the inputs and outputs of a network that {@link takesRgb}.
 * @throws FrameliftError `model.invalid` that says what was found, what is wrong with it, and what
 * is expected.
 */
export function rgbIo(inputs: readonly IoShape[], outputs: readonly IoShape[]): RgbIo {
  const stack = stackOf(inputs);
  const images = stack ? inputs : inputs.filter(isImage);
  const time = inputs.find((input) => !images.includes(input));
  const candidates = imageOutputs(outputs);
  const wrong = [
    ...inputs.filter(({ type }) => !isSampleType(type)).map((p) => `${describeIo([p])} is no floating point input`),
    ...(new Set(inputs.map(({ type }) => type)).size > 1 ? ['the inputs are of different types'] : []),
    ...images.filter(({ shape }) => !isOneOrFree(shape[0])).map((p) => `${describeIo([p])} wants several pairs`),
    ...(time && !isTime(time) ? [`${describeIo([time])} is no timestep`] : []),
    ...(candidates.length === 1 ? [] : [`${candidates.length} outputs are images, not one`]),
  ];
  const [type, output] = [inputs[0]?.type ?? '', candidates[0]];
  if (wrong.length > 0 || !output || !isSampleType(output.type) || !isSampleType(type)) {
    throw new FrameliftError(
      'model.invalid',
      `the network's inputs are ${describeIo(inputs)} and its outputs ${describeIo(outputs)}: ${wrong.join('; ')}. For comparison: ${RGB_EXPECTED}`,
    );
  }
  const plane = time && isPlane(time) ? [{ name: time.name, planes: 1 }] : [];
  return {
    planes: stack ?? STACKS[6 + plane.length] ?? IMAGES,
    inputs: [...images.map(({ name }) => ({ name, planes: stack?.length ?? 3 })), ...plane],
    timeValue: time && plane.length === 0 ? { name: time.name, shape: time.shape.map(() => 1) } : undefined,
    type,
    ...fixedSize(images[0]),
    output: { name: output.name, type: output.type, ...fixedSize(output) },
  };
}

/** Whether the network can be told a time. */
export function takesTime({ planes, timeValue }: RgbIo): boolean {
  return timeValue !== undefined || planes.includes('time');
}

/**
 * Outputs of three channels; of a free number of channels, which exporters leave behind, where
 * there are none.
 */
function imageOutputs(outputs: readonly IoShape[]): readonly IoShape[] {
  const images = outputs.filter((output) => isSampleType(output.type) && isImage(output));
  if (images.length > 0) return images;
  const isFree = ({ type, shape: { length, 1: channels } }: IoShape): boolean =>
    isSampleType(type) && (length === 0 || (length === 4 && typeof channels === 'string'));
  return outputs.filter(isFree);
}

/** A plane is of some size or of a free one; a value is 1 in all its dimensions. */
function isPlane({ shape }: IoShape): boolean {
  return shape.length === 4 && !(shape[2] === 1 && shape[3] === 1);
}

function isTime(io: IoShape): boolean {
  return (isPlane(io) ? io.shape.slice(0, 2) : io.shape).every(isOneOrFree);
}

function fixedSize(io: IoShape | undefined): { width: FixedSide; height: FixedSide } {
  const side = (dimension: number | string | undefined): FixedSide =>
    typeof dimension === 'number' && dimension > 0 ? dimension : undefined;
  return { width: side(io?.shape[3]), height: side(io?.shape[2]) };
}
