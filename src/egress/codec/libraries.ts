/** How FFmpeg's encoders are used for live output: what each is told beside size and rate. */
import { FF_ENCODER_LIBVPX_VP8, FF_ENCODER_LIBX264 } from 'node-av';
import type { EncoderName } from './encoder-name.ts';
import type { Library } from './session.ts';

/** H.264, constrained baseline. */
const X264: Library = {
  encoder: FF_ENCODER_LIBX264,
  minSide: 16,
  takesUserData: true,
  counts: 'frames',
  settings: ({ maxSlice }) => ({
    // The quickest preset with its loop filter put back: three quarters of the time of
    // `superfast` for 0.2 to 0.5 dB less (docs/measurements.md).
    preset: 'ultrafast',
    'x264-params': 'no-deblock=0:deblock=0,0',
    tune: 'zerolatency',
    profile: 'baseline',
    'forced-idr': '1',
    sc_threshold: '0',
    udu_sei: '1',
    ...(maxSlice === undefined ? {} : { 'slice-max-size': `${maxSlice}` }),
  }),
};

/**
 * VP8. Not error-resilient: lost packets are sent again, and where they are not, players ask for a keyframe; no
 * frame is ever left out of the middle of what a viewer is sent.
 */
const LIBVPX: Library = {
  encoder: FF_ENCODER_LIBVPX_VP8,
  minSide: 16,
  counts: 'time',
  prepare: (context) => {
    // Equal bounds are libvpx's constant bitrate.
    context.rcMinRate = context.bitRate;
    [context.qMin, context.qMax] = [2, 60];
  },
  settings: () => ({
    deadline: 'realtime',
    // Half the time of -8 (docs/decisions/delivery.md).
    'cpu-used': '-12',
    'lag-in-frames': '0',
    // A frame is never left out for the bitrate's sake.
    'drop-threshold': '0',
    'undershoot-pct': '100',
    'overshoot-pct': '15',
    'static-thresh': '1',
    // A keyframe takes no more than so much of a mean frame, in percent: it queues for less long.
    'max-intra-rate': '450',
  }),
};

/** The encoder of a name. */
export const LIBRARIES: Readonly<Record<EncoderName, Library>> = { x264: X264, libvpx: LIBVPX };
