/** Refusals that the log tells of: somebody may be trying something, or has forgotten a token. */

const MESSAGES: Readonly<Record<number, string>> = {
  401: 'refused: no token, or a wrong one',
  403: 'refused: from a page of another site, or by another name',
};

/** Characters of a path that are logged. */
const MOST_LOGGED = 200;

/** What is told of a request. Its headers and query, which may hold a token, are not. */
export interface RefusedRequest {
  readonly status: number;
  readonly method: string | undefined;
  /** The query is left out. */
  readonly url: string | undefined;
  /** Address of the client. */
  readonly from: string | undefined;
}

/** Writes a line for a request that was refused with 401 or 403; nothing for others. */
import type { Log } from '../log.ts';
export function noteRefusal(log: Log, { status, method, url = '', from }: RefusedRequest): void {
  const message = MESSAGES[status];
  if (message === undefined) return;
  const path = (url.split('?', 1)[0] ?? '').slice(0, MOST_LOGGED);
  log.warn({ status, method, path, from }, message);
}
