/**
 * What containers are told of the streams that a publication sends, whose packets are copied as they are.
 * An adapter of node-av.
 */
import {
  AV_CHANNEL_LAYOUT_MONO,
  AV_CHANNEL_LAYOUT_STEREO,
  AV_CODEC_ID_H264,
  AV_CODEC_ID_OPUS,
  AV_CODEC_ID_PCM_ALAW,
  AV_CODEC_ID_PCM_MULAW,
  AVMEDIA_TYPE_AUDIO,
  AVMEDIA_TYPE_VIDEO,
  type Stream,
} from 'node-av';
import { SOUND_CLOCK, type SoundCodec } from '../../media/sound.ts';
import type { ParameterSets } from './parameter-sets.ts';

const SOUND_IDS = { opus: AV_CODEC_ID_OPUS, pcmu: AV_CODEC_ID_PCM_MULAW, pcma: AV_CODEC_ID_PCM_ALAW } as const;
/** RFC 7845, section 5.1: version 1, two channels, nothing to skip, 48 kHz, no gain. */
const OPUS_HEAD = Buffer.from('4f707573486561640102000080bb0000000000', 'hex');

/** H.264, by the parameter sets of its first keyframe. */
export function describeVideo({ codecpar }: Stream, { annexB, size }: Pick<ParameterSets, 'annexB' | 'size'>): void {
  codecpar.codecType = AVMEDIA_TYPE_VIDEO;
  codecpar.codecId = AV_CODEC_ID_H264;
  codecpar.extradata = annexB;
  codecpar.width = size.width;
  codecpar.height = size.height;
}

/** Sound as viewers are sent it: Opus has two channels, G.711 one. */
export function describeSound({ codecpar }: Stream, codec: SoundCodec): void {
  codecpar.codecType = AVMEDIA_TYPE_AUDIO;
  codecpar.codecId = SOUND_IDS[codec];
  codecpar.sampleRate = SOUND_CLOCK[codec];
  codecpar.channelLayout = codec === 'opus' ? AV_CHANNEL_LAYOUT_STEREO : AV_CHANNEL_LAYOUT_MONO;
  if (codec === 'opus') codecpar.extradata = OPUS_HEAD;
  else codecpar.bitsPerCodedSample = 8;
}
