/** Which formats have no timestamps: ffmpeg invents them, 25 a second, whatever comes. Pure. */

/**
 * FFmpeg's names of its demuxers without timestamps: coded pictures one after the other, and MJPEG
 * over HTTP (`mpjpeg`). With `ffmpeg -demuxers` of 5.1 and 8.1, those that use
 * `ff_raw_video_read_header` or count frames.
 */
const CLOCKLESS: ReadonlySet<string> = new Set([
  ...['mpjpeg', 'mjpeg', 'mjpeg_2000', 'jpeg_pipe', 'png_pipe', 'image2pipe'],
  ...[
    'h264',
    'hevc',
    'vvc',
    'evc',
    'obu',
    'm4v',
    'mpegvideo',
    'h261',
    'h263',
    'vc1',
    'cavsvideo',
    'avs2',
    'avs3',
    'dirac',
  ],
  ...['rawvideo', 'yuv4mpegpipe', 'ingenient'],
]);

/**
 * As ffmpeg begins the line: what servers say of themselves stands behind blanks. The name may be
 * several with commas.
 */
const INPUT = /^\[info\] Input #0, ([\w,]{1,100}), from /;

/** The format that a line of ffmpeg's log says the input has; undefined for other lines. */
export function inputFormat(line: string): string | undefined {
  return INPUT.exec(line)?.[1];
}

/** True where the timestamps of a format are ffmpeg's invention. */
export function isClockless(format: string): boolean {
  return CLOCKLESS.has(format);
}

/** True where pictures are only known to be complete when the next one begins: the format is nothing but coded video. */
export function endsWithTheNext(format: string): boolean {
  return isClockless(format) && !format.endsWith('pipe') && format !== 'mpjpeg' && format !== 'rawvideo';
}

/** True where a playlist names segments, each of which is read at once. */
export function isSegmented(format: string): boolean {
  return format.split(',').some((name) => name === 'hls' || name === 'dash' || name === 'applehttp');
}
