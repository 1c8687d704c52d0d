/** A small plot of the last minute: lines on a canvas, in the colours of the page. */
import { context2d } from './dom.js';

/** Samples shown: two a second for a minute. */
const MAX_SAMPLES = 120;
/** CSS pixels above the plot for the number. */
const LABEL_HEIGHT = 17;

/**
 * The first of `marks` that values up to `highest` stay below, with 4 % of tolerance; the last one
 * when none is.
 * @param {number} highest
 * @param {readonly number[]} marks ascending, at least one
 */
export function scaleMark(highest, marks) {
  return marks.find((mark) => highest <= mark * 1.04) ?? marks.at(-1) ?? highest;
}

export class Plot {
  #canvas;
  #colours;
  /** For each line. @type {(number | undefined)[][]} */
  #samples;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {readonly string[]} colours CSS custom properties, one for each line, drawn in this
   *   order
   */
  constructor(canvas, colours) {
    this.#canvas = canvas;
    this.#colours = colours;
    this.#samples = colours.map(() => []);
  }

  /**
   * Adds one value for each line; undefined leaves a gap.
   * @param {readonly (number | undefined)[]} values
   */
  push(values) {
    for (const [i, line] of this.#samples.entries()) {
      line.push(values[i]);
      if (line.length > MAX_SAMPLES) line.shift();
    }
  }

  /** Forgets everything. */
  clear() {
    for (const line of this.#samples) line.length = 0;
  }

  /** The greatest value shown. */
  get highest() {
    return Math.max(0, ...this.#samples.flat().filter((value) => value !== undefined));
  }

  /**
   * Draws, with a rule and its number at `mark`; the scale reaches a little beyond whatever is
   * higher.
   * @param {number} mark
   */
  draw(mark) {
    const canvas = this.#canvas;
    const ratio = devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (width === 0) return;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = context2d(canvas);
    context.scale(ratio, ratio);
    const style = getComputedStyle(canvas);
    const top = Math.max(mark, this.highest) * 1.04;
    /** @type {(value: number) => number} */
    const y = (value) => height - 1.5 - (value / top) * (height - LABEL_HEIGHT);
    context.font = `11px ${style.fontFamily}`;
    context.fillStyle = style.getPropertyValue('--muted');
    context.strokeStyle = style.getPropertyValue('--border');
    for (const level of [0, mark]) {
      context.beginPath();
      context.moveTo(0, Math.round(y(level)) + 0.5);
      context.lineTo(width, Math.round(y(level)) + 0.5);
      context.stroke();
    }
    context.fillText(String(mark), 0, y(mark) - 4);
    context.lineWidth = 1.6;
    context.lineJoin = 'round';
    context.lineCap = 'round';
    for (const [i, samples] of this.#samples.entries()) {
      context.strokeStyle = style.getPropertyValue(this.#colours[i] ?? '');
      drawLine(context, samples, width, y);
    }
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {readonly (number | undefined)[]} samples
 * @param {number} width
 * @param {(value: number) => number} y
 */
function drawLine(context, samples, width, y) {
  context.beginPath();
  let drawn = false;
  for (const [index, value] of samples.entries()) {
    const x = width - 2 - ((samples.length - 1 - index) / (MAX_SAMPLES - 1)) * (width - 4);
    if (value !== undefined && drawn) context.lineTo(x, y(value));
    else if (value !== undefined) context.moveTo(x, y(value));
    drawn = value !== undefined;
  }
  context.stroke();
}
