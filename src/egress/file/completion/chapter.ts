/** A chapter of a file. */
import type { Micros } from '../../../time.ts';

/** One chapter as it is written, in whole microseconds from the beginning of the file. */
export interface WrittenChapter {
  readonly start: Micros;
  readonly end: Micros;
  /** Empty without one. */
  readonly title: string;
  /** ISO 639-2, `und` for none. */
  readonly language: string;
}
