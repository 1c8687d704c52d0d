/**
 * What the WebRTC library is told of a peer: its transport, in SDP that names no media of the
 * peer's. Pure.
 */
import type { RemoteTransport } from './remote-transport.ts';

/**
 * The offer as werift sees it: a player's, whoever the peer is, so that neither its sender nor its
 * receiver does anything. It does not say that the candidates are complete: some may be trickled,
 * and others are names that only the peer knows.
 */
export function transportOffer({ ufrag, pwd, fingerprints, setup, candidates, data }: RemoteTransport): string {
  const transport = [
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${pwd}`,
    ...fingerprints.map((fingerprint) => `a=fingerprint:${fingerprint}`),
    `a=setup:${setup}`,
  ];
  const lines = [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    data ? 'a=group:BUNDLE 0 1' : 'a=group:BUNDLE 0',
    'm=video 9 UDP/TLS/RTP/SAVPF 96',
    'c=IN IP4 0.0.0.0',
    'a=mid:0',
    'a=recvonly',
    'a=rtcp-mux',
    'a=rtcp-rsize',
    ...transport,
    'a=rtpmap:96 VP8/90000',
    ...candidates.map((candidate) => `a=candidate:${candidate}`),
  ];
  if (data) {
    lines.push('m=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'c=IN IP4 0.0.0.0', 'a=mid:1', ...transport);
    lines.push(`a=sctp-port:${data.port}`, `a=max-message-size:${data.maxMessageSize}`);
  }
  return `${lines.join('\r\n')}\r\n`;
}
