/** How old the source variant's pictures are at a viewer, sent on as they came and encoded again, side by side. */
import { FrameliftError } from '../src/errors.ts';
import { VideoDecoder } from '../src/ingest/decode/decoder.ts';
import { RtpReceiver } from '../src/ingest/rtp/receiver.ts';
import { Arena } from '../src/media/arena.ts';
import { micros, systemClock, ZERO } from '../src/time.ts';
import { startApp } from '../test/support/app.ts';
import { ageMs, readBarcode, startCamera } from '../test/support/camera.ts';
import { WhepClient } from '../test/support/whep-client.ts';

/** What is measured: the camera's picture, and for how long. */
export interface SourceVariantOptions {
  readonly width: number;
  readonly height: number;
  readonly seconds: number;
}

/** Ages of pictures, from the camera's drawing to the viewer's decoded picture. */
export interface SourceVariantRow {
  readonly form: 'pass' | 'encode';
  readonly frames: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
}

const WARM_UP_MS = 3000;

/**
 * One camera, two streams of it, a viewer each, at the same time.
 * @throws FrameliftError `server.failed` when a viewer gets nothing.
 */
export async function measureSourceVariant(options: SourceVariantOptions): Promise<SourceVariantRow[]> {
  const { width, height, seconds } = options;
  await using stack = new AsyncDisposableStack();
  const camera = await startCamera({ size: `${width}x${height}` });
  stack.defer(() => camera.stop());
  const viewers: { form: SourceVariantRow['form']; viewer: Viewer }[] = [];
  for (const form of ['pass', 'encode'] as const) {
    const app = await startApp([`cam=${camera.url}`, '--model', 'repeat', '--factor', '1', '--source-variant', form]);
    stack.defer(async () => void (await app.stop()));
    while (!(await app.stream('cam')).phase.startsWith('live')) await new Promise((done) => setTimeout(done, 100));
    viewers.push({ form, viewer: stack.use(await Viewer.play(`${app.url}/whep/cam?variant=source`)) });
  }
  await new Promise((done) => setTimeout(done, WARM_UP_MS));
  for (const { viewer } of viewers) viewer.ages.length = 0;
  await new Promise((done) => setTimeout(done, 1000 * seconds));
  return viewers.map(({ form, viewer }) => rowOf(form, viewer.ages));
}

function rowOf(form: SourceVariantRow['form'], ages: readonly number[]): SourceVariantRow {
  if (ages.length === 0) throw new FrameliftError('server.failed', `the viewer of "${form}" got no picture`);
  const sorted = ages.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
  return { form, frames: ages.length, p50Ms: at(0.5), p95Ms: at(0.95) };
}

/** Decodes what it is sent and reads the camera's barcode. */
class Viewer implements AsyncDisposable {
  readonly ages: number[] = [];
  readonly #decoder: VideoDecoder;
  #client: WhepClient | undefined;
  #last: Promise<void> = Promise.resolve();

  private constructor(decoder: VideoDecoder) {
    this.#decoder = decoder;
  }

  static async play(url: string): Promise<Viewer> {
    const arena = new Arena(64);
    const viewer = new Viewer(await VideoDecoder.open({ codec: 'h264', arena, clock: systemClock, stream: 'viewer' }));
    const receiver = new RtpReceiver({
      ...{ codec: 'h264', clockRate: 90_000, payloadType: undefined, maxWait: ZERO, capacity: 512 },
      wallAt: (instant) => instant,
      complete: (unit) => {
        viewer.#last = viewer.#last.then(() => viewer.#decode(unit));
      },
      lost: () => {},
    });
    viewer.#client = await WhepClient.play(url, ({ header, payload }) => {
      const { sequenceNumber: sequence, payloadType, marker, timestamp, ssrc } = header;
      // Its buffer may be used again.
      const copy = Buffer.from(payload);
      receiver.push({
        sequence,
        payloadType,
        marker,
        timestamp,
        ssrc,
        payload: copy,
        arrival: micros(systemClock.now()),
      });
    });
    return viewer;
  }

  async #decode(unit: Parameters<VideoDecoder['decode']>[0]): Promise<void> {
    for (const frame of await this.#decoder.decode(unit)) {
      const barcode = readBarcode(frame.bytes, frame.width, frame.layout.strideY);
      if (barcode) this.ages.push(ageMs(barcode, Date.now()));
      frame.release();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client?.[Symbol.asyncDispose]();
    await this.#last;
    await this.#decoder.close();
  }
}
