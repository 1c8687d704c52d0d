/** What an `rgb` network takes and gives: the layouts of RIFE exports, told by the number of inputs and their channels. Pure. */
import { FrameliftError } from '../../errors.ts';
import { describePorts, type PortShape } from './i420-io.ts';

/** Element types of `rgb` networks. */
export type SampleType = 'float32' | 'float16';

/** One plane of what goes in: of the pictures, the time, or what some exports want to be told. */
export type RgbPlane = 'picture' | 'time' | 'scale' | 'x' | 'y' | 'x-step' | 'y-step';

/** A width or height that the file fixes, or undefined. */
type FixedSide = number | undefined;

/** How an `rgb` network is fed, and what it gives. */
export interface RgbPorts {
  /** What goes in, plane after plane; both pictures first, red, green and blue each. */
  readonly planes: readonly RgbPlane[];
  /** The inputs that take the planes, in their order, with the number of planes of each. */
  readonly inputs: readonly { readonly name: string; readonly planes: number }[];
  /** An input of one value that takes the time, in the file's shape. Without it and without a plane of time it only knows t = ½. */
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

const PICTURES: readonly RgbPlane[] = Array.from({ length: 6 }, () => 'picture');

/** The planes of networks with one input, by its channels. */
const STACKS: Readonly<Record<number, readonly RgbPlane[]>> = {
  6: PICTURES,
  7: [...PICTURES, 'time'],
  8: [...PICTURES, 'time', 'scale'],
  11: [...PICTURES, 'time', 'x', 'y', 'x-step', 'y-step'],
};

/** The `rgb` layouts in words. */
export const RGB_LAYOUT =
  'an rgb model takes one input float32[1,C,H,W] of RGB0, RGB1 (C = 6), t (7), scale (8) or RGB0, RGB1, t, x grid, y grid, 2/(W−1), 2/(H−1) (11), ' +
  'or img0 float32[1,3,H,W], img1 float32[1,3,H,W] and, if it wants, timestep float32[1,1,H,W] or float32[1]; it gives one float32[1,3,H,W]; ' +
  'float16 will do as well';

const isSampleType = (type: string): type is SampleType => type === 'float32' || type === 'float16';
const isOneOrFree = (dimension: number | string | undefined): boolean => typeof dimension !== 'number' || dimension < 2;
const isPicture = ({ shape }: PortShape): boolean => shape.length === 4 && shape[1] === 3;

function stackOf(inputs: readonly PortShape[]): readonly RgbPlane[] | undefined {
  const [first] = inputs;
  return inputs.length === 1 && first?.shape.length === 4 ? STACKS[Number(first.shape[1])] : undefined;
}

/** True when a network is meant to be an `rgb` one: one input of so many planes, or two pictures and at most one input more. */
export function takesPictures(inputs: readonly PortShape[]): boolean {
  return stackOf(inputs) !== undefined || (inputs.length <= 3 && inputs.filter(isPicture).length === 2);
}

/**
 * Checks the ports of a network that {@link takesPictures}.
 * @throws FrameliftError `model.invalid` that says what was found, what is wrong with it, and what is expected.
 */
export function rgbPorts(inputs: readonly PortShape[], outputs: readonly PortShape[]): RgbPorts {
  const stack = stackOf(inputs);
  const pictures = stack ? inputs : inputs.filter(isPicture);
  const time = inputs.find((input) => !pictures.includes(input));
  const made = pictureOutputs(outputs);
  const wrong = [
    ...inputs.filter(({ type }) => !isSampleType(type)).map((p) => `${describePorts([p])} is no floating point input`),
    ...(new Set(inputs.map(({ type }) => type)).size > 1 ? ['the inputs are of different types'] : []),
    ...pictures.filter(({ shape }) => !isOneOrFree(shape[0])).map((p) => `${describePorts([p])} wants several pairs`),
    ...(time && !isTime(time) ? [`${describePorts([time])} is no timestep`] : []),
    ...(made.length === 1 ? [] : [`${made.length} outputs are pictures, not one`]),
  ];
  const [type, output] = [inputs[0]?.type ?? '', made[0]];
  if (wrong.length > 0 || !output || !isSampleType(output.type) || !isSampleType(type)) {
    throw new FrameliftError(
      'model.invalid',
      `the network's inputs are ${describePorts(inputs)} and its outputs ${describePorts(outputs)}: ${wrong.join('; ')}. For comparison: ${RGB_LAYOUT}`,
    );
  }
  const plane = time && isPlane(time) ? [{ name: time.name, planes: 1 }] : [];
  return {
    planes: stack ?? STACKS[6 + plane.length] ?? PICTURES,
    inputs: [...pictures.map(({ name }) => ({ name, planes: stack?.length ?? 3 })), ...plane],
    timeValue: time && plane.length === 0 ? { name: time.name, shape: time.shape.map(() => 1) } : undefined,
    type,
    ...fixedSize(pictures[0]),
    output: { name: output.name, type: output.type, ...fixedSize(output) },
  };
}

/** Whether the network can be told a time. */
export function takesTime({ planes, timeValue }: RgbPorts): boolean {
  return timeValue !== undefined || planes.includes('time');
}

/** Outputs of three channels; of a free number of channels, which exporters leave behind, where there are none. */
function pictureOutputs(outputs: readonly PortShape[]): readonly PortShape[] {
  const images = outputs.filter((output) => isSampleType(output.type) && isPicture(output));
  if (images.length > 0) return images;
  const isFree = ({ type, shape: { length, 1: channels } }: PortShape): boolean =>
    isSampleType(type) && (length === 0 || (length === 4 && typeof channels === 'string'));
  return outputs.filter(isFree);
}

/** A plane is of some size or of a free one; a value is 1 in all its dimensions. */
function isPlane({ shape }: PortShape): boolean {
  return shape.length === 4 && !(shape[2] === 1 && shape[3] === 1);
}

function isTime(port: PortShape): boolean {
  return (isPlane(port) ? port.shape.slice(0, 2) : port.shape).every(isOneOrFree);
}

function fixedSize(port: PortShape | undefined): { width: FixedSide; height: FixedSide } {
  const side = (dimension: number | string | undefined): FixedSide =>
    typeof dimension === 'number' && dimension > 0 ? dimension : undefined;
  return { width: side(port?.shape[3]), height: side(port?.shape[2]) };
}
