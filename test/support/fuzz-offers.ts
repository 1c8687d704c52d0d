/** Offers of several makers, as they were sent. */
import { readFileSync } from 'node:fs';

/** Who sent it, and to which of our endpoints. */
export interface RealOffer {
  readonly protocol: 'whip' | 'whep';
  readonly sdp: string;
}

/** Of Chromium, FFmpeg's muxer, GStreamer's webrtcbin and aiortc. */
export const REAL_OFFERS: readonly RealOffer[] = [
  { protocol: 'whip', sdp: read('fixtures/offers/chromium-whip') },
  { protocol: 'whip', sdp: read('fixtures/offers/ffmpeg') },
  { protocol: 'whip', sdp: read('fixtures/offers/gstreamer') },
  { protocol: 'whip', sdp: read('fixtures/offers/aiortc') },
  { protocol: 'whep', sdp: read('fixtures/offers/chromium-whep') },
  { protocol: 'whep', sdp: read('fixtures/offers/gstreamer-player') },
  { protocol: 'whep', sdp: read('fixtures/offers/aiortc-player') },
];

function read(name: string): string {
  return readFileSync(new URL(`../${name}.sdp`, import.meta.url), 'utf8');
}
