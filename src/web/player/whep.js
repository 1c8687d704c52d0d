/** Watching: what a WHEP player asks for. */
import { Link } from '../session.js';

/**
 * A link that plays. Pictures are shown as soon as they are decoded: the server already paces.
 * @param {object} options
 * @param {string} options.url the WHEP endpoint of one variant of one stream
 * @param {() => Record<string, string>} options.headers
 * @param {(track: MediaStreamTrack, receiver: RTCRtpReceiver) => void} options.onTrack
 * @param {() => (record: object) => void} options.onRecords called for each connection: returns who takes its provenance records (docs/provenance.md)
 * @param {(state: import('../session.js').LinkState, detail: string) => void} options.onState
 */
export function watch({ url, headers, onTrack, onRecords, onState }) {
  const prepare = (peer) => {
    const take = onRecords();
    const { receiver } = peer.addTransceiver('video', { direction: 'recvonly' });
    if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 0;
    if ('playoutDelayHint' in receiver) receiver.playoutDelayHint = 0;
    peer.ontrack = ({ track }) => onTrack(track, receiver);
    peer.createDataChannel('provenance').onmessage = ({ data }) => take(JSON.parse(data));
  };
  return new Link({ url, headers, prepare, onState });
}

/** Seconds to the server and back; undefined while unknown. @param {Link} link */
export async function roundTrip(link) {
  const stats = await link.stats();
  for (const entry of stats?.values() ?? []) {
    if (entry.type === 'candidate-pair' && entry.nominated) return entry.currentRoundTripTime;
  }
  return undefined;
}
