/// <reference lib="dom" />
/** framelift's page in Chromium, listened to: how far the camera's beeps are from its flashes where they come out. */
import type { Browser, Page } from 'playwright-core';
import type { ProvenanceRecord } from '../../src/egress/provenance.ts';
import { quantile } from './page.ts';

/** What was seen and heard, by `performance.now()` of the page, in milliseconds. */
export interface FlashesAndBeeps {
  /** When source frames with a flash were shown. */
  readonly flashes: readonly number[];
  /** When beeps began. */
  readonly beeps: readonly number[];
  /** `audio/opus`. */
  readonly codec: string | undefined;
  /** Samples of the sound so far, and those that the browser had to make up. */
  readonly samples: number;
  readonly concealed: number;
}

/** What {@link listenToPage} puts into the page. */
interface Heard {
  readonly kinds: Map<number, string>;
  readonly peers: RTCPeerConnection[];
  readonly pictures: { at: number; rtp: number; time: number }[];
  /** Times, in µs of the element, of pictures that were lit when they were read. */
  readonly lit: Set<number>;
  readonly beeps: number[];
}

/** Opens the page with one variant, turns its sound on, and measures from then on. */
export async function listenToPage(
  browser: Browser,
  url: string,
  variant: 'upconverted' | 'source' = 'upconverted',
): Promise<Page> {
  const context = await browser.newContext({ bypassCSP: true, viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.addInitScript(tapProvenance);
  await page.goto(`${url}/?view=${variant}`);
  await page.locator(`figure[data-variant="${variant}"] .sound:not([hidden])`).waitFor({ timeout: 15_000 });
  await page.locator(`figure[data-variant="${variant}"] .mute`).click();
  await page.evaluate(measure, variant);
  return page;
}

/** What was seen and heard since this was last asked. */
export function takeHeard(page: Page): Promise<FlashesAndBeeps> {
  return page.evaluate(async () => {
    // Put there by `tapProvenance`.
    const { heard } = window as unknown as { heard: Heard };
    const stats = [...((await heard.peers.at(-1)?.getStats())?.values() ?? [])];
    const inbound = stats.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'audio');
    const codec = stats.find(({ id }) => id === inbound?.codecId);
    // A picture may be read in the callback of the one before.
    const lit = ({ time }: { time: number }): boolean => [-1, 0, 1].some((off) => heard.lit.has(time + off));
    const flashes = heard.pictures
      .filter((picture) => heard.kinds.get(picture.rtp) === 'source' && lit(picture))
      .map(({ at }) => at);
    const beeps = heard.beeps.splice(0);
    heard.pictures.length = 0;
    return {
      ...{ flashes, beeps, codec: codec?.mimeType },
      ...{ samples: inbound?.totalSamplesReceived ?? 0, concealed: inbound?.concealedSamples ?? 0 },
    };
  });
}

/** How much later the beep of each flash was heard than the flash was seen, in milliseconds. */
export function skewsOf({ flashes, beeps }: Pick<FlashesAndBeeps, 'flashes' | 'beeps'>, withinMs = 300): number[] {
  return flashes.flatMap((flash) => {
    const [nearest] = beeps.map((beep) => beep - flash).sort((a, b) => Math.abs(a) - Math.abs(b));
    return nearest !== undefined && Math.abs(nearest) < withinMs ? [nearest] : [];
  });
}

/** The figure that is promised: the 95th percentile of how far sound and picture are apart, in milliseconds. */
export function worstSkew(skews: readonly number[]): number {
  return quantile(
    skews.map((skew) => Math.abs(skew)),
    0.95,
  );
}

/** Runs in the page before its own scripts: sees its connections, and the records of its frames. */
function tapProvenance(): void {
  const heard: Heard = { kinds: new Map(), peers: [], pictures: [], lit: new Set(), beeps: [] };
  Object.assign(window, { heard });
  const make = RTCPeerConnection.prototype.createDataChannel;
  RTCPeerConnection.prototype.createDataChannel = function (...args) {
    const channel = make.apply(this, args);
    heard.peers.push(this);
    channel.addEventListener('message', ({ data }) => {
      const { rtp, kind } = JSON.parse(data) as ProvenanceRecord;
      heard.kinds.set(rtp, kind);
    });
    return channel;
  };
}

/** Runs in the page. */
async function measure(variant: string): Promise<void> {
  const { heard } = window as unknown as { heard: Heard };
  const video = document.querySelector<HTMLVideoElement>(`figure[data-variant="${variant}"] video`);
  if (!video) throw new Error(`no video ${variant}`);
  video.volume = 0.05;
  const context = new AudioContext({ latencyHint: 'interactive' });
  const worklet = `registerProcessor('onset', class extends AudioWorkletProcessor {
    quiet = 0;
    process([input]) {
      const samples = input[0] ?? [];
      for (let i = 0; i < samples.length; i += 1) {
        if (Math.abs(samples[i]) < 0.05) { this.quiet += 1; continue; }
        if (this.quiet > sampleRate / 5) this.port.postMessage(currentTime + i / sampleRate);
        this.quiet = 0;
      }
      return true;
    }
  })`;
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([worklet], { type: 'text/javascript' })));
  let listened: MediaStreamTrack | undefined;
  const listen = (): void => {
    const { srcObject } = video;
    const track = srcObject instanceof MediaStream ? srcObject.getAudioTracks()[0] : undefined;
    if (!track || track === listened) return;
    listened = track;
    const node = new AudioWorkletNode(context, 'onset');
    node.port.onmessage = ({ data }: MessageEvent<number>) => {
      const { contextTime = 0, performanceTime = 0 } = context.getOutputTimestamp();
      heard.beeps.push(performanceTime + 1000 * (data - contextTime));
    };
    context.createMediaStreamSource(new MediaStream([track])).connect(node);
  };
  listen();
  setInterval(listen, 200);
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 4;
  const drawing = canvas.getContext('2d', { willReadFrequently: true });
  const look: VideoFrameRequestCallback = (_now, { expectedDisplayTime, rtpTimestamp, mediaTime }) => {
    video.requestVideoFrameCallback(look);
    const frame = new VideoFrame(video);
    drawing?.drawImage(frame, frame.displayWidth / 2 - 30, frame.displayHeight / 2 - 20, 60, 40, 0, 0, 4, 4);
    const { timestamp } = frame;
    frame.close();
    const data = drawing?.getImageData(0, 0, 4, 4).data ?? [];
    if ([0, 20, 40, 60].every((at) => (data[at] ?? 0) > 215)) heard.lit.add(timestamp);
    const time = Math.round(mediaTime * 1e6);
    if (rtpTimestamp !== undefined) heard.pictures.push({ at: expectedDisplayTime, rtp: rtpTimestamp, time });
  };
  video.requestVideoFrameCallback(look);
}
