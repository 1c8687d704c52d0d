/** Playing: what a WHEP player asks for. */
import { Session } from '../session.js';

/** @typedef {import('../../egress/provenance.ts').ProvenanceRecord} ProvenanceRecord */

/**
 * A session that plays. Frames are shown as soon as they are decoded: the server already paces.
 * @param {object} options
 * @param {string} options.url the WHEP endpoint of one variant of one stream
 * @param {() => Record<string, string>} options.headers credentials
 * @param {(track: MediaStreamTrack, receiver: RTCRtpReceiver) => void} options.onTrack
 * @param {() => (record: ProvenanceRecord) => void} options.onRecords called for each connection:
 *   returns who takes its provenance records (docs/provenance.md)
 * @param {(state: import('../session.js').SessionState, detail: string) => void} options.onState
 */
export function createPlayer({ url, headers, onTrack, onRecords, onState }) {
  /** @param {RTCPeerConnection} peer */
  const prepare = (peer) => {
    const onRecord = onRecords();
    const { receiver } = peer.addTransceiver('video', { direction: 'recvonly' });
    if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 0;
    if ('playoutDelayHint' in receiver) receiver.playoutDelayHint = 0;
    peer.ontrack = ({ track }) => onTrack(track, receiver);
    peer.createDataChannel('provenance').onmessage = ({ data }) => onRecord(JSON.parse(data));
  };
  return new Session({ url, headers, prepare, onState });
}

/**
 * Milliseconds to the server and back; undefined while unknown.
 * @param {Session} session
 */
export async function roundTripMs(session) {
  /** @type {Iterable<RTCIceCandidatePairStats>} */
  const entries = (await session.stats())?.values() ?? [];
  for (const { type, nominated, currentRoundTripTime } of entries) {
    if (type === 'candidate-pair' && nominated) return currentRoundTripTime && 1000 * currentRoundTripTime;
  }
  return undefined;
}
