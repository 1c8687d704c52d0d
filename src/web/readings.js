/** The readings under the video and the state above it: values into elements, nothing else. */

import { bitrate, describeRung, describeSource, fixed, STATES, write as writeTo } from './format.js';
import { Plot } from './plot.js';

/** Marks of the plots: the first one that the values stay below. */
const RATES = [15, 30, 60, 120, 240];
const DELAYS = [50, 100, 200, 500, 1000, 2000, 5000];
const ceiling = (most, marks) => marks.find((mark) => most <= mark * 1.04) ?? marks.at(-1);

const element = (id) => document.getElementById(id);

const write = (id, text) => writeTo(element(id), text);

export class Panel {
  #fps = new Plot(element('fps-plot'), [{ colour: '--source' }, { colour: '--synthetic' }]);
  #latency = new Plot(element('latency-plot'), [{ colour: '--source' }, { colour: '--synthetic' }]);

  /** Exact output rate, if there is one. */
  #target = 0;
  /** True while the shares are those of presented pictures. */
  #counted = false;

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

  /** Twice a second. `fps` and `latency` hold what is known for each shown side, `counts` the presented pictures by origin, if that is known. */
  live({ fps, latency, shown, counts }) {
    this.#counted = counts !== undefined;
    if (counts) this.#shares(counts, 'presented');
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
    if (!this.#counted) this.#shares(stats.frames, 'released');
    const reasons = Object.entries(stats.repeats)
      .sort((a, b) => b[1] - a[1])
      .map(([reason, count]) => `${count} ${reason}`)
      .join(', ');
    write('synthetic-note', reasons ? `repeated: ${reasons}` : 'none repeated');
    this.#notice(stream.notice);
    const ratio = stream.source?.width > 0 ? `${stream.source.width} / ${stream.source.height}` : '16 / 9';
    element('screens').style.setProperty('--ratio', ratio);
    this.#note('source', stream.label);
    this.#note('upconverted', stream.target);
  }

  /** @param {{source: number, interpolated: number, repeated: number}} frames @param {string} which frames these are */
  #shares(frames, which) {
    const { source, interpolated, repeated } = frames;
    const all = source + interpolated + repeated;
    write('synthetic', all > 0 ? fixed((100 * interpolated) / all) : '–');
    write('synthetic-span', all > 0 ? `, ${which}` : '');
    for (const part of element('share').children) {
      const count = frames[part.dataset.part];
      part.hidden = count === 0;
      part.style.width = `${(100 * count) / Math.max(1, all)}%`;
    }
    const said = `${source} source, ${interpolated} interpolated, ${repeated} repeated`;
    element('share').setAttribute('aria-label', `Frames ${which} in the last seconds: ${said}`);
  }

  /** What a person must know before looking at the picture. */
  #notice(text = '') {
    element('notice').hidden = text === '';
    write('notice', text);
  }

  #note(variant, text) {
    const note = document.querySelector(`[data-variant="${variant}"] .note`);
    if (note.textContent !== text) note.textContent = text;
  }
}
