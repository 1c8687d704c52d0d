/** Our side of a connection as an offer says it, before the peer is known. An adapter of werift. */
import { randomBytes, randomUUID } from 'node:crypto';
import { type RTCDtlsFingerprint, RTCDtlsTransport } from 'werift';
import { type Credentials, newCredentials } from './ice/agent.ts';

/** Numbers and name of our RTP streams. */
export interface StreamNames {
  /** Media, and what is sent again. */
  readonly ssrc: number;
  readonly rtxSsrc: number;
  readonly soundSsrc: number;
  /** Canonical name of our RTP streams. */
  readonly cname: string;
}

/** What an offer of ours says. */
export interface Identity extends StreamNames {
  readonly ice: Credentials;
  readonly certificate: Certificate;
  /** `sha-256 AB:CD…` */
  readonly fingerprint: string;
}

/** A certificate of DTLS, with its key. */
export type Certificate = Awaited<ReturnType<typeof RTCDtlsTransport.SetupCertificate>>;

/** A new identity, for one offer. */
export async function newIdentity(): Promise<Identity> {
  const certificate = await newCertificate();
  const fingerprint = writtenFingerprints(certificate.getFingerprints());
  return { ice: newCredentials(), certificate, fingerprint, ...newStreams() };
}

/** The certificate of a connection. */
export function newCertificate(): Promise<Certificate> {
  return RTCDtlsTransport.SetupCertificate();
}

/** New numbers and a new name. */
export function newStreams(): StreamNames {
  return { ssrc: newSsrc(), rtxSsrc: newSsrc(), soundSsrc: newSsrc(), cname: randomUUID() };
}

/** The values of `a=fingerprint:` lines, the later ones with their names before them. */
export function writtenFingerprints(fingerprints: readonly RTCDtlsFingerprint[]): string {
  return fingerprints.map(({ algorithm, value }) => `${algorithm} ${value}`).join('\r\na=fingerprint:');
}

function newSsrc(): number {
  return randomBytes(4).readUInt32BE(0);
}
