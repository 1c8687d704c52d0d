/** Legal offers of one video with audio and data channels, in every order, policy and spelling of BUNDLE. */

/** A kind of section. */
type Kind = 'audio' | 'video' | 'application';
/** How its maker groups sections: RFC 8829's policies, and no group at all. */
type Policy = 'none' | 'balanced' | 'max-compat' | 'max-bundle';

/** One offer. */
export interface BundleOffer {
  readonly name: string;
  readonly sdp: string;
  /** Kinds in the order of the m= lines. */
  readonly order: readonly Kind[];
  readonly policy: Policy;
}

/** Which way its media go. */
type Direction = 'sendonly' | 'recvonly';

const FINGERPRINT = `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`;
/** Each has a video. */
export const ORDERS: readonly (readonly Kind[])[] = [
  ['video'],
  ...permutations(['audio', 'video']),
  ...permutations(['video', 'application']),
  ...permutations(['audio', 'video', 'application']),
];
const POLICIES: readonly Policy[] = ['none', 'balanced', 'max-compat', 'max-bundle'];

/**
 * All of them: orders × policies × with and without `a=bundle-only` × transport values in each
 * section or in the first alone.
 */
export function bundleOffers(direction: Direction): BundleOffer[] {
  const offers: BundleOffer[] = [];
  for (const order of ORDERS) {
    for (const policy of POLICIES) {
      for (const bundleOnly of policy === 'none' ? [false] : [true, false]) {
        for (const sparse of policy === 'none' ? [false] : [true, false]) {
          const name = `${order.join(' ')}, ${policy}${bundleOnly ? ', bundle-only' : ''}${sparse ? ', sparse' : ''}`;
          offers.push({ name, order, policy, sdp: compose(order, policy, bundleOnly, sparse, direction) });
        }
      }
    }
  }
  return offers;
}

/** @param sparse ICE, DTLS and rtcp-mux in the first section alone, as RFC 9143 has it. */
function compose(
  order: readonly Kind[],
  policy: Policy,
  bundleOnly: boolean,
  sparse: boolean,
  direction: Direction,
): string {
  const lines = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0'];
  if (policy !== 'none') lines.push(`a=group:BUNDLE ${order.map((_, index) => `m${index}`).join(' ')}`);
  order.forEach((kind, index) => {
    // Balanced: one transport for each kind of media; here there is one section of each.
    const only = bundleOnly && index > 0;
    const port = only ? 0 : 9;
    if (kind === 'application')
      lines.push(`m=application ${port} UDP/DTLS/SCTP webrtc-datachannel`, 'a=sctp-port:5000');
    else if (kind === 'audio') lines.push(`m=audio ${port} UDP/TLS/RTP/SAVPF 111 0`, 'a=rtpmap:111 opus/48000/2');
    else lines.push(`m=video ${port} UDP/TLS/RTP/SAVPF 97 98`, 'a=rtpmap:97 H264/90000', 'a=rtpmap:98 rtx/90000');
    lines.push('c=IN IP4 0.0.0.0', `a=mid:m${index}`);
    if (kind === 'video') lines.push('a=fmtp:97 packetization-mode=1;profile-level-id=42e01f', 'a=fmtp:98 apt=97');
    if (kind !== 'application') lines.push(`a=${direction}`);
    if (only) lines.push('a=bundle-only');
    if (sparse && index > 0) return;
    // As libwebrtc does, max-bundle has one transport, and without it each section is its own.
    const transport = policy === 'max-bundle' ? 0 : index;
    lines.push(`a=ice-ufrag:user${transport}`, `a=ice-pwd:${`passwordOf${transport}`.padEnd(24, '0')}`);
    lines.push(FINGERPRINT, 'a=setup:actpass');
    if (kind !== 'application' || sparse) lines.push('a=rtcp-mux');
  });
  return `${lines.join('\r\n')}\r\n`;
}

function permutations(kinds: readonly Kind[]): Kind[][] {
  if (kinds.length <= 1) return [[...kinds]];
  return kinds.flatMap((kind, at) => permutations(kinds.toSpliced(at, 1)).map((rest) => [kind, ...rest]));
}
