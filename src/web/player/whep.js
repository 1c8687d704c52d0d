/** Playing: what a WHEP player asks for. */
import { Session } from '../connection/session.js';
import { stereo, unlinked } from './sound.js';

/** @typedef {import('../../egress/provenance.ts').ProvenanceRecord} ProvenanceRecord */

/**
 * A session that plays. Frames are shown as soon as they are decoded: the server already paces.
 * Returns it, and what tells the server what is seen.
 * @param {object} options
 * @param {string} options.url the WHEP endpoint of one variant of one stream
 * @param {() => Record<string, string>} options.headers credentials
 * @param {(track: MediaStreamTrack, receiver: RTCRtpReceiver) => void} options.onTrack
 * @param {() => (record: ProvenanceRecord) => void} options.onRecords called for each connection:
 *   returns who takes its provenance records (docs/provenance.md)
 * @param {(state: import('../connection/session.js').SessionState, detail: string) => void} options.onState
 */
export function createPlayer({ url, headers, onTrack, onRecords, onState }) {
  /** @param {RTCPeerConnection} peer */
  const prepare = (peer) => {
    const onRecord = onRecords();
    const { receiver } = peer.addTransceiver('video', { direction: 'recvonly' });
    if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 0;
    if ('playoutDelayHint' in receiver) receiver.playoutDelayHint = 0;
    peer.addTransceiver('audio', { direction: 'recvonly' });
    peer.ontrack = ({ track, receiver: source }) => onTrack(track, source);
    peer.createDataChannel('provenance').onmessage = ({ data }) => onRecord(JSON.parse(data));
    viewing = peer.createDataChannel('viewing');
  };
  /** @type {RTCDataChannel | undefined} */
  let viewing;
  const session = new Session({ url, headers, prepare, onState, offered: stereo, answered: unlinked });
  /** Tells the server what is seen (docs/monitoring.md). @param {import('./viewing.js').Viewing} seen */
  const tell = (seen) => {
    if (viewing?.readyState === 'open') viewing.send(JSON.stringify(seen));
  };
  return { session, tell };
}

/**
 * What is read of `RTCPeerConnection.getStats()`: of candidate-pair and inbound-rtp.
 * @typedef {Partial<RTCIceCandidatePairStats & RTCInboundRtpStreamStats>} Entry
 */

/**
 * What a connection measures of itself; each undefined while unknown, or where a browser does not
 * count it.
 * @param {Session} session
 * @returns {Promise<import('./stall.js').Received & import('./viewing.js').Frozen & { roundTripMs: number | undefined }>}
 */
export async function readConnection(session) {
  /** @type {Entry[]} */
  const entries = [...((await session.stats())?.values() ?? [])];
  const pair = entries.find(({ type, nominated }) => type === 'candidate-pair' && nominated);
  const video = entries.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video');
  const { currentRoundTripTime: seconds } = pair ?? {};
  return {
    roundTripMs: seconds && 1000 * seconds,
    packets: video?.packetsReceived,
    frames: video?.framesDecoded,
    freezes: video?.freezeCount,
    frozenSeconds: video?.totalFreezesDuration,
  };
}
