/** The readings under the video and the state above it: values into elements, nothing else. */
import { Plot } from './plot.js';

const STATES = {
  full: 'Full rate',
  degraded: 'Degraded',
  'pass-through': 'Pass-through',
  waiting: 'Waiting for source',
  connecting: 'Connecting',
  unreachable: 'Server unreachable',
};
const CODECS = { h264: 'H.264', hevc: 'H.265', h265: 'H.265', vp8: 'VP8', vp9: 'VP9', av1: 'AV1', mjpeg: 'MJPEG' };

/** Marks of the plots: the first one that the values stay below. */
const RATES = [15, 30, 60, 120, 240];
const DELAYS = [50, 100, 200, 500, 1000, 2000, 5000];
const ceiling = (most, marks) => marks.find((mark) => most <= mark * 1.04) ?? marks.at(-1);

const element = (id) => document.getElementById(id);

/** Sets text only when it differs: screen readers and layout stay quiet. */
function write(id, text) {
  const target = element(id);
  if (target.textContent !== text) target.textContent = text;
}

const fixed = (value, digits = 0) => (value === undefined ? '–' : value.toFixed(digits));

/** 1 234 567 → `1.2 Mb/s`. */
function bitrate(bits) {
  if (!bits) return '–';
  return bits >= 1e6 ? `${(bits / 1e6).toFixed(1)} Mb/s` : `${Math.round(bits / 1e3)} kb/s`;
}

/** `1280 × 720, H.264, 29.97 fps`. The declared rate is shown while the measured one is near it. */
function describeSource(source, measured) {
  if (!source) return '–';
  const declared = source.fps ?? 0;
  const fps = measured > 0 && Math.abs(measured - declared) > 0.05 * declared ? measured : declared;
  const size = source.width > 0 ? `${source.width} × ${source.height}` : '';
  const rate = fps > 0 ? `${Number(fps.toFixed(fps === declared ? 2 : 1))} fps` : '';
  return [size, CODECS[source.codec] ?? source.codec, rate].filter(Boolean).join(', ');
}

/** `search, 2 of 3: late`: which rung, how far down, and what led there. */
function describeRung(ladder) {
  if (!ladder) return 'preparing';
  const place = `${ladder.rungs.indexOf(ladder.rung) + 1} of ${ladder.rungs.length}`;
  return `${ladder.rung}, ${place}${ladder.reason ? `: ${ladder.reason}` : ''}`;
}

export class Panel {
  #fps = new Plot(element('fps-plot'), [{ colour: '--source' }, { colour: '--synthetic' }]);
  #latency = new Plot(element('latency-plot'), [{ colour: '--source' }, { colour: '--synthetic' }]);

  /** Exact output rate, if there is one. */
  #target = 0;

  /** Starts the plots anew. */
  clear() {
    this.#fps.clear();
    this.#latency.clear();
  }

  /** @param {string} state @param {string} [reason] */
  state(state, reason) {
    element('state').dataset.state = state;
    write('state-name', STATES[state] ?? state);
    write('state-reason', reason ?? '');
    element('state-reason').title = reason ?? '';
  }

  /** Twice a second. `fps` and `latency` hold what is known for each shown side. */
  live({ fps, latency, shown }) {
    const main = shown.includes('upconverted') ? 'upconverted' : 'source';
    write('fps', fps[main] >= 0.05 ? fixed(fps[main], 1) : '–');
    write('fps-note', main === 'upconverted' && fps.source >= 0.05 ? `source ${fixed(fps.source, 1)} fps` : '\u00a0');
    this.#fps.push([fps.source, fps.upconverted]);
    this.#fps.draw(this.#target || ceiling(this.#fps.most, RATES));
    const reading = latency[main];
    write('latency', reading ? fixed(reading.p50) : '–');
    write('latency-span', reading ? `, ${reading.span}` : '');
    write('latency-note', reading?.parts ?? '\u00a0');
    this.#latency.push([latency.source?.p50, latency.upconverted?.p50]);
    this.#latency.draw(ceiling(this.#latency.most, DELAYS));
  }

  /** Once a second: what the server says of the stream, and where models run. */
  report(stream, providers) {
    const { stats } = stream;
    write('input', describeSource(stream.source, stats.fps.source));
    // `60 fps` has one, `×2` has not.
    this.#target = Number.parseFloat(stream.target);
    write('output', stream.target);
    const runs = providers.find(({ model }) => model === stream.model);
    write('model', runs ? `${stream.model} on ${runs.provider}` : stream.model);
    write('rung', describeRung(stream.ladder));
    element('rung').title = stream.ladder?.detail ?? '';
    write('confidence', fixed(stats.confidence, 2));
    const sent = stats.bitsPerSecond;
    write('bitrate', bitrate(sent.upconverted + sent.source));
    write('viewers', String(Math.max(stats.viewers.upconverted, stats.viewers.source)));
    this.#shares(stats);
    const ratio = stream.source?.width > 0 ? `${stream.source.width} / ${stream.source.height}` : '16 / 9';
    element('screens').style.setProperty('--ratio', ratio);
    this.#note('source', stream.label);
    this.#note('upconverted', stream.target);
  }

  #shares({ frames, syntheticShare, repeats }) {
    write('synthetic', syntheticShare === undefined ? '–' : fixed(100 * syntheticShare));
    const reasons = Object.entries(repeats)
      .sort((a, b) => b[1] - a[1])
      .map(([reason, count]) => `${count} ${reason}`)
      .join(', ');
    write('synthetic-note', reasons ? `repeated: ${reasons}` : 'none repeated');
    const all = frames.source + frames.interpolated + frames.repeated;
    const parts = element('share').children;
    for (const part of parts) {
      const count = frames[part.dataset.part];
      part.hidden = count === 0;
      part.style.width = `${(100 * count) / Math.max(1, all)}%`;
    }
    const said = `${frames.source} source, ${frames.interpolated} interpolated, ${frames.repeated} repeated frames`;
    element('share').setAttribute('aria-label', `Last seconds: ${said}`);
  }

  #note(variant, text) {
    const note = document.querySelector(`[data-variant="${variant}"] .note`);
    if (note.textContent !== text) note.textContent = text;
  }
}
