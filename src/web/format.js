/** Values as text for people. Pure. */

/** @typedef {import('./connection/state-feed.js').StreamReport} StreamReport */

/**
 * States of a stream, and of the page's own connection.
 * @type {Readonly<Record<string, string>>}
 */
export const STATES = {
  full: 'Full rate',
  degraded: 'Degraded',
  'pass-through': 'Pass-through',
  waiting: 'Waiting for source',
  asleep: 'Asleep',
  connecting: 'Connecting',
  unreachable: 'Server unreachable',
  locked: 'Token required',
  unknown: 'No such stream',
  empty: 'No stream yet',
};

/** Whether a stream has no rate of its own: its last frame is repeated, or nothing is read. @param {{ readonly state: string } | undefined} stream */
export const isSilent = (stream) => stream?.state === 'waiting' || stream?.state === 'asleep';

/** What is read of a stream without frames. @typedef {Pick<StreamReport, 'whip' | 'phase' | 'error' | 'reason'>} Waiting */

/**
 * Whether a stream without frames waits for somebody to publish: that is no fault.
 * @param {Waiting} stream
 */
export const awaitsPublisher = ({ whip, phase, error }) =>
  whip !== undefined && phase !== 'live' && error === undefined;

/**
 * What a stream without frames is waiting for, and what is known of why.
 * @param {Waiting} stream
 */
export function describeWaiting(stream) {
  const { error, reason } = stream;
  if (awaitsPublisher(stream)) {
    return {
      headline: 'Waiting for a publisher',
      detail: 'It starts when somebody publishes a camera to this stream.',
    };
  }
  return { headline: 'Waiting for source', detail: error ?? reason ?? '' };
}

/** @type {Readonly<Record<string, string>>} */
const CODECS = { h264: 'H.264', hevc: 'H.265', h265: 'H.265', vp8: 'VP8', vp9: 'VP9', av1: 'AV1', mjpeg: 'MJPEG' };

/**
 * A number with so many decimals, or a dash.
 * @param {number | undefined} value
 * @param {number} [digits]
 */
export const fixed = (value, digits = 0) => (value === undefined ? '–' : value.toFixed(digits));

/**
 * A frame rate with one decimal, or a dash where nothing moves.
 * @param {number | undefined} fps
 */
export const frameRate = (fps = 0) => (fps >= 0.05 ? fps.toFixed(1) : '–');

/**
 * 1 234 567 → `1.2 Mb/s`.
 * @param {number} bitsPerSecond
 */
export function bitrate(bitsPerSecond) {
  if (!bitsPerSecond) return '–';
  return bitsPerSecond >= 1e6 ? `${(bitsPerSecond / 1e6).toFixed(1)} Mb/s` : `${Math.round(bitsPerSecond / 1e3)} kb/s`;
}

/**
 * `h264` and `video/H264` → `H.264`.
 * @param {string} name
 */
export function codec(name) {
  const bare = name.replace('video/', '');
  return CODECS[bare.toLowerCase()] ?? bare;
}

/**
 * `1280 × 720, H.264, 29.97 fps`. The declared rate is shown while the measured one is near it.
 * @param {StreamReport['source']} source
 * @param {number} measuredFps
 */
export function describeSource(source, measuredFps) {
  if (!source) return '–';
  const declared = source.fps ?? 0;
  const fps = measuredFps > 0 && Math.abs(measuredFps - declared) > 0.05 * declared ? measuredFps : declared;
  const shown = source.displayWidth ? ` shown as ${source.displayWidth} × ${source.height}` : '';
  const fields = source.interlaced ? ' interlaced' : source.deinterlaced ? ' deinterlaced' : '';
  const size = source.width > 0 ? `${source.width} × ${source.height}${shown}${fields}` : '';
  const rate = fps > 0 ? `${Number(fps.toFixed(fps === declared ? 2 : 1))} fps` : '';
  return [size, codec(source.codec), rate].filter(Boolean).join(', ');
}

/**
 * CSS for the shape of a video: of its box, and how much wider it is to be shown than browsers do,
 * which take all samples for square ones.
 * @param {StreamReport['source']} source
 */
export function shapeOf(source) {
  if (!source || !(source.width > 0)) return { ratio: '16 / 9', stretch: '1' };
  const width = source.displayWidth ?? source.width;
  return { ratio: `${width} / ${source.height}`, stretch: String(width / source.width) };
}

/**
 * `search, 2 of 3: late`: which rung, how far down, and what led there.
 * @param {StreamReport['ladder']} ladder
 */
export function describeRung(ladder) {
  if (!ladder) return 'preparing';
  const place = `${ladder.rungs.indexOf(ladder.rung) + 1} of ${ladder.rungs.length}`;
  return `${ladder.rung}, ${place}${ladder.reason ? `: ${ladder.reason}` : ''}`;
}

/**
 * What the source's timing costs, as sentences.
 * @param {readonly { text: string }[]} notes
 */
export function describeTiming(notes) {
  return notes.map(({ text }) => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`).join(' ');
}

/**
 * `repeated: 7 deadline, 3 cut`: frames by reason, the most frequent first.
 * @param {StreamReport['stats']['repeats']} repeats
 */
export function describeRepeats(repeats) {
  const reasons = Object.entries(repeats)
    .sort(([, a], [, b]) => b - a)
    .map(([reason, count]) => `${count} ${reason}`);
  return reasons.length > 0 ? `repeated: ${reasons.join(', ')}` : 'none repeated';
}

/**
 * The name of the source, with what of it is shown.
 * @param {boolean | undefined} passed its own bytes; undefined: not known
 */
export function describeForm(passed) {
  if (passed === undefined) return 'Source';
  return passed ? 'Source, as it came' : 'Source, encoded again';
}
