/** Where a stream stands. */

/** State of a stream, as shown on the page and in metrics. */
export type StreamState = 'waiting' | 'full' | 'degraded' | 'pass-through';
