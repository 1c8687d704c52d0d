/** The memory of a device whose encoder takes frames from there alone. An adapter of node-av. */
import {
  AV_HWDEVICE_TYPE_VAAPI,
  AV_PIX_FMT_NV12,
  AV_PIX_FMT_VAAPI,
  type AVHWDeviceType,
  Frame as AvFrame,
  type CodecContext,
  FFmpegError,
  HardwareDeviceContext,
  HardwareFramesContext,
} from 'node-av';

/** Frames that the encoder may hold. */
const POOL = 4;

/** Frames of one encoder on its device. */
export class DeviceMemory {
  readonly #device: HardwareDeviceContext;
  readonly #frames = new HardwareFramesContext();
  readonly #frame = new AvFrame();

  private constructor(device: HardwareDeviceContext) {
    this.#device = device;
    this.#frame.alloc();
  }

  /**
   * Prepares an encoder that is not open yet, of its size; undefined where it takes frames as they are.
   * @throws what FFmpeg throws: there is no such device.
   */
  static open({ device: type }: { readonly device?: AVHWDeviceType }, context: CodecContext): DeviceMemory | undefined {
    if (type !== AV_HWDEVICE_TYPE_VAAPI) return undefined;
    const device = new HardwareDeviceContext();
    FFmpegError.throwIfError(device.create(type), 'no device that encodes was opened');
    const memory = new DeviceMemory(device);
    const frames = memory.#frames;
    frames.alloc(device);
    [frames.format, frames.swFormat] = [AV_PIX_FMT_VAAPI, AV_PIX_FMT_NV12];
    [frames.width, frames.height, frames.initialPoolSize] = [context.width, context.height, POOL];
    try {
      FFmpegError.throwIfError(frames.init(), 'the device has no memory for frames');
      context.pixelFormat = AV_PIX_FMT_VAAPI;
      context.hwFramesCtx = frames;
    } catch (error) {
      memory.free();
      throw error;
    }
    return memory;
  }

  /** Copies a frame there; what is given back is good until the next call. @throws what FFmpeg throws. */
  async take(frame: AvFrame): Promise<AvFrame> {
    const there = this.#frame;
    there.unref();
    FFmpegError.throwIfError(this.#frames.getBuffer(there, 0), 'the device has no frame left');
    FFmpegError.throwIfError(await this.#frames.transferData(there, frame, 0), 'no way into the device');
    there.pts = frame.pts;
    there.pictType = frame.pictType;
    return there;
  }

  /** Frees everything. */
  free(): void {
    this.#frame.free();
    this.#frames.free();
    this.#device.free();
  }
}
