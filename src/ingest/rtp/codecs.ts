/** From RTP payloads to access units, whatever the codec. RTSP and WHIP share it. Pure. */
import type { VideoCodec } from '../../media/access-unit.ts';
import { Av1Depacketizer } from './av1.ts';
import type { Depacketizer, RtpAccessUnit } from './depacketizer.ts';
import { NalDepacketizer } from './h26x.ts';
import { H264, H265 } from './nal-syntax.ts';
import { FrameDepacketizer, readVp8, readVp9 } from './vpx.ts';

/** The depacketizer for `codec`; each finished unit goes to `complete`, during `push`. */
export function createDepacketizer(codec: VideoCodec, complete: (unit: RtpAccessUnit) => void): Depacketizer {
  switch (codec) {
    case 'h264':
      return new NalDepacketizer(H264, complete);
    case 'hevc':
      return new NalDepacketizer(H265, complete);
    case 'vp8':
      return new FrameDepacketizer(readVp8, complete);
    case 'vp9':
      return new FrameDepacketizer(readVp9, complete);
    case 'av1':
      return new Av1Depacketizer(complete);
  }
}
