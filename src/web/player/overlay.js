/** What lies over a video that is not to be seen, in words. Pure. */
import { describeWaiting } from '../format.js';

/** @typedef {import('../connection/session.js').SessionState} SessionState */
/** @typedef {import('../connection/state-feed.js').StreamReport} StreamReport */
/** @typedef {{ headline: string, detail: string }} Overlay */
/** What is read of a stream. @typedef {Pick<StreamReport, 'state' | 'whip' | 'phase' | 'error' | 'reason'>} Source */

/** Why there is no video. @type {Readonly<Partial<Record<SessionState, string>>>} */
const HEADLINES = {
  connecting: 'Connecting',
  'no-source': 'Waiting for source',
  busy: 'The server is busy',
  unknown: 'No such stream',
  locked: 'Token required',
  refused: 'The server refused this player',
  'no-path': 'No way through for video',
  lost: 'Connection lost, retrying',
};

/**
 * @param {object} known
 * @param {SessionState | undefined} known.session undefined while nothing is to be played
 * @param {string} known.detail what the session says of it
 * @param {Source | undefined} known.stream undefined while it is not known
 * @param {'asking' | 'reachable' | 'unreachable'} known.server
 * @param {boolean} known.silent whether nothing arrives any more
 * @returns {Overlay | undefined} undefined when the video is to be seen
 */
export function overlayOf({ session, detail, stream, server, silent }) {
  if (session === undefined) {
    if (server !== 'unreachable') return { headline: 'Connecting', detail: '' };
    return { headline: 'Server unreachable', detail: 'Retrying every second.' };
  }
  const ends = ['refused', 'locked', 'busy', 'no-path'].includes(session);
  if (stream?.state === 'waiting' && !ends) return describeWaiting(stream);
  if (stream?.state === 'asleep' && !ends) {
    return { headline: 'Starting the source', detail: 'It is read only while somebody watches.' };
  }
  if (session === 'connected') {
    return server === 'unreachable' && silent ? { headline: 'Connection lost, retrying', detail: '' } : undefined;
  }
  return { headline: HEADLINES[session] ?? '', detail };
}
