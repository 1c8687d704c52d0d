/** SDP fragments of trickle ICE (RFC 8840). Pure. */
import { FrameliftError } from '../errors.ts';
import { SdpAttributes } from '../media/sdp.ts';
import { isUsable } from './remote-transport.ts';

/** Media type of fragments. */
export const FRAGMENT = 'application/trickle-ice-sdpfrag';

const MAX_LINES = 500;

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
    lines.length > MAX_LINES ||
    !lines.every((line) => /^[a-z]=[\x20-\x7e]{1,1000}$/.test(line))
  ) {
    throw new FrameliftError('webrtc.bad-offer', 'the body is not an SDP fragment', {
      remedy: 'Send lines as RFC 8840 has them: a=ice-ufrag, a=mid, a=candidate.',
    });
  }
  const attributes = new SdpAttributes();
  for (const line of lines) if (line.startsWith('a=')) attributes.add(line.slice(2));
  return { ufrag: attributes.first('ice-ufrag'), candidates: attributes.all('candidate').filter(isUsable) };
}
