/** Tiny `i420` networks whose results can be worked out by hand. */
import { type Constant, freeFirst, type Graph, type Node, onnxModel, type Port } from './engine-onnx.ts';

/** What {@link i420Network} builds. */
export interface I420NetworkOptions {
  /** Mix by `t`; without, the network only knows the middle. Default true. */
  readonly time?: boolean;
  /** Turn the picture over, left to right, padding included. Default false. */
  readonly mirror?: boolean;
  /** Give error = t · this. */
  readonly error?: number;
  /** Take the seed, and give y = 128 + 4·vx of each cell of 8 × 8 in place of the mix. */
  readonly seed?: boolean;
  /** Take the costs, and give y = 1000 times the zero vector's of each cell in place of the mix. */
  readonly costs?: boolean;
  /** Leave the first dimension free. Default false. */
  readonly batches?: boolean;
  /** Fixed luma size; default free. */
  readonly size?: readonly [width: number, height: number];
  /** Last changes, for networks that are wrong. */
  readonly change?: (graph: Graph) => Graph;
}

/** Plane by plane: ⌊(1 − t)·a + t·b⌋, or ⌊(a + b)/2⌋. */
export function i420Network(options: I420NetworkOptions = {}): Uint8Array {
  const { time = true, mirror = false, error, seed = false, costs = false, size, batches = false } = options;
  const { change = batches ? freeFirst : (graph: Graph) => graph } = options;
  const [width, height] = size ?? ['W', 'H'];
  const half = (side: number | string): number | string => (typeof side === 'number' ? side / 2 : `${side}half`);
  const luma = [1, 1, height, width];
  const chroma = [1, 1, half(height), half(width)];
  const plane = (name: string): Port => ({ name, type: 'uint8', shape: name.startsWith('y') ? luma : chroma });
  const inputs: Port[] = ['y0', 'u0', 'v0', 'y1', 'u1', 'v1'].map(plane);
  const outputs: Port[] = ['y', 'u', 'v'].map(plane);
  const constants: Constant[] = [
    { name: 'middle', dims: [1], values: [0.5] },
    { name: 'last', dims: [1], values: [-1], whole: true },
    { name: 'end', dims: [1], values: [-(2 ** 31)], whole: true },
    { name: 'columns', dims: [1], values: [3], whole: true },
    { name: 'planes', dims: [3], values: [1, 2, 3], whole: true },
  ];
  const nodes: Node[] = [];
  const op = (name: string, from: string[], output: string, attributes: Node['attributes'] = {}): string => {
    nodes.push({ op: name, inputs: from, output, attributes });
    return output;
  };
  const weight = time ? 't' : 'middle';
  if (time) inputs.push({ name: 't', shape: [1] });
  const share = op('Unsqueeze', [weight, 'planes'], 'share');
  for (const p of ['y', 'u', 'v']) {
    const [a, b] = ['0', '1'].map((n) => op('Cast', [p + n], `${p}${n}f`, { to: 1 }));
    const step = op('Mul', [op('Sub', [b ?? '', a ?? ''], `${p}d`), share], `${p}w`);
    const mixed = op(
      'Cast',
      [op('Add', [a ?? '', step], `${p}m`)],
      mirror || ((seed || costs) && p === 'y') ? `${p}c` : p,
      {
        to: 2,
      },
    );
    if (mirror) op('Slice', [mixed, 'last', 'end', 'columns', 'last'], p);
  }
  if (seed || costs) {
    const [name, channels, picked, weightOf, bias] = costs ? ['costs', 18, 17, 1000, 0.5] : ['seed', 3, 0, 4, 128.5];
    inputs.push({ name, shape: [1, channels, 'H8', 'W8'] });
    const values = Array.from({ length: channels }, (_, i) => (i === picked ? weightOf : 0));
    constants.push(
      { name: 'w', dims: [1, channels, 1, 1], values },
      { name: 'b', dims: [1], values: [bias] },
      { name: 'scales', dims: [4], values: [1, 1, 8, 8] },
    );
    const large = op('Resize', [op('Conv', [name, 'w', 'b'], 'vx'), '', 'scales'], 'vx8', {
      mode: 'nearest',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    });
    op('Cast', [large], 'y', { to: 2 });
  }
  if (error !== undefined) {
    constants.push({ name: 'scale', dims: [1], values: [error] });
    op('Mul', [weight, 'scale'], 'error');
    outputs.push({ name: 'error', shape: [1] });
  }
  return onnxModel(change({ inputs, outputs, nodes, constants }));
}

/** Three frames of `scale` times the size: the first, ⌊(a + b)/2⌋, the second; samples repeated. */
export function enlargingNetwork(scale = 2, change: (graph: Graph) => Graph = (graph) => graph): Uint8Array {
  const nodes: Node[] = [];
  const op = (name: string, from: string[], output: string, attributes: Node['attributes'] = {}): string => {
    nodes.push({ op: name, inputs: from, output, attributes });
    return output;
  };
  const constants: Constant[] = [
    { name: 'scales', dims: [4], values: [1, 1, scale, scale] },
    { name: 'half', dims: [1], values: [0.5] },
  ];
  const plane = (name: string, frames: number, side = ''): Port => {
    const half = name.startsWith('y') ? '' : 'half';
    return { name, type: 'uint8', shape: [1, frames, `${side}H${half}`, `${side}W${half}`] };
  };
  for (const p of ['y', 'u', 'v']) {
    const [a = '', b = ''] = ['0', '1'].map((n) => op('Cast', [p + n], `${p}${n}f`, { to: 1 }));
    const middle = op('Mul', [op('Add', [a, b], `${p}s`), 'half'], `${p}m`);
    const whole = op('Cast', [op('Concat', [a, middle, b], `${p}c`, { axis: 1 })], `${p}i`, { to: 2 });
    const large = op('Resize', [op('Cast', [whole], `${p}f`, { to: 1 }), '', 'scales'], `${p}l`, {
      mode: 'nearest',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    });
    op('Cast', [large], p, { to: 2 });
  }
  const inputs = ['y0', 'u0', 'v0', 'y1', 'u1', 'v1'].map((name) => plane(name, 1));
  const outputs = ['y', 'u', 'v'].map((name) => plane(name, 3, 'S'));
  return onnxModel(change({ inputs, outputs, nodes, constants }));
}
