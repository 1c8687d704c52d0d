/** Tiny `rgb` networks in the layouts of RIFE exports, whose results can be worked out by hand. */
import { type Constant, type Graph, type Node, onnxModel, type Port } from './engine-onnx.ts';

/** What {@link rgbNetwork} builds. */
export interface RgbNetworkOptions {
  /** Channels of the one input, or two pictures. Default 7. */
  readonly input?: 6 | 7 | 8 | 11 | 'images';
  /** Of two pictures: the shape of `timestep`. Default a plane; null: there is none. */
  readonly timestep?: readonly (number | string)[] | null;
  /** Of inputs and output; the sums inside are float32. Default float32. */
  readonly type?: 'float32' | 'float16';
  /** Another type of the output. */
  readonly outputType?: 'float32' | 'float16';
  /** Turn the picture over, left to right, padding included. Default false. */
  readonly mirror?: boolean;
  /** Run with multiples of this number alone, as RIFE does: shrink by it and enlarge again. Default any size. */
  readonly multiple?: number;
  /** Give (this channel of the one input · gain + bias) as grey in place of the mix. */
  readonly show?: { readonly channel: number; readonly gain: number; readonly bias: number };
  /** Add this to all values. */
  readonly add?: number;
  /** Fixed input size; default free. */
  readonly size?: readonly [width: number, height: number];
  /** Fixed output size: the top left of it. */
  readonly crop?: readonly [width: number, height: number];
  /** Last changes, for networks that are wrong. */
  readonly change?: (graph: Graph) => Graph;
}

/** RGB0 + (RGB1 − RGB0) · t; t = ½ where none is taken. */
export function rgbNetwork(options: RgbNetworkOptions = {}): Uint8Array {
  const { input = 7, type = 'float32', outputType = type, mirror, multiple, show, add, size, crop } = options;
  const { change = (graph) => graph } = options;
  const [width, height] = size ?? ['W', 'H'];
  const timestep = options.timestep === undefined ? [1, 1, height, width] : options.timestep;
  const channels = (name: string, count: number): Port => ({ name, type, shape: [1, count, height, width] });
  const constants: Constant[] = [];
  const nodes: Node[] = [];
  const op = (name: string, inputs: string[], attributes: Node['attributes'] = {}): string => {
    const output = `${name}${nodes.length}`;
    nodes.push({ op: name, inputs, output, attributes });
    return output;
  };
  const constant = (value: readonly number[], whole = false): string => {
    const name = `c${constants.length}`;
    constants.push({ name, dims: [value.length], values: value, whole });
    return name;
  };
  const slice = (from: string, axis: number, start: number, end: number, step = 1): string =>
    op('Slice', [from, ...[start, end, axis, step].map((value) => constant([value], true))]);
  const wide = (name: string): string => op('Cast', [name], { to: 1 });

  const inputs: Port[] =
    input === 'images'
      ? [
          channels('img0', 3),
          channels('img1', 3),
          ...(timestep ? [{ name: 'timestep', type, shape: timestep } satisfies Port] : []),
        ]
      : [channels('input', input)];
  const all = input === 'images' ? '' : wide('input');
  const [a, b] = all ? [slice(all, 1, 0, 3), slice(all, 1, 3, 6)] : [wide('img0'), wide('img1')];
  const time = (): string => {
    if (all) return input === 6 ? constant([0.5]) : slice(all, 1, 6, 7);
    return timestep ? wide('timestep') : constant([0.5]);
  };
  let made = op('Add', [a, op('Mul', [op('Sub', [b, a]), time()])]);
  if (show) {
    const plane = slice(all, 1, show.channel, show.channel + 1);
    const grey = op('Add', [op('Mul', [plane, constant([show.gain])]), constant([show.bias])]);
    made = op('Concat', [grey, grey, grey], { axis: 1 });
  }
  if (multiple) {
    const resize = (from: string, scale: number): string =>
      op('Resize', [from, '', constant([1, 1, scale, scale])], {
        mode: 'nearest',
        coordinate_transformation_mode: 'asymmetric',
        nearest_mode: 'floor',
      });
    made = op('Add', [made, op('Mul', [resize(resize(made, 1 / multiple), multiple), constant([0])])]);
  }
  if (mirror) made = slice(made, 3, -1, -(2 ** 31), -1);
  if (crop) made = slice(slice(made, 3, 0, crop[0]), 2, 0, crop[1]);
  if (add !== undefined) made = op('Add', [made, constant([add])]);
  nodes.push({ op: 'Cast', inputs: [made], output: 'output', attributes: { to: outputType === 'float16' ? 10 : 1 } });
  const [outWidth, outHeight] = crop ?? [width, height];
  const outputs: Port[] = [{ name: 'output', type: outputType, shape: [1, 3, outHeight, outWidth] }];
  return onnxModel(change({ inputs, outputs, nodes, constants }));
}
