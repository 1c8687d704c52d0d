/** The words of pushing: a stream that is handed on to another server. */
import type { Publication } from '../publication.ts';

/** What a push takes of a publication. */
export type PushSource = Pick<Publication, 'follow'> & {
  readonly sound: Pick<Publication['sound'], 'codec'>;
};

/** What a push tells. */
export interface PushReport {
  /** The other server takes the stream. Called once. */
  live(): void;
  /** So many bytes more have gone to it. */
  sent(bytes: number): void;
}

/** One way to hand a stream on. */
export interface Push {
  /** Where to, without credentials, for people. */
  readonly label: string;
  /**
   * Hands `source` on until `signal` aborts, or until what is sent has changed in a way that the
   * other server has to be told of anew: then it is to be run again at once.
   * @throws FrameliftError `output.*`, `ffmpeg.*`.
   */
  run(source: PushSource, report: PushReport, signal: AbortSignal): Promise<'stopped' | 'changed'>;
}
