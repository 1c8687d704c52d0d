/** Codecs that players are sent, and the encoders that make them. */

/** What players are sent. */
export type SentCodec = 'h264' | 'vp8';

/** Encoders of H.264 that a person may ask for: `x264` works on any processor, the others on hardware of their own. */
export const ENCODER_CHOICES = ['x264', 'nvenc', 'vaapi', 'qsv', 'videotoolbox'] as const;
/** One of {@link ENCODER_CHOICES}. */
export type EncoderChoice = (typeof ENCODER_CHOICES)[number];
/** One that needs hardware. */
export type HardwareEncoder = Exclude<EncoderChoice, 'x264'>;

/** An encoder of live output. */
export type EncoderName = EncoderChoice | 'libvpx';

/** Whether it needs hardware, which may be gone or taken when it is opened. */
export function needsHardware(encoder: EncoderName): encoder is HardwareEncoder {
  return encoder !== 'x264' && encoder !== 'libvpx';
}
