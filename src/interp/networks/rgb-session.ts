/** Adapter of onnxruntime-node for `rgb` networks: two RGB pictures and a time → one RGB picture. Worker threads only. */
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { asFrameliftError, FrameliftError } from '../../errors.ts';
import type { Times } from '../../pairing/timesteps.ts';
import type { NetworkFacts, RgbFacts } from '../engine/protocol.ts';
import { dismiss, infer, type Network } from './onnx.ts';
import type { Samples } from './rgb-colour.ts';
import { type RgbPlane, type RgbPorts, rgbPorts, type SampleType, takesTime } from './rgb-io.ts';

/** Width and height in samples. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Views that a session reads and writes. */
export interface RgbBuffers {
  /** Of the padded pictures. */
  readonly size: Size;
  /** [planes][height][width]: both pictures, then what else the network is told. */
  readonly input: Samples;
  /** [3] of {@link RgbNetwork.outputSize}. */
  readonly output: Samples;
}

/** Multiples that RIFE's exports need: most of them 32, some newer ones 64, 4.25-lite 128. */
const MULTIPLES = [32, 64, 128];

const SAMPLE_BYTES = { float32: 4, float16: 2 } as const;

/** A view of so many samples, of a type that a network reads or writes. */
function view(type: SampleType, buffer: ArrayBufferLike, offset: number, length: number): Samples {
  return type === 'float32' ? new Float32Array(buffer, offset, length) : new Float16Array(buffer, offset, length);
}

/**
 * A tensor on a view. The runtime makes a Float16Array of every 16-bit view, and its binding takes that for empty
 * (microsoft/onnxruntime#32323): it is shown the bits.
 */
function tensor(data: Samples, dims: readonly number[]): Tensor {
  if (data instanceof Float32Array) return new Tensor('float32', data, dims);
  const bits = new Uint16Array(data.buffer, data.byteOffset, data.length);
  return Object.defineProperty(new Tensor('float16', bits, dims), 'data', { value: bits });
}

/** An `rgb` network: a session for each frame size. */
export class RgbNetwork {
  readonly facts: NetworkFacts & { readonly rgb: RgbFacts };
  readonly #network: Network;
  readonly #ports: RgbPorts;

  private constructor(network: Network, ports: RgbPorts, multiple: number, times: Times) {
    this.#network = network;
    this.#ports = ports;
    this.facts = {
      kind: 'rgb',
      seeded: false,
      times: takesTime(ports) ? times : 'half',
      batches: false,
      rgb: {
        multiple,
        planes: ports.planes.length,
        inputBytes: SAMPLE_BYTES[ports.type],
        outputBytes: SAMPLE_BYTES[ports.output.type],
      },
    };
  }

  /**
   * Finds out how far pictures must be padded: the least of `multiple`, 64 and 128 that the network runs with. One that fixes its size is not tried.
   * @param network one of kind `rgb`. @param times what the manifest says; a network that takes no time only knows the middle.
   * @throws FrameliftError `model.invalid` when it runs with none of them, and why not.
   */
  static async open(network: Network, multiple: number, times: Times): Promise<RgbNetwork> {
    const ports = rgbPorts(network.inputs, network.outputs);
    const multiples = [multiple, ...MULTIPLES.filter((larger) => larger > multiple)];
    const open = (padding: number): RgbNetwork => new RgbNetwork(network, ports, padding, times);
    const sides = [ports.width, ports.height, ports.output.width, ports.output.height];
    if (sides.some((side) => side !== undefined)) return open(multiples.at(-1) ?? multiple);
    let reason: FrameliftError | undefined;
    for (const padding of multiples) {
      const candidate = open(padding);
      try {
        await candidate.#tryOut(padding);
        return candidate;
      } catch (thrown) {
        reason ??= asFrameliftError(thrown, 'model.invalid');
      }
    }
    throw new FrameliftError(
      'model.invalid',
      `model ${network.id} runs on no pictures padded to multiples of ${multiples.join(', ')}: ${reason?.message ?? ''}`,
      { cause: reason },
    );
  }

  /**
   * The picture size for frames of this one: the next multiple, or what the file fixes if that is in between.
   * @throws FrameliftError `model.invalid` when the file fixes another size, gives less than a frame, or more than it takes.
   */
  size(frame: Size): Size {
    const { width, height, output } = this.#ports;
    const { multiple } = this.facts.rgb;
    const size = { width: width ?? up(frame.width, multiple), height: height ?? up(frame.height, multiple) };
    const made = this.outputSize(size);
    // No less than a frame comes out, and no more than there is room for.
    const fits = (side: 'width' | 'height'): boolean =>
      frame[side] <= made[side] && made[side] <= size[side] && size[side] <= up(frame[side], multiple);
    if (fits('width') && fits('height')) return size;
    throw new FrameliftError(
      'model.invalid',
      `model ${this.#network.id} only takes pictures of ${width ?? 'W'} × ${height ?? 'H'} and makes ${output.width ?? 'W'} × ${output.height ?? 'H'}; ` +
        `frames of ${frame.width} × ${frame.height} do not fit: export it for this size, or for any`,
    );
  }

  /** The size of what comes out: that of what goes in, unless the file fixes another. */
  outputSize({ width, height }: Size): Size {
    const { output } = this.#ports;
    return { width: output.width ?? width, height: output.height ?? height };
  }

  /** Views for pictures of this size; `input` and `output` are where they lie in the buffer, in bytes. */
  buffers(buffer: ArrayBufferLike, input: number, output: number, size: Size): RgbBuffers {
    const { planes, type, output: made } = this.#ports;
    const result = this.outputSize(size);
    return {
      size,
      input: view(type, buffer, input, planes.length * size.width * size.height),
      output: view(made.type, buffer, output, 3 * result.width * result.height),
    };
  }

  /** A session for one size, on its buffers; of an `attempt` the runtime prints no errors. @throws FrameliftError `model.invalid`. */
  async session(buffers: RgbBuffers, attempt = false): Promise<RgbSession> {
    const { width, height } = buffers.size;
    const { inputs, timeValue } = this.#ports;
    const shapes = inputs.map(({ name, planes }) => [name, [1, planes, height, width]] as const);
    const session = await this.#network.session(
      Object.fromEntries(timeValue ? [...shapes, [timeValue.name, timeValue.shape]] : shapes),
      attempt,
    );
    return new RgbSession(this.#network.id, session, this.#ports, buffers, this.outputSize(buffers.size));
  }

  /** Runs it once on small black pictures whose sides have nothing in common but this number. */
  async #tryOut(multiple: number): Promise<void> {
    const size = { width: 5 * multiple, height: 3 * multiple };
    const { planes, inputBytes, outputBytes } = this.facts.rgb;
    const input = planes * size.width * size.height * inputBytes;
    const bytes = input + 3 * size.width * size.height * outputBytes;
    const session = await this.session(this.buffers(new ArrayBuffer(bytes), 0, input, size), true);
    try {
      await session.run(0.5);
    } finally {
      await session.release();
    }
  }
}

function up(side: number, multiple: number): number {
  return Math.ceil(side / multiple) * multiple;
}

/** One network at one size, on fixed buffers. Nothing is allocated here for a run. */
export class RgbSession {
  readonly #id: string;
  readonly #session: InferenceSession;
  readonly #feeds: Record<string, Tensor> = {};
  readonly #fetches: Record<string, Tensor>;
  readonly #outputName: string;
  readonly #output: Samples;
  /** Where the time goes: a plane, one value, or nothing. */
  readonly #time: Samples;

  /** Made by {@link RgbNetwork.session}. */
  constructor(id: string, session: InferenceSession, ports: RgbPorts, buffers: RgbBuffers, made: Size) {
    const { size, input, output } = buffers;
    const plane = size.width * size.height;
    this.#id = id;
    this.#session = session;
    this.#outputName = ports.output.name;
    this.#output = output;
    this.#fetches = { [ports.output.name]: tensor(output, [1, 3, made.height, made.width]) };
    let at = 0;
    for (const { name, planes } of ports.inputs) {
      const data = input.subarray(at, at + planes * plane);
      this.#feeds[name] = tensor(data, [1, planes, size.height, size.width]);
      at += data.length;
    }
    const time = ports.planes.indexOf('time');
    this.#time = time < 0 ? input.subarray(0, 0) : input.subarray(time * plane, (time + 1) * plane);
    if (ports.timeValue) {
      this.#time = view(ports.type, new ArrayBuffer(SAMPLE_BYTES[ports.type]), 0, 1);
      this.#feeds[ports.timeValue.name] = tensor(this.#time, ports.timeValue.shape);
    }
    ports.planes.forEach((what, i) => {
      fillConstant(what, input.subarray(i * plane, (i + 1) * plane), size);
    });
  }

  /** Makes the picture of time `t` in `output` from the pictures in `input`. @throws FrameliftError `engine.failed`, `model.invalid`. */
  async run(t: number): Promise<void> {
    this.#time.fill(t);
    const outputs = await infer(this.#id, this.#session, this.#feeds, this.#fetches);
    this.#take(outputs[this.#outputName]?.data);
  }

  async release(): Promise<void> {
    await dismiss(this.#session);
  }

  /** Providers with memory of their own return another buffer than the one that was given. */
  #take(data: unknown): void {
    const into = this.#output;
    const same = into instanceof Float32Array ? data instanceof Float32Array : data instanceof Float16Array;
    // Narrowed by the comparison above, which the compiler cannot follow.
    const given = data as Samples;
    if (!same || given.length !== into.length) {
      throw new FrameliftError(
        'model.invalid',
        `model ${this.#id} gave no ${this.#outputName} of ${into.length} values`,
      );
    }
    if (given.buffer !== into.buffer || given.byteOffset !== into.byteOffset) into.set(given);
  }
}

/** Fills a plane that is the same for all pairs: what vs-mlrt's and VSGAN's scripts put there, with a scale of 1. */
function fillConstant(what: RgbPlane, plane: Samples, { width, height }: Size): void {
  switch (what) {
    case 'scale':
      plane.fill(1);
      return;
    case 'x-step':
      plane.fill(2 / (width - 1));
      return;
    case 'y-step':
      plane.fill(2 / (height - 1));
      return;
    case 'x':
      for (let x = 0; x < width; x++) plane[x] = (2 * x) / (width - 1) - 1;
      for (let y = 1; y < height; y++) plane.copyWithin(y * width, 0, width);
      return;
    case 'y':
      for (let y = 0; y < height; y++) plane.fill((2 * y) / (height - 1) - 1, y * width, (y + 1) * width);
      return;
    case 'picture':
    case 'time':
      return;
  }
}
