/// <reference lib="dom" />
import { describe, expect, it } from 'vitest';
import { overlayOf } from '../../../../src/web/player/overlay.js';

type Known = Parameters<typeof overlayOf>[0];
type Source = NonNullable<Known['stream']>;

const PLAYS: Source = { state: 'full', phase: 'live' };
const WAITS: Source = {
  state: 'waiting',
  phase: 'connecting',
  reason: 'no frame for 12 s',
  error: 'the camera is off',
};
const DOOR: Source = { state: 'waiting', phase: 'connecting', reason: 'no frame for 12 s', whip: '/whip/door' };

const told = (known: Partial<Known>) =>
  overlayOf({
    ...{ session: 'connected', detail: '', stream: PLAYS, server: 'reachable', silent: false },
    ...known,
  });

describe('over the video', () => {
  it('is nothing while it plays, also while the state of the server is not known', () => {
    expect(told({})).toBeUndefined();
    expect(told({ server: 'unreachable' })).toBeUndefined();
    // In a reachable server silence is a matter of the source.
    expect(told({ silent: true })).toBeUndefined();
  });

  it('is that the connection is lost, once nothing arrives and the server is gone', () => {
    expect(told({ server: 'unreachable', silent: true })?.headline).toBe('Connection lost, retrying');
  });

  it.each(['connecting', 'connected', 'no-source', 'lost', 'unknown'] as const)(
    'is what the source waits for, whatever the session says of it: %s',
    (session) => {
      const detail = 'what the session says';
      expect(told({ session, detail, stream: WAITS })).toEqual({
        headline: 'Waiting for source',
        detail: 'the camera is off',
      });
      expect(told({ session, detail, stream: DOOR })?.headline).toBe('Waiting for a publisher');
      expect(told({ session, detail, stream: DOOR })?.detail).not.toContain('no frame');
    },
  );

  it.each([
    ['busy', 'The server is busy'],
    ['refused', 'The server refused this player'],
    ['locked', 'Token required'],
    ['no-path', 'No way through for video'],
  ] as const)("is the server's own reason where it has one: %s", (session, headline) => {
    for (const stream of [PLAYS, WAITS]) {
      expect(told({ session, detail: 'its reason', stream })).toEqual({ headline, detail: 'its reason' });
    }
  });

  it('is "Connecting" only until the server has answered or failed to', () => {
    expect(told({ session: undefined, server: 'asking' })?.headline).toBe('Connecting');
    expect(told({ session: undefined, server: 'unreachable' })?.headline).toBe('Server unreachable');
  });
});
