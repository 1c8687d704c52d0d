/** Writes tiny ONNX files: a few operators, enough to stand for a network. No dependency: a few protobuf fields. */

function varint(value: number): number[] {
  const out: number[] = [];
  let v = value;
  while (v > 127) {
    out.push((v & 127) | 128);
    v = Math.floor(v / 128);
  }
  out.push(v);
  return out;
}

const int = (field: number, value: number): number[] => [...varint(field << 3), ...varint(value)];
const bytes = (field: number, value: Iterable<number>): number[] => {
  const content = [...value];
  return [...varint((field << 3) | 2), ...varint(content.length), ...content];
};
const text = (field: number, value: string): number[] => bytes(field, Buffer.from(value));

/** Element types of ONNX. */
const TYPES = { float32: 1, uint8: 2, int64: 7, float16: 10 } as const;

/** A value with its shape; dimensions are numbers or names. float32 unless it says otherwise. */
export interface Port {
  readonly name: string;
  readonly type?: keyof typeof TYPES;
  readonly shape: readonly (number | string)[];
}

function valueInfo({ name, type = 'float32', shape }: Port): number[] {
  const dims = shape.flatMap((d) => bytes(1, typeof d === 'number' ? int(1, d) : text(2, d)));
  const tensor = [...int(1, TYPES[type]), ...bytes(2, dims)];
  return [...text(1, name), ...bytes(2, bytes(1, tensor))];
}

/** A constant; int64 when `whole`. */
export interface Constant {
  readonly name: string;
  readonly dims: readonly number[];
  readonly values: readonly number[];
  readonly whole?: boolean;
  /** Where the values are instead of in the model: entries of `external_data`, `location` among them. */
  readonly external?: Readonly<Record<string, string>>;
}

function initializer({ name, dims, values, whole = false, external }: Constant): number[] {
  const data = whole ? BigInt64Array.from(values.map(BigInt)) : Float32Array.from(values);
  const type = int(2, whole ? TYPES.int64 : TYPES.float32);
  const entries = Object.entries(external ?? {}).flatMap(([k, v]) => bytes(13, [...text(1, k), ...text(2, v)]));
  const content = external ? [...entries, ...int(14, 1)] : bytes(9, new Uint8Array(data.buffer));
  return [...dims.flatMap((d) => int(1, d)), ...type, ...text(8, name), ...content];
}

/** One operator. Attributes are whole numbers or strings. */
export interface Node {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes?: Readonly<Record<string, number | string>>;
}

function nodeProto({ op, inputs, output, attributes = {} }: Node): number[] {
  const written = Object.entries(attributes).map(([name, value]) =>
    bytes(5, [
      ...text(1, name),
      ...(typeof value === 'number' ? [...int(3, value), ...int(20, 2)] : [...text(4, value), ...int(20, 3)]),
    ]),
  );
  return [...inputs.flatMap((name) => text(1, name)), ...text(2, output), ...text(4, op), ...written.flat()];
}

/** What {@link onnxModel} writes. */
export interface Graph {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly nodes: readonly Node[];
  readonly constants?: readonly Constant[];
}

/** An ONNX model (IR 8, opset 17). */
export function onnxModel({ inputs, outputs, nodes, constants = [] }: Graph): Uint8Array {
  const graph = [
    ...nodes.flatMap((n) => bytes(1, nodeProto(n))),
    ...text(2, 'tiny'),
    ...constants.flatMap((c) => bytes(5, initializer(c))),
    ...inputs.flatMap((p) => bytes(11, valueInfo(p))),
    ...outputs.flatMap((p) => bytes(12, valueInfo(p))),
  ];
  return Uint8Array.from([...int(1, 8), ...bytes(7, graph), ...bytes(8, int(2, 17))]);
}

/** What {@link seedNetwork} builds: a 1 × 1 convolution of one input. */
interface ConvNetwork {
  readonly inputs: readonly Port[];
  readonly output: Port;
  /** Name of the input that is convolved. */
  readonly from: string;
  /** [out][in]. */
  readonly weights: readonly (readonly number[])[];
  readonly bias: readonly number[];
  /** As {@link Constant.external}, of the weights. */
  readonly external?: Readonly<Record<string, string>>;
}

function convNetwork({ inputs, output, from, weights, bias, external }: ConvNetwork): Uint8Array {
  const columns = weights[0]?.length ?? 0;
  const place = external ? { external } : {};
  return onnxModel({
    inputs,
    outputs: [output],
    nodes: [{ op: 'Conv', inputs: [from, 'w', 'b'], output: output.name }],
    constants: [
      { name: 'w', dims: [weights.length, columns, 1, 1], values: weights.flat(), ...place },
      { name: 'b', dims: [bias.length], values: bias },
    ],
  });
}

/** The inputs and outputs of a network with its first dimension free, by the name `batch`. */
export function freeFirst<T extends Pick<Graph, 'inputs' | 'outputs'>>(graph: T): T {
  const free = (port: Port): Port => ({ ...port, shape: ['batch', ...port.shape.slice(1)] });
  return { ...graph, inputs: graph.inputs.map(free), outputs: graph.outputs.map(free) };
}

/** The weights of {@link seedNetwork}, as another file has them. */
export function seedWeights(): Uint8Array {
  return new Uint8Array(Float32Array.from(SEED_WEIGHTS.flat()).buffer);
}

const SEED_WEIGHTS = [
  [-0.5, 0, 0],
  [0, -0.5, 0],
  [0.5, 0, 0],
  [0, 0.5, 0],
  [0, 0, 0],
  [0, 0, 1],
];

/** A flow network that passes the seed on: f0 = −v/2, f1 = v/2, m = ½, e = cost. The same field as the search alone. */
export function seedNetwork(change: Partial<ConvNetwork> = {}): Uint8Array {
  return convNetwork({
    inputs: [
      { name: 'images', shape: [1, 4, 'h4', 'w4'] },
      { name: 'seed', shape: [1, 3, 'h8', 'w8'] },
    ],
    output: { name: 'field', shape: [1, 6, 'h8', 'w8'] },
    from: 'seed',
    weights: SEED_WEIGHTS,
    bias: [0, 0, 0, 0, 0.5, 0],
    ...change,
  });
}

/**
 * A flow network of two motions that reads the candidates' costs: the first motion is the seed's, the second one stands still, its share is
 * `share`; the expected error is the cost of the cell's own vector, or with `zero` that of the zero vector. `batches`: the first dimension is free.
 */
export function twoMotionNetwork({ share = 0, zero = false, batches = false } = {}): Uint8Array {
  const row = (at: number, value: number): number[] => Array.from({ length: 21 }, (_, i) => (i === at ? value : 0));
  const nothing = row(-1, 0);
  const weights = [row(0, -0.5), row(1, -0.5), row(0, 0.5), row(1, 0.5), nothing, row(zero ? 20 : 3, 1)];
  const graph: Graph = {
    inputs: [
      { name: 'images', shape: [1, 4, 'h4', 'w4'] },
      { name: 'seed', shape: [1, 3, 'h8', 'w8'] },
      { name: 'costs', shape: [1, 18, 'h8', 'w8'] },
    ],
    outputs: [{ name: 'field', shape: [1, 12, 'h8', 'w8'] }],
    nodes: [
      { op: 'Concat', inputs: ['seed', 'costs'], output: 'all', attributes: { axis: 1 } },
      { op: 'Conv', inputs: ['all', 'w', 'b'], output: 'field' },
    ],
    constants: [
      { name: 'w', dims: [12, 21, 1, 1], values: [...weights, ...Array.from({ length: 6 }, () => nothing)].flat() },
      { name: 'b', dims: [12], values: [0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0, 0.5, share] },
    ],
  };
  return onnxModel(batches ? freeFirst(graph) : graph);
}

/** Planes of all that a flow network may take, one behind the other: seed, fine, motion, costs. */
export const FLOW_PLANES = { seed: 0, fine: 3, motion: 6, costs: 14, all: 42 } as const;

/**
 * A flow network that takes everything and gives, as its field of two motions, the twelve planes of it
 * at these places ({@link FLOW_PLANES}). `batches`: the first dimension is free.
 */
export function pickingNetwork(planes: readonly number[], { batches = false } = {}): Uint8Array {
  const weights = planes.flatMap((from) => Array.from({ length: FLOW_PLANES.all }, (_, i) => (i === from ? 1 : 0)));
  const graph: Graph = {
    inputs: [
      { name: 'images', shape: [1, 4, 'h4', 'w4'] },
      { name: 'seed', shape: [1, 3, 'h8', 'w8'] },
      { name: 'costs', shape: [1, 28, 'h8', 'w8'] },
      { name: 'fine', shape: [1, 3, 'h8', 'w8'] },
      { name: 'motion', shape: [1, 8, 'h8', 'w8'] },
    ],
    outputs: [{ name: 'field', shape: [1, 12, 'h8', 'w8'] }],
    nodes: [
      { op: 'Concat', inputs: ['seed', 'fine', 'motion', 'costs'], output: 'all', attributes: { axis: 1 } },
      { op: 'Conv', inputs: ['all', 'w'], output: 'field' },
    ],
    constants: [{ name: 'w', dims: [planes.length, FLOW_PLANES.all, 1, 1], values: weights }],
  };
  return onnxModel(batches ? freeFirst(graph) : graph);
}
