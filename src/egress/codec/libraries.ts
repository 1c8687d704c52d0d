/** How FFmpeg's encoders are used for live output: what each is told beside size and rate. */
import {
  AV_HWDEVICE_TYPE_VAAPI,
  FF_ENCODER_H264_NVENC,
  FF_ENCODER_H264_QSV,
  FF_ENCODER_H264_VAAPI,
  FF_ENCODER_H264_VIDEOTOOLBOX,
  FF_ENCODER_LIBVPX_VP8,
  FF_ENCODER_LIBX264,
} from 'node-av';
import type { EncoderName } from './encoder-name.ts';
import type { Library } from './session.ts';

/** H.264, constrained baseline. */
const X264: Library = {
  encoder: FF_ENCODER_LIBX264,
  minSide: 16,
  userData: 'taken',
  pixels: 'yuv420p',
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
  pixels: 'yuv420p',
  counts: 'time',
  fixedRate: true,
  prepare: (context) => {
    // Equal bounds are libvpx's constant bitrate.
    context.rcMinRate = context.bitRate;
    [context.qMin, context.qMax] = [2, 60];
  },
  settings: () => ({
    deadline: 'realtime',
    // Less time than -8, and far better pictures than -16 (docs/decisions/delivery.md).
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

/** NVIDIA's. Smaller frames than these its hardware refuses. */
const NVENC: Library = {
  encoder: FF_ENCODER_H264_NVENC,
  minSide: 146,
  pixels: 'yuv420p',
  userData: 'inserted',
  counts: 'frames',
  settings: () => ({
    ...{ preset: 'p2', tune: 'ull', profile: 'baseline', rc: 'cbr' },
    ...{ zerolatency: '1', delay: '0', 'rc-lookahead': '0', 'forced-idr': '1' },
  }),
};

/** Linux's interface to the encoders of Intel and AMD. */
const VAAPI: Library = {
  encoder: FF_ENCODER_H264_VAAPI,
  minSide: 32,
  pixels: 'nv12',
  userData: 'inserted',
  device: AV_HWDEVICE_TYPE_VAAPI,
  counts: 'frames',
  fixedRate: true,
  settings: () => ({ rc_mode: 'CBR', profile: 'constrained_baseline', async_depth: '1' }),
};

/** Intel's own. */
const QSV: Library = {
  encoder: FF_ENCODER_H264_QSV,
  minSide: 32,
  pixels: 'nv12',
  userData: 'inserted',
  counts: 'frames',
  fixedRate: true,
  settings: () => ({
    ...{ preset: 'veryfast', profile: 'baseline', look_ahead: '0' },
    ...{ async_depth: '1', forced_idr: '1' },
  }),
};

/** Apple's. */
const VIDEOTOOLBOX: Library = {
  encoder: FF_ENCODER_H264_VIDEOTOOLBOX,
  minSide: 32,
  pixels: 'nv12',
  userData: 'inserted',
  counts: 'frames',
  fixedRate: true,
  settings: () => ({ realtime: '1', prio_speed: '1', allow_sw: '0', profile: 'constrained_baseline' }),
};

/** The encoder of a name. */
export const LIBRARIES: Readonly<Record<EncoderName, Library>> = {
  ...{ x264: X264, libvpx: LIBVPX },
  ...{ nvenc: NVENC, vaapi: VAAPI, qsv: QSV, videotoolbox: VIDEOTOOLBOX },
};
