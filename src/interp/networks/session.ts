/**
 * Adapter of onnxruntime-node: sessions on fixed buffers, which all kinds of network run through.
 */
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { FrameliftError, messageOf } from '../../errors.ts';
import { nativeCall } from '../worker/native-call.ts';

/** What a session reads and writes. */
export type TensorView = Float32Array | Float16Array | Uint8Array;

/** A view on arena memory, and the tensor on it. */
export interface BoundTensor {
  readonly view: TensorView;
  readonly tensor: Tensor;
}

/** A tensor of this shape on the beginning of a buffer. */
export function bind(buffer: TensorView, shape: readonly number[]): BoundTensor {
  const view = buffer.subarray(
    0,
    shape.reduce((product, size) => product * size, 1),
  );
  return { view, tensor: tensorOn(view, shape) };
}

/**
 * The runtime makes a Float16Array of every 16-bit view, and its binding takes that for empty
 * (microsoft/onnxruntime#32323): it is shown the bits.
 */
function tensorOn(view: TensorView, shape: readonly number[]): Tensor {
  if (view instanceof Float32Array) return new Tensor('float32', view, shape);
  if (view instanceof Uint8Array) return new Tensor('uint8', view, shape);
  const bits = new Uint16Array(view.buffer, view.byteOffset, view.length);
  return Object.defineProperty(new Tensor('float16', bits, shape), 'data', { value: bits });
}

/**
 * A session with what it reads and writes. Nothing is allocated here for a run. Runs block their
 * thread: worker threads only.
 */
export class BoundSession {
  readonly #id: string;
  readonly #session: InferenceSession;
  readonly #feeds: Record<string, Tensor> = {};
  readonly #fetches: Record<string, Tensor> = {};
  readonly #outputs = new Map<string, TensorView>();

  /** @param id of the model, for messages. */
  constructor(id: string, session: InferenceSession) {
    this.#id = id;
    this.#session = session;
  }

  /** Gives an input, from now on. */
  feed(name: string, { tensor }: BoundTensor): void {
    this.#feeds[name] = tensor;
  }

  /** Says where an output goes, from now on. */
  fetch(name: string, { tensor, view }: BoundTensor): void {
    this.#fetches[name] = tensor;
    this.#outputs.set(name, view);
  }

  /**
   * Reads the inputs and writes the outputs.
   * @throws FrameliftError `engine.failed`, or `model.invalid` when an output has another shape.
   */
  async run(): Promise<void> {
    const outputs = await this.#infer();
    for (const [name, view] of this.#outputs) this.#take(name, outputs[name]?.data, view);
  }

  /** Reads the inputs, and tells the shapes of what came out. @throws FrameliftError as {@link run}. */
  async outputShapes(): Promise<Readonly<Record<string, readonly number[]>>> {
    const outputs = await this.#infer();
    return Object.fromEntries(Object.entries(outputs).map(([name, { dims }]) => [name, dims]));
  }

  /** Frees the session. */
  async release(): Promise<void> {
    await dismiss(this.#session);
  }

  async #infer(): Promise<InferenceSession.OnnxValueMapType> {
    try {
      const bound = Object.keys(this.#fetches).length > 0;
      return await nativeCall(() =>
        bound ? this.#session.run(this.#feeds, this.#fetches) : this.#session.run(this.#feeds),
      );
    } catch (cause) {
      const code = /shape|dimension/i.test(messageOf(cause)) ? 'model.invalid' : 'engine.failed';
      throw new FrameliftError(code, `model ${this.#id}: ${messageOf(cause)}`, {
        recoverable: code === 'engine.failed',
        cause,
      });
    }
  }

  /** Providers with memory of their own return another buffer than the one that was given. */
  #take(name: string, data: unknown, into: TensorView): void {
    if (!isLike(data, into)) {
      throw new FrameliftError('model.invalid', `model ${this.#id} gave no ${name} of ${into.length} values`);
    }
    if (data.buffer !== into.buffer || data.byteOffset !== into.byteOffset) into.set(data);
  }
}

/** Whether an output has the type and the length of the view that it is for. */
function isLike(data: unknown, view: TensorView): data is TensorView {
  const types = [Float32Array, Float16Array, Uint8Array];
  return types.some((type) => view instanceof type && data instanceof type && data.length === view.length);
}

/** Frees a session that was not bound. */
export function dismiss(session: InferenceSession): Promise<void> {
  return nativeCall(() => session.release());
}
