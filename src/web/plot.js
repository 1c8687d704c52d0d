/** A small plot of the last minute: lines on a canvas, in the colours of the page. */

/** Samples shown: two a second for a minute. */
const SAMPLES = 120;
/** CSS pixels above the plot for the number. */
const HEADROOM = 17;

export class Plot {
  #canvas;
  #lines;
  #values;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{colour: string}[]} lines names of CSS custom properties, drawn in this order
   */
  constructor(canvas, lines) {
    this.#canvas = canvas;
    this.#lines = lines;
    this.#values = lines.map(() => []);
  }

  /** Adds one value for each line; undefined leaves a gap. */
  push(values) {
    for (const [i, line] of this.#values.entries()) {
      line.push(values[i]);
      if (line.length > SAMPLES) line.shift();
    }
  }

  /** Forgets everything. */
  clear() {
    for (const line of this.#values) line.length = 0;
  }

  /** The greatest value shown. */
  get most() {
    return Math.max(0, ...this.#values.flat().filter((value) => value !== undefined));
  }

  /** Draws, with a rule and its number at `mark`; the scale reaches a little beyond whatever is higher. */
  draw(mark) {
    const canvas = this.#canvas;
    const ratio = devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (width === 0) return;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext('2d');
    pen.scale(ratio, ratio);
    const style = getComputedStyle(canvas);
    const top = Math.max(mark, this.most) * 1.04;
    const y = (value) => height - 1.5 - (value / top) * (height - HEADROOM);
    pen.font = `11px ${style.fontFamily}`;
    pen.fillStyle = style.getPropertyValue('--quiet');
    pen.strokeStyle = style.getPropertyValue('--line');
    for (const level of [0, mark]) {
      pen.beginPath();
      pen.moveTo(0, Math.round(y(level)) + 0.5);
      pen.lineTo(width, Math.round(y(level)) + 0.5);
      pen.stroke();
    }
    pen.fillText(String(mark), 0, y(mark) - 4);
    pen.lineWidth = 1.6;
    pen.lineJoin = 'round';
    pen.lineCap = 'round';
    for (const [i, { colour }] of this.#lines.entries()) {
      pen.strokeStyle = style.getPropertyValue(colour);
      this.#trace(pen, this.#values[i], width, y);
    }
  }

  #trace(pen, values, width, y) {
    pen.beginPath();
    let drawn = false;
    for (const [index, value] of values.entries()) {
      const x = width - 2 - ((values.length - 1 - index) / (SAMPLES - 1)) * (width - 4);
      if (value !== undefined && drawn) pen.lineTo(x, y(value));
      else if (value !== undefined) pen.moveTo(x, y(value));
      drawn = value !== undefined;
    }
    pen.stroke();
  }
}
