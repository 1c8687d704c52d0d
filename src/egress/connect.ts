/** Letting a player in: its offer in, an answer and a viewer out. */
import { asFrameliftError } from '../errors.ts';
import { type Clock, ZERO } from '../time.ts';
import { type CandidateSink, openTransport } from '../webrtc/transport.ts';
import { readOffer, writeAnswer } from './offer.ts';
import { PeerViewer } from './peer.ts';
import type { PeerSettings, ViewerEvents } from './viewer.ts';

/** Makes a connection for a player's offer. @param trickle takes our candidates, which the answer then lacks. @throws FrameliftError `webrtc.bad-offer`, `webrtc.unacceptable`, `server.failed`. */
export async function connectPeer(
  offer: string,
  settings: PeerSettings,
  clock: Clock,
  events: ViewerEvents,
  trickle?: CandidateSink,
): Promise<PeerViewer> {
  const video = readOffer(offer);
  try {
    const transport = await openTransport(video.remote, settings, clock, trickle);
    const { ssrc, rtxSsrc } = transport.transceiver.sender;
    const answer = writeAnswer(video, { ...transport.local, ssrc, rtxSsrc, cname: transport.pc.cname });
    const maxPlayoutDelay = settings.maxPlayoutDelay ?? ZERO;
    return new PeerViewer({ transport, video, answer, clock, events, maxPlayoutDelay });
  } catch (thrown) {
    throw asFrameliftError(thrown, 'webrtc.bad-offer', false);
  }
}
