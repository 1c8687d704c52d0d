/** The Transport field of a SETUP (RFC 2326 section 12.39): which way a reader wants its packets. Pure. */

/** A way that packets can go. */
export type AskedTransport =
  | { readonly lower: 'tcp'; readonly channels: readonly [rtp: number, rtcp: number] }
  | { readonly lower: 'udp'; readonly ports: readonly [rtp: number, rtcp: number] };

const MAX_ALTERNATIVES = 8;
const MAX_PARAMETERS = 32;

/**
 * The first alternative that we can do; undefined when there is none. Where packets go is the reader's
 * own address whatever it writes: `destination` would let it point us at somebody else.
 * @param free the channels of interleaved packets that a reader gets who names none.
 */
export function chooseTransport(field: string, free: number): AskedTransport | undefined {
  for (const alternative of field.split(/[,\n]/, MAX_ALTERNATIVES)) {
    const asked = readTransport(alternative, free);
    if (asked) return asked;
  }
  return undefined;
}

function readTransport(text: string, free: number): AskedTransport | undefined {
  const [protocol = '', ...parts] = text.trim().split(';', MAX_PARAMETERS);
  const parameters = new Map(parts.map((part) => splitPart(part)));
  const mode = parameters.get('mode')?.replaceAll('"', '').toUpperCase() ?? 'PLAY';
  if (mode !== 'PLAY' || parameters.has('multicast')) return undefined;
  if (/^RTP\/AVP\/TCP$/i.test(protocol)) {
    const channels = parameters.has('interleaved') ? pairOf(parameters.get('interleaved'), 0, 255) : undefined;
    if (parameters.has('interleaved') && !channels) return undefined;
    return { lower: 'tcp', channels: channels ?? [free, free + 1] };
  }
  if (!/^RTP\/AVP(?:\/UDP)?$/i.test(protocol)) return undefined;
  // Below are services that must not get packets of ours.
  const ports = pairOf(parameters.get('client_port'), 1024, 65_535);
  return ports && { lower: 'udp', ports };
}

/** What we answer. @param server the UDP ports that packets come from. */
export function describeTransport(chosen: AskedTransport, ssrc: number, server: readonly [number, number]): string {
  const from = `ssrc=${ssrc.toString(16).padStart(8, '0').toUpperCase()};mode="PLAY"`;
  if (chosen.lower === 'tcp') return `RTP/AVP/TCP;unicast;interleaved=${chosen.channels.join('-')};${from}`;
  return `RTP/AVP;unicast;client_port=${chosen.ports.join('-')};server_port=${server.join('-')};${from}`;
}

function splitPart(part: string): [string, string] {
  const equals = part.indexOf('=');
  return equals < 0
    ? [part.trim().toLowerCase(), '']
    : [part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim()];
}

function pairOf(text: string | undefined, min: number, max: number): [number, number] | undefined {
  const [, first, second] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text ?? '') ?? [];
  const rtp = Number(first ?? Number.NaN);
  const rtcp = second === undefined ? rtp + 1 : Number(second);
  return rtp >= min && rtcp >= min && rtp <= max && rtcp <= max && rtp !== rtcp ? [rtp, rtcp] : undefined;
}
