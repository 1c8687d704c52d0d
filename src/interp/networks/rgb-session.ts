/** Sessions of `rgb` networks on fixed buffers: two RGB images and a time → one RGB image. */
import { asFrameliftError, FrameliftError } from '../../errors.ts';
import type { FrameSize } from '../../media/size.ts';
import type { Times } from '../../pairing/timesteps.ts';
import type { NetworkFacts, RgbFacts } from '../worker/protocol.ts';
import type { Network } from './onnx.ts';
import type { Samples } from './rgb-colour.ts';
import { type RgbIo, type RgbPlane, rgbIo, type SampleType, takesTime } from './rgb-io.ts';
import { type BoundSession, bind } from './session.ts';

/** Views that a session reads and writes. */
export interface RgbBuffers {
  /** Of the padded images. */
  readonly size: FrameSize;
  /** [planes][height][width]: both images, then what else the network is told. */
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

/** An `rgb` network: a session for each frame size. */
export class RgbNetwork {
  readonly facts: NetworkFacts & { readonly rgb: RgbFacts };
  readonly #network: Network;
  readonly #io: RgbIo;

  private constructor(network: Network, io: RgbIo, multiple: number, times: Times) {
    this.#network = network;
    this.#io = io;
    this.facts = {
      kind: 'rgb',
      seeded: false,
      times: takesTime(io) ? times : 'half',
      batches: false,
      rgb: {
        multiple,
        planes: io.planes.length,
        inputBytes: SAMPLE_BYTES[io.type],
        outputBytes: SAMPLE_BYTES[io.output.type],
      },
    };
  }

  /**
   * Finds out how far images must be padded: the least of `multiple`, 64 and 128 that the network
   * runs with. One that fixes its size is not tried.
   * @param network one of kind `rgb`. @param times what the manifest says; a network that takes no
   * time only knows the middle.
   * @throws FrameliftError `model.invalid` when it runs with none of them, and why not.
   */
  static async open(network: Network, multiple: number, times: Times): Promise<RgbNetwork> {
    const io = rgbIo(network.inputs, network.outputs);
    const multiples = [multiple, ...MULTIPLES.filter((larger) => larger > multiple)];
    const open = (padding: number): RgbNetwork => new RgbNetwork(network, io, padding, times);
    const sides = [io.width, io.height, io.output.width, io.output.height];
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
      `model ${network.id} runs on no images padded to multiples of ${multiples.join(', ')}: ${reason?.message ?? ''}`,
      { cause: reason },
    );
  }

  /**
   * The image size for frames of this one: the next multiple, or what the file fixes if that is in
   * between.
   * @throws FrameliftError `model.invalid` when the file fixes another size, gives less than a
   * frame, or more than it takes.
   */
  size(frame: FrameSize): FrameSize {
    const { width, height, output } = this.#io;
    const { multiple } = this.facts.rgb;
    const size = { width: width ?? up(frame.width, multiple), height: height ?? up(frame.height, multiple) };
    const given = this.outputSize(size);
    // No less than a frame comes out, and no more than there is room for.
    const fits = (side: 'width' | 'height'): boolean =>
      frame[side] <= given[side] && given[side] <= size[side] && size[side] <= up(frame[side], multiple);
    if (fits('width') && fits('height')) return size;
    throw new FrameliftError(
      'model.invalid',
      `model ${this.#network.id} only takes images of ${width ?? 'W'} × ${height ?? 'H'} and makes ${output.width ?? 'W'} × ${output.height ?? 'H'}; ` +
        `frames of ${frame.width} × ${frame.height} do not fit: export it for this size, or for any`,
    );
  }

  /** The size of what comes out: that of what goes in, unless the file fixes another. */
  outputSize({ width, height }: FrameSize): FrameSize {
    const { output } = this.#io;
    return { width: output.width ?? width, height: output.height ?? height };
  }

  /**
   * Views for images of this size; `input` and `output` are where they lie in the buffer, in bytes.
   */
  buffers(buffer: ArrayBufferLike, input: number, output: number, size: FrameSize): RgbBuffers {
    const { planes, type, output: given } = this.#io;
    const result = this.outputSize(size);
    return {
      size,
      input: view(type, buffer, input, planes.length * size.width * size.height),
      output: view(given.type, buffer, output, 3 * result.width * result.height),
    };
  }

  /**
   * A session for one size, on its buffers; of an `attempt` the runtime prints no errors. @throws
   * FrameliftError `model.invalid`.
   */
  async session(buffers: RgbBuffers, attempt = false): Promise<RgbSession> {
    const { width, height } = buffers.size;
    const { inputs, timeValue } = this.#io;
    const shapes = inputs.map(({ name, planes }) => [name, [1, planes, height, width]] as const);
    const session = await this.#network.session(
      Object.fromEntries(timeValue ? [...shapes, [timeValue.name, timeValue.shape]] : shapes),
      attempt,
    );
    return new RgbSession(session, this.#io, buffers, this.outputSize(buffers.size));
  }

  /** Runs it once on small black images whose sides have nothing in common but this number. */
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
  readonly #session: BoundSession;
  /** Where the time goes: a plane, one value, or nothing. */
  readonly #time: Samples;

  /** Made by {@link RgbNetwork.session}. */
  constructor(session: BoundSession, io: RgbIo, { size, input, output }: RgbBuffers, outputSize: FrameSize) {
    const plane = size.width * size.height;
    this.#session = session;
    session.fetch(io.output.name, bind(output, [1, 3, outputSize.height, outputSize.width]));
    let at = 0;
    for (const { name, planes } of io.inputs) {
      session.feed(name, bind(input.subarray(at), [1, planes, size.height, size.width]));
      at += planes * plane;
    }
    io.planes.forEach((what, i) => {
      fillConstant(what, input.subarray(i * plane, (i + 1) * plane), size);
    });
    const time = io.planes.indexOf('time');
    this.#time = time < 0 ? input.subarray(0, 0) : input.subarray(time * plane, (time + 1) * plane);
    if (!io.timeValue) return;
    this.#time = view(io.type, new ArrayBuffer(SAMPLE_BYTES[io.type]), 0, 1);
    session.feed(io.timeValue.name, bind(this.#time, io.timeValue.shape));
  }

  /**
   * Makes the image of time `t` in `output` from the images in `input`. @throws FrameliftError
   * `engine.failed`, `model.invalid`.
   */
  async run(t: number): Promise<void> {
    this.#time.fill(t);
    await this.#session.run();
  }

  /** Frees the session. */
  async release(): Promise<void> {
    await this.#session.release();
  }
}

/**
 * Fills a plane that is the same for all pairs: what vs-mlrt's and VSGAN's scripts put there, with
 * a scale of 1.
 */
function fillConstant(what: RgbPlane, plane: Samples, { width, height }: FrameSize): void {
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
    case 'image':
    case 'time':
      return;
  }
}
