/** What becomes of two frames that follow each other. */

/** What may be shown between two frames. Everything but `interpolate` holds the earlier frame. */
export type PairDecision = 'interpolate' | 'cut' | 'flash' | 'duplicate' | 'discontinuity' | 'size-change';
