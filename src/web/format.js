/** Values as words for people. */

/** States of a stream, and of the page's own connection. */
export const STATES = {
  full: 'Full rate',
  degraded: 'Degraded',
  'pass-through': 'Pass-through',
  waiting: 'Waiting for source',
  connecting: 'Connecting',
  unreachable: 'Server unreachable',
  locked: 'Token needed',
  unknown: 'No such stream',
};

const CODECS = { h264: 'H.264', hevc: 'H.265', h265: 'H.265', vp8: 'VP8', vp9: 'VP9', av1: 'AV1', mjpeg: 'MJPEG' };

/** Sets text only when it differs: screen readers and layout stay quiet. @param {Element} target */
export function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/** A number with so many decimals, or a dash. */
export const fixed = (value, digits = 0) => (value === undefined ? '–' : value.toFixed(digits));

/** 1 234 567 → `1.2 Mb/s`. */
export function bitrate(bits) {
  if (!bits) return '–';
  return bits >= 1e6 ? `${(bits / 1e6).toFixed(1)} Mb/s` : `${Math.round(bits / 1e3)} kb/s`;
}

/** `h264` and `video/H264` → `H.264`. */
export function codec(name) {
  const bare = name.replace('video/', '');
  return CODECS[bare.toLowerCase()] ?? bare;
}

/** `1280 × 720, H.264, 29.97 fps`. The declared rate is shown while the measured one is near it. */
export function describeSource(source, measured) {
  if (!source) return '–';
  const declared = source.fps ?? 0;
  const fps = measured > 0 && Math.abs(measured - declared) > 0.05 * declared ? measured : declared;
  const size = source.width > 0 ? `${source.width} × ${source.height}` : '';
  const rate = fps > 0 ? `${Number(fps.toFixed(fps === declared ? 2 : 1))} fps` : '';
  return [size, codec(source.codec), rate].filter(Boolean).join(', ');
}

/** `search, 2 of 3: late`: which rung, how far down, and what led there. */
export function describeRung(ladder) {
  if (!ladder) return 'preparing';
  const place = `${ladder.rungs.indexOf(ladder.rung) + 1} of ${ladder.rungs.length}`;
  return `${ladder.rung}, ${place}${ladder.reason ? `: ${ladder.reason}` : ''}`;
}
