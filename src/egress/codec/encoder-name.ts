/** Codecs that players are sent, and the encoders that make them. */

/** What players are sent, the best first. */
export const SENT_CODECS = ['h264', 'vp8'] as const;
/** One of {@link SENT_CODECS}. */
export type SentCodec = (typeof SENT_CODECS)[number];

/** An encoder of live output. */
export type EncoderName = 'x264' | 'libvpx';
