/** Why something a peer sent changed nothing. Bounded: it becomes a label. */
export type Refusal =
  /** Not a DTLS record, or of another version or an unknown kind. */
  | 'record'
  /** An alert or data in the clear, or anything in the clear once there are keys. */
  | 'plaintext'
  /** Under keys that there are not, or not yet. */
  | 'epoch'
  /** Under the keys, but not by the peer. */
  | 'decrypt'
  /** Seen before. */
  | 'replay'
  /** A handshake message out of turn, a second handshake among them. */
  | 'unexpected'
  /** A handshake message that is not as it should be. */
  | 'malformed'
  /** A handshake message, or all that are in the making, longer than any real one. */
  | 'too-long'
  /** More than a handshake needs. */
  | 'rate'
  /** Nothing in common: cipher suite, curve, signature or SRTP profile. */
  | 'negotiation'
  /** No usable certificate, or not the one that the description names. */
  | 'certificate'
  /** Not signed by the certificate's key. */
  | 'signature'
  /** A key exchange with a point that gives no secret. */
  | 'key-exchange'
  /** The peers do not agree on what they said. */
  | 'finished'
  /** A media packet that is not the peer's. */
  | 'srtp'
  /** A media packet seen before. */
  | 'srtp-replay'
  /** Something here failed on it. */
  | 'fault';
