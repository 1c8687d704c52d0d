/** Writes tiny ONNX files: one convolution over one input, enough to stand for a flow network. No dependency: a few protobuf fields. */

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

const FLOAT = 1;

/** A value with its shape; dimensions are numbers or names. */
interface Port {
  readonly name: string;
  readonly shape: readonly (number | string)[];
}

function valueInfo({ name, shape }: Port): number[] {
  const dims = shape.flatMap((d) => bytes(1, typeof d === 'number' ? int(1, d) : text(2, d)));
  const tensor = [...int(1, FLOAT), ...bytes(2, dims)];
  return [...text(1, name), ...bytes(2, bytes(1, tensor))];
}

function floats(name: string, dims: readonly number[], values: readonly number[]): number[] {
  const raw = new Uint8Array(new Float32Array(values).buffer);
  return [...dims.flatMap((d) => int(1, d)), ...int(2, FLOAT), ...text(8, name), ...bytes(9, raw)];
}

/** What {@link convNetwork} builds. */
export interface ConvNetwork {
  readonly inputs: readonly Port[];
  readonly output: Port;
  /** Name of the input that is convolved. */
  readonly from: string;
  /** [out][in]: a 1 × 1 convolution. */
  readonly weights: readonly (readonly number[])[];
  readonly bias: readonly number[];
}

/** An ONNX model (IR 8, opset 17) of one 1 × 1 convolution. */
function convNetwork({ inputs, output, from, weights, bias }: ConvNetwork): Uint8Array {
  const columns = weights[0]?.length ?? 0;
  const node = [...text(1, from), ...text(1, 'w'), ...text(1, 'b'), ...text(2, output.name), ...text(4, 'Conv')];
  const graph = [
    ...bytes(1, node),
    ...text(2, 'tiny'),
    ...bytes(5, floats('w', [weights.length, columns, 1, 1], weights.flat())),
    ...bytes(5, floats('b', [bias.length], bias)),
    ...inputs.flatMap((p) => bytes(11, valueInfo(p))),
    ...bytes(12, valueInfo(output)),
  ];
  return Uint8Array.from([...int(1, 8), ...bytes(7, graph), ...bytes(8, int(2, 17))]);
}

/** A flow network that passes the seed on: f0 = −v/2, f1 = v/2, m = ½, e = cost. The same field as the search alone. */
export function seedNetwork(change: Partial<ConvNetwork> = {}): Uint8Array {
  return convNetwork({
    inputs: [
      { name: 'images', shape: [1, 4, 'h4', 'w4'] },
      { name: 'seed', shape: [1, 3, 'h8', 'w8'] },
    ],
    output: { name: 'field', shape: [1, 6, 'h8', 'w8'] },
    from: 'seed',
    weights: [
      [-0.5, 0, 0],
      [0, -0.5, 0],
      [0.5, 0, 0],
      [0, 0.5, 0],
      [0, 0, 0],
      [0, 0, 1],
    ],
    bias: [0, 0, 0, 0, 0.5, 0],
    ...change,
  });
}
