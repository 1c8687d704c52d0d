/** What a publication asks of a viewer's connection, so that only the adapter knows WebRTC. */

/** Network settings of WebRTC connections. */
export interface PeerSettings {
  /** UDP ports to use, inclusive. Undefined = any. */
  readonly portRange?: readonly [number, number];
  /** Addresses to announce beside the machine's own, e.g. the public one behind NAT or Docker. */
  readonly advertisedHosts?: readonly string[];
  /** STUN/TURN servers. None by default: no request leaves the machine unasked. */
  readonly iceServers?: readonly { readonly urls: string; readonly username?: string; readonly credential?: string }[];
}
