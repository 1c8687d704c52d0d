/**
 * Which files beside an ONNX file hold some of its tensors, read from the file itself: a walk over the
 * protobuf that stops at nothing but tensors (onnx.proto3). Pure.
 */

/** A tensor whose values are in another file. */
export interface ExternalTensor {
  readonly name: string;
  /** As the model says it: a path from the model's folder. */
  readonly location: string;
  /** Bytes of the file up to the tensor's end, as far as the model tells. */
  readonly end: number;
}

/** Messages that tensors are found in, and which of their fields are messages of which kind. */
const FIELDS = {
  model: { 7: 'graph', 25: 'function' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  function: { 7: 'node', 11: 'attribute' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  sparse: { 1: 'tensor', 2: 'tensor' },
} as const satisfies Readonly<Record<string, Readonly<Record<number, string>>>>;

type Kind = keyof typeof FIELDS | 'tensor';

/** Fields of a TensorProto, and the value of its location that means another file. */
const TENSOR = { dims: 1, type: 2, name: 8, external: 13, location: 14 } as const;
const EXTERNAL = 1;

/** Bytes of an element, by ONNX's number of its type; of others the model must say the length. */
const ELEMENT_BYTES: Readonly<Record<number, number>> = {
  ...{ 1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 14: 8, 15: 16, 16: 2 },
};

/** A field of a message: a whole number, or bytes. Fields of fixed width are 0. */
interface Field {
  readonly number: number;
  readonly value: number;
  readonly bytes: Uint8Array | undefined;
}

/**
 * The tensors of a model, in its subgraphs and functions too, that are in other files, in the order of
 * the file.
 * @throws RangeError where the bytes break off, or are no protobuf.
 */
export function externalTensors(model: Uint8Array): ExternalTensor[] {
  const found: ExternalTensor[] = [];
  // No recursion: how deep a file nests is its own choice.
  const waiting: { kind: Kind; bytes: Uint8Array }[] = [{ kind: 'model', bytes: model }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (next.kind === 'tensor') {
      const tensor = externalTensor(next.bytes);
      if (tensor) found.push(tensor);
    } else waiting.push(...[...messagesIn(next.bytes, FIELDS[next.kind])].reverse());
  }
  return found;
}

function* messagesIn(
  bytes: Uint8Array,
  kinds: Readonly<Record<number, Kind>>,
): Generator<{ kind: Kind; bytes: Uint8Array }> {
  for (const field of fieldsOf(bytes)) {
    const kind = kinds[field.number];
    if (kind && field.bytes) yield { kind, bytes: field.bytes };
  }
}

/** Undefined for a tensor that the model holds itself. */
function externalTensor(bytes: Uint8Array): ExternalTensor | undefined {
  const entries = new Map<string, string>();
  let [name, isExternal, type, elements] = ['', false, 0, 1];
  for (const field of fieldsOf(bytes)) {
    if (field.number === TENSOR.location) isExternal = field.value === EXTERNAL;
    else if (field.number === TENSOR.type) type = field.value;
    else if (field.number === TENSOR.name) name = textOf(field.bytes);
    else if (field.number === TENSOR.dims) for (const size of numbersOf(field)) elements *= size;
    else if (field.number === TENSOR.external && field.bytes) {
      const [key = '', value = ''] = keyAndValue(field.bytes);
      entries.set(key, value);
    }
  }
  if (!isExternal) return undefined;
  const length = Number(entries.get('length') ?? elements * (ELEMENT_BYTES[type] ?? 0));
  return { name, location: entries.get('location') ?? '', end: Number(entries.get('offset') ?? 0) + length };
}

/** A StringStringEntryProto. */
function keyAndValue(bytes: Uint8Array): string[] {
  const texts: string[] = [];
  for (const field of fieldsOf(bytes)) texts[field.number - 1] = textOf(field.bytes);
  return texts;
}

/** A repeated whole number, one for each field or packed into one. */
function numbersOf({ value, bytes }: Field): number[] {
  if (!bytes) return [value];
  const reader = new Reader(bytes);
  const numbers: number[] = [];
  while (!reader.done) numbers.push(reader.varint());
  return numbers;
}

function textOf(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes);
}

function* fieldsOf(message: Uint8Array): Generator<Field> {
  const reader = new Reader(message);
  while (!reader.done) {
    const tag = reader.varint();
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        yield { number, value: reader.varint(), bytes: undefined };
        break;
      case 1:
        reader.take(8);
        yield { number, value: 0, bytes: undefined };
        break;
      case 2:
        yield { number, value: 0, bytes: reader.take(reader.varint()) };
        break;
      case 5:
        reader.take(4);
        yield { number, value: 0, bytes: undefined };
        break;
      default:
        throw new RangeError(`no wire type ${tag % 8}`);
    }
  }
}

/** Reads a protobuf message. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** A whole number; exact below 2^53. @throws RangeError behind the end. */
  varint(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 70; scale *= 128) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw new RangeError('it breaks off');
      this.#at += 1;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new RangeError('a number without an end');
  }

  /** So many bytes. @throws RangeError behind the end. */
  take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError('it breaks off');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}
