/// <reference lib="dom" />
/** A WHEP player in Chromium that joins each presented picture with its provenance record, as docs/provenance.md describes. */
import type { Page } from 'playwright-core';
import type { ProvenanceRecord } from '../../src/egress/provenance.ts';
import { type Barcode, readBarcode } from './camera.ts';

/** One presented picture. */
export interface PresentedPicture {
  readonly rtp: number;
  /** What the server says of it. */
  readonly record: ProvenanceRecord | undefined;
  /** What its barcode says; undefined where the picture is a mix of two. */
  readonly barcode: Barcode | undefined;
  /** Luma of a piece of the camera's background, at full resolution: it moves with each frame. */
  readonly piece: Uint8Array;
}

/** What a player saw, and how many records it got in all. `late`: pictures that were gone before they could be read, and are not among those. */
export interface PresentedPictures {
  readonly late: number;
  readonly pictures: readonly PresentedPicture[];
  readonly records: number;
}

/** The camera's barcode, scaled to this for reading; and a piece of its ground between barcode and discs, for 640 × 360. */
const STRIP = { rows: 24, width: 240, height: 16 };
const PIECE = { x: 64, y: 28, width: 256, height: 12 };

/** Plays `url` (a WHEP endpoint of the page's origin) until `count` pictures have been read, `skipMs` after the first. Rejects after 60 s. */
export async function presentedPictures(
  page: Page,
  url: string,
  count: number,
  skipMs: number,
): Promise<PresentedPictures> {
  const seen = await page.evaluate(
    async ({ url, count, skipMs, strip, piece }) => {
      const peer = new RTCPeerConnection();
      peer.addTransceiver('video', { direction: 'recvonly' });
      const records = new Map<number, string>();
      let received = 0;
      peer.createDataChannel('provenance').onmessage = ({ data }) => {
        received += 1;
        const { rtp } = JSON.parse(data) as { rtp: number };
        records.set(rtp, data);
      };
      const video = document.createElement('video');
      Object.assign(video, { muted: true, playsInline: true, autoplay: true });
      document.body.append(video);
      peer.ontrack = ({ track }) => {
        video.srcObject = new MediaStream([track]);
        void video.play();
      };
      await peer.setLocalDescription();
      const body = peer.localDescription?.sdp ?? '';
      const response = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body });
      if (response.status !== 201) throw new Error(`WHEP refused: ${response.status} ${await response.text()}`);
      await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
      const canvas = document.createElement('canvas');
      canvas.width = Math.max(strip.width, piece.width);
      canvas.height = strip.height + piece.height;
      const context = canvas.getContext('2d', { willReadFrequently: true });
      if (!context) throw new Error('no canvas');
      const green = (width: number, height: number, y: number): string => {
        const { data } = context.getImageData(0, y, width, height);
        return String.fromCharCode(...Uint8Array.from({ length: width * height }, (_, i) => data[4 * i + 1] ?? 0));
      };
      const found: { rtp: number; strip: string; piece: string }[] = [];
      let late = 0;
      await new Promise<void>((resolve, reject) => {
        setTimeout(async () => {
          const stats = [...(await peer.getStats()).values()].filter(({ type }) => type === 'inbound-rtp');
          const playing = JSON.stringify({ paused: video.paused, ready: video.readyState, stats });
          reject(new Error(`${found.length} of ${count} pictures, ${late} late, ${received} records; ${playing}`));
        }, 60_000);
        let from = Number.POSITIVE_INFINITY;
        const look: VideoFrameRequestCallback = (now, { rtpTimestamp, mediaTime }) => {
          // First of all: the element's first picture may not be readable yet, and that throws.
          video.requestVideoFrameCallback(look);
          if (found.length >= count) return;
          from = Math.min(from, now + skipMs);
          // A callback that is late finds the next picture in the element already: that one has its own callback.
          const frame = new VideoFrame(video);
          const same = Math.abs(frame.timestamp - mediaTime * 1e6) < 2;
          if (!same) late += 1;
          if (now >= from && rtpTimestamp !== undefined && same) {
            context.drawImage(frame, 0, 0, frame.displayWidth, strip.rows, 0, 0, strip.width, strip.height);
            const { x, y, width, height } = piece;
            context.drawImage(frame, x, y, width, height, 0, strip.height, width, height);
            found.push({
              rtp: rtpTimestamp,
              strip: green(strip.width, strip.height, 0),
              piece: green(width, height, strip.height),
            });
          }
          frame.close();
          if (found.length >= count) resolve();
        };
        video.requestVideoFrameCallback(look);
      });
      // The last record may still be on its way.
      await new Promise((resolve) => setTimeout(resolve, 300));
      peer.close();
      return { received, late, pictures: found.map((picture) => ({ ...picture, record: records.get(picture.rtp) })) };
    },
    { url, count, skipMs, strip: STRIP, piece: PIECE },
  );
  return {
    records: seen.received,
    late: seen.late,
    pictures: seen.pictures.map(({ rtp, record, strip, piece }) => ({
      rtp,
      // The server's own JSON: what the test is about.
      record: record === undefined ? undefined : (JSON.parse(record) as ProvenanceRecord),
      barcode: readBarcode(Buffer.from(strip, 'latin1'), STRIP.width, STRIP.width),
      piece: Buffer.from(piece, 'latin1'),
    })),
  };
}
