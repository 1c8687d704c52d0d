/** Where a stream stands. */

/**
 * State of a stream, as shown on the page and in metrics. `asleep`: nobody watches, and its source is not
 * read until somebody does.
 */
export type StreamState = 'waiting' | 'full' | 'degraded' | 'pass-through' | 'asleep';
