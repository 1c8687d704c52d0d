/** What a metric is, and the labels that there are. */

/** What one metric is. */
export interface MetricDefinition {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** With the `framelift_` prefix and the unit as suffix. */
  readonly name: string;
  readonly help: string;
  readonly labels: readonly LabelName[];
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
}

/** The only labels there are. Never a viewer's id or address. */
export type LabelName = keyof typeof LABEL_LIMITS;

/** How many values a label may take; the next ones become `other`. */
export const LABEL_LIMITS = {
  stream: 64,
  variant: 2,
  rendition: 4,
  output: 64,
  stage: 7,
  fate: 4,
  reason: 40,
  cause: 5,
  decision: 5,
  state: 9,
  rung: 24,
  codec: 12,
  model: 16,
  provider: 8,
  percentile: 4,
  space: 4,
  version: 1,
  node: 1,
} as const;

/** Labels of what is told of a stream. */
export const STREAM = ['stream'] as const satisfies readonly LabelName[];
/** Labels of what is told of a variant of a stream. */
export const PUBLISHED = ['stream', 'variant'] as const satisfies readonly LabelName[];
