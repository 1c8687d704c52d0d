/** What each container holds beside the pictures. Pure: the table, and what follows from it for a stream. */
import { MAX_MP4_CHAPTERS, MP4_COVERS } from '../completion/mp4.ts';
import { isTextForm, type TextForm } from './text-subtitles.ts';

/** A stream of the input beside its pictures. */
export interface CarriedTraits {
  readonly kind: 'audio' | 'subtitle' | 'attachment' | 'cover' | 'data' | 'video';
  /** FFmpeg's name, `aac`. */
  readonly codec: string;
  /** The four letters by which its container calls the codec. */
  readonly codecTag: string;
  readonly language?: string | undefined;
  /** Name of an attached file. */
  readonly filename?: string | undefined;
}

/** What a container holds. */
export interface Holding {
  /** FFmpeg's names of the sound that can be copied into it. */
  readonly audio: readonly string[];
  /** Streams of sound that players find in it. */
  readonly maxAudio: number;
  readonly subtitles: readonly string[];
  /** Forms of text subtitles that it takes; others become the first. */
  readonly texts: readonly TextForm[];
  /** Pictures beside the film: a poster. */
  readonly covers: readonly string[];
  /** Attached files: fonts. */
  readonly attachments: boolean;
  /** Four-letter names of data, as of the telemetry of an action camera. */
  readonly data: readonly string[];
  /** Most chapters. */
  readonly maxChapters: number;
  /** How the picture is to be turned. */
  readonly rotation: boolean;
  /** AAC keeps the header that it has before each packet in a transport stream. */
  readonly adts: boolean;
  /** Sound may begin before time zero: what its encoder put before it is skipped. */
  readonly early: boolean;
  /** Names of the tags of the whole file; `all` for any. */
  readonly tags: 'all' | readonly string[];
  /** Language of each stream. */
  readonly languages: boolean;
}

const PCM = 'pcm_u8 pcm_s16le pcm_s24le pcm_s32le pcm_f32le pcm_f64le pcm_alaw pcm_mulaw';
const PCM_BE = 'pcm_s16be pcm_s24be pcm_s32be';

/** Tags that mp4 and mov have a place for. */
const ITUNES =
  'title artist album_artist composer album date comment genre copyright grouping lyrics description synopsis show ' +
  'episode_id network keywords podcast compilation track disc tempo episode_sort season_number media_type hd_video ' +
  'gapless_playback location creation_time timecode encoding_tool';

/** What all containers are that hold nothing but moving pictures. */
const NOTHING: Holding = {
  audio: [],
  maxAudio: Number.POSITIVE_INFINITY,
  subtitles: [],
  texts: [],
  covers: [],
  attachments: false,
  data: [],
  maxChapters: 0,
  rotation: false,
  early: false,
  adts: false,
  tags: [],
  languages: false,
};

const MP4: Holding = {
  ...NOTHING,
  audio: words(
    `aac ac3 eac3 mp2 mp3 dts flac opus alac ${PCM.replace('pcm_u8 ', '').replace(' pcm_alaw pcm_mulaw', '')} ${PCM_BE}`,
  ),
  texts: ['mov_text'],
  covers: MP4_COVERS,
  data: ['gpmd'],
  maxChapters: MAX_MP4_CHAPTERS,
  rotation: true,
  early: true,
  tags: words(ITUNES),
  languages: true,
};

const MATROSKA: Holding = {
  ...NOTHING,
  audio: words(
    `aac ac3 eac3 mp2 mp3 dts truehd flac opus vorbis alac wavpack tta wmav2 adpcm_ms adpcm_ima_wav amr_nb ` +
      `${PCM} ${PCM_BE}`,
  ),
  subtitles: words('ass dvd_subtitle hdmv_pgs_subtitle dvb_subtitle'),
  texts: ['subrip', 'webvtt'],
  covers: ['mjpeg', 'png', 'gif', 'bmp', 'webp'],
  attachments: true,
  maxChapters: Number.POSITIVE_INFINITY,
  rotation: true,
  early: true,
  tags: 'all',
  languages: true,
};

const HOLDINGS: Readonly<Record<string, Holding>> = {
  '.mp4': MP4,
  '.m4v': { ...MP4, audio: ['aac', 'ac3', 'alac'] },
  '.mov': {
    ...MP4,
    audio: words(`aac ac3 eac3 mp2 mp3 dts alac amr_nb ${PCM} ${PCM_BE}`),
    covers: [],
  },
  '.mkv': MATROSKA,
  '.webm': {
    ...MATROSKA,
    audio: ['opus', 'vorbis'],
    subtitles: [],
    texts: ['webvtt'],
    covers: [],
    attachments: false,
  },
  '.avi': {
    ...NOTHING,
    audio: words(`aac ac3 eac3 mp2 mp3 dts flac vorbis adpcm_ms adpcm_ima_wav wmav2 ${PCM}`),
    tags: words('title artist copyright comment album genre track date language creation_time encoded_by'),
    languages: true,
  },
  '.ts': {
    ...NOTHING,
    adts: true,
    audio: words('aac aac_latm ac3 eac3 mp2 mp3 dts opus pcm_bluray s302m'),
    subtitles: ['dvb_subtitle', 'dvb_teletext'],
    languages: true,
  },
  '.flv': {
    ...NOTHING,
    audio: words('aac mp3 ac3 eac3 flac opus'),
    maxAudio: 1,
    tags: 'all',
  },
  '.nut': {
    ...NOTHING,
    early: true,
    audio: words(`aac ac3 mp2 mp3 dts flac opus vorbis wavpack wmav2 adpcm_ms adpcm_ima_wav ${PCM} ${PCM_BE}`),
    tags: 'all',
    languages: true,
  },
  '.y4m': NOTHING,
};

/** What a container holds, by the ending of its name, `.mp4`; of unknown ones, nothing. */
export function holdingOf(ending: string): Holding {
  return HOLDINGS[ending.toLowerCase()] ?? NOTHING;
}

/** Endings of the containers that the table knows. */
export const CARRYING_ENDINGS: readonly string[] = Object.keys(HOLDINGS);

/** Whether a stream can be copied into a container, or put there in another form of text without loss. */
export function holds({ kind, codec, codecTag }: CarriedTraits, holding: Holding): boolean {
  if (kind === 'audio') return holding.audio.includes(codec);
  if (kind === 'subtitle') return holding.subtitles.includes(codec) || (isTextForm(codec) && holding.texts.length > 0);
  if (kind === 'cover') return holding.covers.includes(codec);
  if (kind === 'attachment') return holding.attachments;
  return kind === 'data' && holding.data.includes(codecTag);
}

const NAMES: Readonly<Record<CarriedTraits['kind'], string>> = {
  audio: 'sound',
  subtitle: 'subtitles',
  attachment: 'an attached file',
  cover: 'a cover picture',
  data: 'data',
  video: 'a further video stream',
};

/** One sentence for a stream that is left out of a file with this ending. */
export function leftOut(stream: CarriedTraits, ending: string): string {
  const { kind, codec, codecTag, language, filename } = stream;
  const what = filename ?? (codec === 'none' || codec === 'bin_data' ? codecTag || 'of an unknown kind' : codec);
  const details = [what, language === 'und' ? undefined : language].filter(Boolean).join(', ');
  if (kind === 'video') return `${NAMES.video} (${details}) was left out: one is converted`;
  const others = CARRYING_ENDINGS.filter((other) => holds(stream, holdingOf(other)));
  const where = others.length > 0 ? `; ${others.slice(0, 3).join(', ')} can hold it` : '';
  return `${NAMES[kind]} (${details}) was left out: a ${ending} file cannot hold it${where}`;
}

function words(text: string): readonly string[] {
  return text.split(' ').filter(Boolean);
}
