/** SDP fragments of trickle ICE (RFC 8840). Pure. */
import { FrameliftError } from '../errors.ts';
import { isUsable } from './sdp.ts';

/** Media type of fragments. */
export const FRAGMENT = 'application/trickle-ice-sdpfrag';

const MOST_LINES = 500;

/** What a fragment says. */
export interface Fragment {
  /** ICE user name of the peer; undefined when it is not named. */
  readonly ufrag: string | undefined;
  /** Values of `a=candidate:` lines that can be used: literal UDP addresses. */
  readonly candidates: readonly string[];
}

/** Reads a fragment. @throws FrameliftError `webrtc.bad-offer` when it is none. */
export function readFragment(body: string): Fragment {
  const lines = body.split(/\r\n|\n|\r/).filter((line) => line !== '');
  if (
    lines.length === 0 ||
    lines.length > MOST_LINES ||
    !lines.every((line) => /^[a-z]=[\x20-\x7e]{1,1000}$/.test(line))
  ) {
    throw new FrameliftError('webrtc.bad-offer', 'the body is not an SDP fragment', {
      remedy: 'Send lines as RFC 8840 has them: a=ice-ufrag, a=mid, a=candidate.',
    });
  }
  const values = (name: string): string[] =>
    lines.filter((line) => line.startsWith(`a=${name}:`)).map((line) => line.slice(name.length + 3));
  return { ufrag: values('ice-ufrag')[0], candidates: values('candidate').filter(isUsable) };
}
