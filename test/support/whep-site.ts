/** A site for WHEP tests: an HTTP server on a free port with a playing page, and moving pictures to publish. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import type { Publication } from '../../src/egress/publication.ts';
import { WhepEndpoint } from '../../src/egress/whep.ts';
import type { Arena } from '../../src/media/arena.ts';
import { Frame, SOURCE } from '../../src/media/frame.ts';
import { type CancelTimer, type Clock, type Micros, micros, plus } from '../../src/time.ts';

/** The player: posts an offer, counts presented frames with their media times and wall times. */
const PAGE = `<!doctype html><video id="v" muted playsinline autoplay></video><script>
window.frames_ = [];
window.play = async (url) => {
  const started = performance.now();
  const pc = window.pc = new RTCPeerConnection();
  const { receiver } = pc.addTransceiver('video', { direction: 'recvonly' });
  pc.addTransceiver('audio', { direction: 'recvonly' });
  const video = document.getElementById('v');
  pc.ontrack = (event) => {
    if (event.track.kind !== 'video') return;
    video.srcObject = event.streams[0] ?? new MediaStream([event.track]);
    const seen = (now, data) => {
      window.firstFrameMs ??= performance.now() - started;
      window.frames_.push({ now, media: data.mediaTime, width: data.width, rtp: data.rtpTimestamp });
      video.requestVideoFrameCallback(seen);
    };
    video.requestVideoFrameCallback(seen);
  };
  if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 0;
  await pc.setLocalDescription();
  const response = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: pc.localDescription.sdp });
  window.offer = pc.localDescription.sdp;
  window.answer = await response.text();
  if (response.status !== 201) return { status: response.status, body: window.answer };
  window.resource = response.headers.get('Location');
  await pc.setRemoteDescription({ type: 'answer', sdp: window.answer });
  return { status: response.status, resource: window.resource, etag: response.headers.get('ETag') };
};
</script>`;

/** Serves the page and the endpoint for one publication per variant, under the stream name `cam`. */
export class WhepSite implements AsyncDisposable {
  readonly endpoint: WhepEndpoint;
  readonly #server: Server;
  #browser: Browser | undefined;

  constructor(publications: Readonly<Partial<Record<'upconverted' | 'source', Publication>>>) {
    this.endpoint = new WhepEndpoint({
      find: (stream, variant) => (stream === 'cam' ? publications[variant] : undefined),
    });
    this.#server = createServer((request, response) => {
      const url = new URL(request.url ?? '/', 'http://site');
      const [, root, stream = '', sessionId] = url.pathname.split('/');
      if (root !== 'whep') {
        response.setHeader('Content-Type', 'text/html').end(PAGE);
        return;
      }
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const variant = url.searchParams.get('variant') ?? undefined;
        const { method = '', headers } = request;
        const body = Buffer.concat(chunks).toString();
        void this.endpoint.handle({ method, stream, variant, sessionId, headers, body }).then((answer) => {
          response.writeHead(answer.status, answer.headers).end(answer.body);
        });
      });
    });
  }

  /** Listens on a free port of the loopback. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get url(): string {
    // A listening TCP server has an AddressInfo.
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Opens the page and plays `path`. */
  async play(browser: Browser, path = '/whep/cam'): Promise<Page> {
    this.#browser = browser;
    const page = await browser.newPage();
    await page.goto(this.url);
    const result: unknown = await page.evaluate(`window.play(${JSON.stringify(path)})`);
    if (!(result instanceof Object) || !('status' in result) || result.status !== 201) {
      throw new Error(`WHEP refused: ${JSON.stringify(result)}`);
    }
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const context of this.#browser?.contexts() ?? []) await context.close();
    await this.endpoint[Symbol.asyncDispose]();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Publishes a moving picture at an exact rate until stopped. */
export class MovingPicture {
  readonly #publication: Publication;
  readonly #arena: Arena;
  readonly #clock: Clock;
  readonly #interval: number;
  readonly #width: number;
  readonly #height: number;
  readonly #start: Micros;
  #count = 0;
  #cancel: CancelTimer = () => {};

  constructor(publication: Publication, arena: Arena, clock: Clock, fps = 60, width = 640, height = 360) {
    this.#publication = publication;
    this.#arena = arena;
    this.#clock = clock;
    this.#interval = 1e6 / fps;
    this.#width = width;
    this.#height = height;
    this.#start = clock.now();
    this.#next();
  }

  /** Frames published so far. */
  get count(): number {
    return this.#count;
  }

  stop(): void {
    this.#cancel();
  }

  #next(): void {
    const due = plus(this.#start, micros(this.#count * this.#interval));
    this.#publication.push(this.#draw(due), due);
    this.#count += 1;
    const next = plus(this.#start, micros(this.#count * this.#interval));
    this.#cancel = this.#clock.at(next, () => this.#next());
  }

  /** Slanted bars that move, over a ramp. */
  #draw(due: Micros): Frame {
    const frame = Frame.allocate(this.#arena, this.#width, this.#height, {
      pts: due,
      arrival: this.#clock.now(),
      capture: this.#clock.wall(),
      discontinuity: false,
      provenance: SOURCE,
    });
    const { bytes, layout } = frame;
    bytes.fill(128, layout.u);
    for (let row = 0; row < layout.height; row += 1) {
      const at = layout.y + row * layout.strideY;
      bytes.fill(40 + (row * 150) / layout.height, at, at + layout.width);
      const bar = (this.#count * 4 + row) % (layout.width - 40);
      bytes.fill(220, at + bar, at + bar + 40);
    }
    return frame;
  }
}

/** Median of the frames presented in each whole second. */
export function medianFps(times: readonly number[]): number {
  const [first] = times;
  if (first === undefined) return 0;
  const counts: number[] = [];
  for (const time of times) {
    const second = Math.floor((time - first) / 1000);
    counts[second] = (counts[second] ?? 0) + 1;
  }
  counts.pop();
  counts.sort((a, b) => a - b);
  return counts[counts.length >> 1] ?? 0;
}
