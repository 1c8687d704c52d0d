/** What a contender is while it fills the gaps of one item. */
import type { Frame } from '../media/frame.ts';
import type { Gap } from './gaps.ts';

/** The frames that fill one gap, one for each of its timesteps. Whoever takes them owns them. */
export interface Filled {
  /** {@link Gap.index}. */
  readonly gap: number;
  readonly frames: readonly Frame[];
  /** Milliseconds for each interpolated frame. */
  readonly ms: number;
}

/** A contender at work on one item. Gaps are pushed in order; some answer later than they are asked. */
export interface ContenderRun extends Disposable {
  push(gap: Gap): Promise<Filled[]>;
  /** What is still to come after the last gap. */
  finish(): Promise<Filled[]>;
}
