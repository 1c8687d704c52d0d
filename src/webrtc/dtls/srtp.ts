/**
 * Media and reports of a peer, decrypted: each packet once (RFC 3711 section 3.3.2), and nothing
 * that somebody sends throws. werift, read at 0.25.2, takes a packet as often as it comes, and lets
 * errors of its parsers through.
 */
import { isMedia, isRtcp, type RTCDtlsTransport, RtcpPacketConverter, RtpPacket } from 'werift';
import type { Refusal } from './refusal.ts';
import { ReplayWindow } from './replay-window.ts';

/** Packets that may overtake one another: one that is asked for again comes late. */
const WINDOW = 1024;
/** Senders that are remembered. */
const MAX_SENDERS = 64;
/** Headers of RTP and RTCP. */
const MIN_BYTES = 12;
/** SRTCP: a bit that says encrypted, and 31 of the packet's number. */
const INDEX_BYTES = 4;
const INDEX_MASK = 0x7fffffff;
/** AES_CM_128_HMAC_SHA1_80 writes a tag behind the number, the other profile before it. */
const AES_CM = 1;
const TAG_BYTES = 10;

/** Replaces the way in of a transport's media; call it before DTLS starts. */
export function guardSrtp(transport: RTCDtlsTransport, { refused }: { refused(reason: Refusal): void }): void {
  transport.startSrtp = () => {
    if (transport.srtpStarted) return;
    transport.srtpStarted = true;
    transport.updateSrtpSession();
    const rtp = new SeenPackets();
    const rtcp = new SeenPackets();
    transport.iceTransport.connection.onData.subscribe((packet) => {
      if (!isMedia(packet)) return;
      transport.bytesReceived += packet.length;
      transport.packetsReceived += 1;
      const refusal = isRtcp(packet) ? takeRtcp(transport, packet, rtcp) : takeRtp(transport, packet, rtp);
      if (refusal) refused(refusal);
    });
  };
}

/** Where the counter would be with a packet: werift's own state must not move for a forged one. */
const ahead = { ssrc: 0, rolloverCounter: 0, lastSequenceNumber: 0, rolloverHasProcessed: false };

function takeRtp(transport: RTCDtlsTransport, packet: Buffer, seen: SeenPackets): Refusal | undefined {
  if (packet.length < MIN_BYTES) return 'srtp';
  const { remoteContext } = transport.srtp;
  const sender = packet.readUInt32BE(8);
  const sequence = packet.readUInt16BE(2);
  // Judged before it is decrypted: an old packet would move the rollover counter.
  const state = remoteContext.srtpSSRCStates[sender];
  ahead.rolloverCounter = state?.rolloverCounter ?? 0;
  ahead.lastSequenceNumber = state?.lastSequenceNumber ?? 0;
  ahead.rolloverHasProcessed = state?.rolloverHasProcessed ?? false;
  remoteContext.updateRolloverCount(sequence, ahead);
  const index = ahead.rolloverCounter * 0x10000 + sequence;
  if (seen.has(sender, index)) return 'srtp-replay';
  let read: RtpPacket;
  try {
    const plain = transport.srtp.decrypt(packet);
    const forgotten = seen.note(sender, index);
    if (forgotten !== undefined) delete remoteContext.srtpSSRCStates[forgotten];
    read = RtpPacket.deSerialize(plain);
  } catch {
    return 'srtp';
  }
  try {
    transport.onRtp.execute(read);
    return undefined;
  } catch {
    return 'fault';
  }
}

function takeRtcp(transport: RTCDtlsTransport, packet: Buffer, seen: SeenPackets): Refusal | undefined {
  const behind = transport.dtls?.srtp.srtpProfile === AES_CM ? TAG_BYTES : 0;
  if (packet.length < MIN_BYTES + behind) return 'srtp';
  const index = packet.readUInt32BE(packet.length - behind - INDEX_BYTES) & INDEX_MASK;
  const sender = packet.readUInt32BE(4);
  if (seen.has(sender, index)) return 'srtp-replay';
  let read: ReturnType<typeof RtcpPacketConverter.deSerialize>;
  try {
    const plain = transport.srtcp.decrypt(packet);
    seen.note(sender, index);
    read = RtcpPacketConverter.deSerialize(plain);
  } catch {
    return 'srtp';
  }
  try {
    for (const report of read) transport.onRtcp.execute(report);
    return undefined;
  } catch {
    return 'fault';
  }
}

/** The numbers that have come of each sender. */
class SeenPackets {
  readonly #windows = new Map<number, ReplayWindow>();

  /** True when a sender's packet of this number has come, or is too old to tell. */
  has(sender: number, number: number): boolean {
    return this.#windows.get(sender)?.has(number) ?? false;
  }

  /** A sender's packet has come and is genuine. Returns the sender that is forgotten for it. */
  note(sender: number, number: number): number | undefined {
    const known = this.#windows.get(sender);
    const window = known ?? new ReplayWindow(WINDOW);
    window.note(number);
    if (known) return undefined;
    const [oldest] = this.#windows.keys();
    const forgotten = this.#windows.size >= MAX_SENDERS ? oldest : undefined;
    if (forgotten !== undefined) this.#windows.delete(forgotten);
    this.#windows.set(sender, window);
    return forgotten;
  }
}
