/** What the page adds to the browser, and what browsers have beyond TypeScript's library. */

import type { StreamReport, Variant } from './connection/state-feed.js';
import type { Latency } from './readings.js';

/** What the page tells of one of its videos. */
export interface ScreenStats {
  readonly connected: boolean;
  /** Made since the page was loaded. */
  readonly connections: number;
  /** Frames, since the page was loaded. */
  readonly presented: number;
  /** Frames presented within the last second. */
  readonly lastSecond: number;
  readonly fps: number;
  readonly width: number;
  readonly height: number;
  readonly origins: {
    /** The last 240 presented frames. */
    readonly counts: Record<'source' | 'interpolated' | 'extrapolated' | 'repeated' | 'unknown', number>;
    /** Records that came over this connection. */
    readonly records: number;
  };
}

/** What the page tells of itself. */
interface PageStats {
  readonly stream: string | undefined;
  readonly view: string;
  readonly state: string | undefined;
  /** How the server's state comes; undefined while it does not. */
  readonly transport: 'websocket' | 'polling' | undefined;
  /** Of the variants that are shown. */
  readonly latency: Partial<Record<Variant, Latency | undefined>>;
  readonly source: ScreenStats;
  readonly upconverted: ScreenStats;
  readonly server: StreamReport | undefined;
}

declare global {
  interface Window {
    /** For tests and the curious. */
    framelift: { stats(): PageStats };
  }

  /** Absolute capture time of RTP, in Chromium: ms since 1900. */
  interface RTCRtpSynchronizationSource {
    readonly captureTimestamp?: number;
  }
}
