/** The readings under the video and the state above it. */
import { byId, within, write } from './dom.js';
import {
  bitrate,
  describeRepeats,
  describeRung,
  describeSource,
  describeTiming,
  fixed,
  frameRate,
  STATES,
  shapeOf,
} from './format.js';
import { Plot, scaleMark } from './plot.js';

/** @typedef {import('./connection/state-feed.js').ServerState} ServerState */
/** @typedef {import('./connection/state-feed.js').StreamReport} StreamReport */
/** @typedef {import('./connection/state-feed.js').Variant} Variant */
/** @typedef {import('./player/measurements.js').Percentiles} Percentiles */
/** Frames by origin. @typedef {StreamReport['stats']['frames']} FrameCounts */

/**
 * A latency, and what it spans.
 * @typedef {Percentiles & { span: string, parts: string, server?: Percentiles, player?: Percentiles
 *   }} Latency
 */

/** Marks of the plots: the first one that the values stay below. */
const FPS_MARKS = [15, 30, 60, 120, 240];
const LATENCY_MARKS_MS = [50, 100, 200, 500, 1000, 2000, 5000];
const COLOURS = ['--source', '--synthetic'];
const NO_BREAK_SPACE = '\u00a0';

/**
 * The most complete latency that can be known: from capture where the browser tells it, else the
 * server's part plus that of network and player, else the server's alone. It says which.
 * @param {object} known each in ms, undefined while unknown
 * @param {Percentiles | undefined} known.capture from capture to screen
 * @param {Percentiles | undefined} known.server from arrival at the server to the first packet sent
 * @param {Percentiles | undefined} known.player from the server to the screen
 * @returns {Latency | undefined}
 */
export function totalLatency({ capture, server, player }) {
  if (capture) return { ...capture, span: 'capture to screen', parts: `p95 ${fixed(capture.p95)} ms` };
  if (!server) return undefined;
  const p95 = `p95 ${fixed(server.p95)}`;
  if (!player) return { ...server, span: 'arrival to sent', parts: `${p95} ms` };
  return {
    p50: server.p50 + player.p50,
    p95: server.p95 + player.p95,
    span: 'arrival to screen',
    parts: `server ${fixed(server.p50)} (${p95}), player ${fixed(player.p50)}`,
    server,
    player,
  };
}

/**
 * Percent of the frames whose origin is known; all 0 without frames.
 * @param {FrameCounts} frames
 * @returns {FrameCounts}
 */
export function percentages({ source, interpolated, extrapolated, repeated }) {
  const share = 100 / Math.max(1, source + interpolated + extrapolated + repeated);
  return {
    source: share * source,
    interpolated: share * interpolated,
    extrapolated: share * extrapolated,
    repeated: share * repeated,
  };
}

export class Readings {
  #fps = new Plot(byId('fps-plot', HTMLCanvasElement), COLOURS);
  #latency = new Plot(byId('latency-plot', HTMLCanvasElement), COLOURS);

  /** Exact output rate; NaN when there is none. */
  #targetFps = Number.NaN;
  /** True while the shares are those of presented frames. */
  #presentedKnown = false;

  /** Starts the plots anew. */
  clear() {
    this.#fps.clear();
    this.#latency.clear();
  }

  /**
   * @param {string} state
   * @param {string} [reason]
   * @param {string} [name] what the state is called, where it has a better name
   */
  setState(state, reason = '', name = STATES[state] ?? state) {
    byId('state', HTMLElement).dataset.state = state;
    set('state-name', name);
    set('state-reason', reason);
    byId('state-reason', HTMLElement).title = reason;
  }

  /**
   * Twice a second: what this page measures.
   * @param {object} measured
   * @param {Partial<Record<Variant, number | undefined>>} measured.fps of each variant that is shown
   * @param {Partial<Record<Variant, Latency | undefined>>} measured.latency of each variant that is
   *   shown
   * @param {readonly Variant[]} measured.shown
   * @param {FrameCounts | undefined} measured.counts presented frames by origin, if that is known
   */
  updateMeasured({ fps, latency, shown, counts }) {
    this.#presentedKnown = counts !== undefined;
    if (counts) this.#showShares(counts, 'presented');
    const main = shown.includes('upconverted') ? 'upconverted' : 'source';
    if (fps[main] === undefined) set('fps-note', NO_BREAK_SPACE);
    set('fps', frameRate(fps[main]));
    const sourceFps = frameRate(fps.source);
    set('fps-note', main === 'upconverted' && sourceFps !== '–' ? `source ${sourceFps} fps` : NO_BREAK_SPACE);
    this.#fps.push([fps.source, fps.upconverted]);
    this.#fps.draw(this.#targetFps || scaleMark(this.#fps.highest, FPS_MARKS));
    const reading = latency[main];
    set('latency', fixed(reading?.p50));
    set('latency-span', reading ? `, ${reading.span}` : '');
    set('latency-note', reading?.parts ?? NO_BREAK_SPACE);
    this.#latency.push([latency.source?.p50, latency.upconverted?.p50]);
    this.#latency.draw(scaleMark(this.#latency.highest, LATENCY_MARKS_MS));
  }

  /**
   * Once a second: what the server reports of the stream, and where models run.
   * @param {StreamReport} stream
   * @param {ServerState['providers']} providers
   */
  updateReported(stream, providers) {
    const { stats, source, ladder } = stream;
    set('input', describeSource(source, stats.fps.source));
    // `60 fps` has one, `×2` has not.
    this.#targetFps = Number.parseFloat(stream.target);
    set('output', stream.target);
    const engine = providers.find(({ model }) => model === stream.model);
    set('model', engine ? `${stream.model} on ${engine.provider}` : stream.model);
    set('rung', describeRung(ladder));
    byId('rung', HTMLElement).title = ladder?.detail ?? '';
    set('confidence', fixed(stats.confidence, 2));
    set('bitrate', bitrate(stats.bitsPerSecond.upconverted + stats.bitsPerSecond.source));
    set('viewers', String(Math.max(stats.viewers.upconverted, stats.viewers.source)));
    if (!this.#presentedKnown) this.#showShares(stats.frames, 'released');
    set('synthetic-note', describeRepeats(stats.repeats));
    this.#showNotice(stream.notice);
    this.#showTiming(stream.timing);
    const { ratio, stretch } = shapeOf(source);
    byId('screens', HTMLElement).style.setProperty('--ratio', ratio);
    byId('screens', HTMLElement).style.setProperty('--stretch', stretch);
    write(within(document, '[data-variant="source"] .note', HTMLElement), stream.label);
    write(within(document, '[data-variant="upconverted"] .note', HTMLElement), stream.target);
  }

  /**
   * @param {FrameCounts} frames
   * @param {string} which frames these are
   */
  #showShares({ source, interpolated, extrapolated, repeated }, which) {
    const any = source + interpolated + extrapolated + repeated > 0;
    const percent = percentages({ source, interpolated, extrapolated, repeated });
    set('synthetic', any ? fixed(percent.interpolated + percent.extrapolated) : '–');
    set('synthetic-span', any ? `, ${which}` : '');
    const bar = byId('share', HTMLElement);
    for (const [origin, width] of Object.entries(percent)) {
      const part = within(bar, `[data-part="${origin}"]`, HTMLElement);
      part.hidden = width === 0;
      part.style.width = `${width}%`;
    }
    const counts = `${source} source, ${interpolated} interpolated, ${extrapolated} extrapolated, ${repeated} repeated`;
    bar.setAttribute('aria-label', `Frames ${which} in the last seconds: ${counts}`);
  }

  /**
   * Why frames come later than they could, or are not shown as they are stamped.
   * @param {StreamReport['timing']} notes
   */
  #showTiming(notes) {
    byId('timing', HTMLElement).hidden = notes.length === 0;
    set('timing', describeTiming(notes));
  }

  /** What viewers must be told, in every view. */
  #showNotice(text = '') {
    byId('notice', HTMLElement).hidden = text === '';
    set('notice', text);
  }
}

/** @type {(id: string, text: string) => void} */
const set = (id, text) => write(byId(id, HTMLElement), text);
