/**
 * What one peer may make us hold or do, whatever `limits` of the configuration say: bounds on items
 * and on work, where a bound on bytes is not enough. None of them is near what a camera does.
 */

/** Bytes of one access unit: 8K intra frames stay below. Larger ones are damaged. */
export const MAX_UNIT_BYTES = 16 << 20;

/**
 * NAL units, or OBUs, of one access unit: an 8K intra frame of 4 MB in slices of 1200 bytes has
 * 3500. FFmpeg holds 4 KiB for each NAL unit however small it is, and never gives them back.
 * Access units with more of them are damaged.
 */
export const MAX_UNIT_PARTS = 4096;

/** Bytes of an SEI NAL unit that are read for its messages. */
export const MAX_SEI_BYTES = 16 << 10;

/** Bytes of access units that wait for a decoder. Beyond them the decoder is too slow. */
export const MAX_QUEUED_BYTES = 32 << 20;

/** Packets a second of one source: 200 Mbit/s in packets of 250 bytes. */
export const MAX_PACKETS_PER_SECOND = 100_000;

/** NAL units or OBUs a second of one source: 600 slices, the most of any level, at 160 frames. */
export const MAX_PARTS_PER_SECOND = 100_000;

/** Bytes of header block and body of an RTSP message, fields of a header block. */
export const MAX_RTSP_HEAD = 64 << 10;
export const MAX_RTSP_BODY = 1 << 20;
export const MAX_RTSP_FIELDS = 128;

/**
 * RTSP messages a second from a server. One that answers us and pings us sends one every few
 * seconds; endless interim answers or requests cost a core.
 */
export const MAX_RTSP_MESSAGES_PER_SECOND = 50;

/** Bytes that a server has asked for and not read. */
export const MAX_RTSP_UNREAD = 64 << 10;

/** Characters of WWW-Authenticate fields that are read, challenges, and parameters of each. */
export const MAX_CHALLENGE_LENGTH = 16 << 10;
export const MAX_CHALLENGES = 16;
export const MAX_CHALLENGE_PARAMETERS = 32;

/** Parameter sets that a session description may bring along: cameras have two to five. */
export const MAX_PARAMETER_SETS = 64;
export const MAX_PARAMETER_SET_BYTES = 64 << 10;

/** Characters of a peer's own words that an error repeats. */
const MAX_QUOTE = 100;

/** A peer's own words for an error message: one line, of bearable length. */
export function quoted(words: string): string {
  const line = words.slice(0, MAX_QUOTE + 1).replace(/[\p{Cc}\s]+/gu, ' ');
  return words.length > MAX_QUOTE ? `${line.slice(0, MAX_QUOTE)}…` : line;
}
