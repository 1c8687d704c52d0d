/**
 * The log of signalling: who offered what, which codec was chosen and why, what was answered, or
 * why the peer was refused.
 */
import type { FrameliftError } from '../errors.ts';
import type { Log } from '../log.ts';
import { redactSdp } from '../media/sdp.ts';

/** Which session a line is about. */
export interface NegotiationFields {
  readonly protocol: string;
  readonly stream: string;
  readonly variant?: string | undefined;
}

/** What is logged of a peer that was let in. */
interface Admitted {
  readonly answer: string;
  readonly iceUfrag: string;
  readonly ended: Promise<string>;
}

/** Writes an offer, whole, at debug. */
export function logOffer(log: Log, fields: NegotiationFields, offer: string): void {
  if (log.enabled('debug')) log.debug({ ...fields, sdp: redactSdp(offer) }, 'SDP offer');
}

/**
 * Writes at debug what came of an offer, and the end of its session.
 * @param codecs of the offer, with the reason why each was chosen or not.
 */
export function logAdmission(
  log: Log,
  fields: NegotiationFields,
  { answer, iceUfrag: peer, ended }: Admitted,
  codecs: () => readonly string[],
): void {
  if (!log.enabled('debug')) return;
  log.debug({ ...fields, peer, codecs: codecs() }, 'codec chosen');
  log.debug({ ...fields, peer, sdp: redactSdp(answer) }, 'SDP answer');
  void ended.then((reason) => log.debug({ ...fields, peer, reason }, 'session ended'));
}

/**
 * Writes why a request was refused. What every player meets while a stream waits for its source is
 * no fault.
 */
export function logRefusal(log: Log, fields: NegotiationFields & { method?: string }, error: FrameliftError): void {
  const { code, message: reason, remedy, cause } = error;
  const line = { ...fields, code, reason, remedy, ...(cause === undefined ? {} : { err: cause }) };
  if (code === 'webrtc.no-source') log.debug(line, 'request refused');
  else if (code === 'webrtc.no-stream' || code === 'webrtc.no-session') log.info(line, 'request refused');
  else log.warn(line, 'request refused');
}
