/** Which presented frame a camera took and which a network made: records of the server joined with what the browser presents. */

/** Presented frames that are remembered: four seconds at 60 fps. */
const CELLS = 240;
/** Records that wait for their frames: those of frames that were never presented are pushed out. */
const MOST_RECORDS = 512;

/** Cells by origin: height within the strip, so that colour is not all that tells them apart, and colour. */
const LOOKS = {
  source: { height: 1, colour: '--source' },
  interpolated: { height: 0.72, colour: '--synthetic' },
  repeated: { height: 0.44, colour: '--repeated' },
  unknown: { height: 0.2, colour: '--quiet' },
};
/** Opacity of an interpolated cell of confidence 0; 1 at confidence 1. */
const FAINTEST = 0.25;

/** Joins the records of one connection with its presented frames, whichever comes first. */
export class Ledger {
  #records = new Map();
  /** Presented without a record so far, by RTP timestamp. */
  #unexplained = new Map();
  #cells = [];
  #next = 0;

  /** Records taken. */
  received = 0;
  /** The last record of an interpolated frame: names the model. */
  made;

  /** Takes a record of the server. */
  take(record) {
    this.received += 1;
    if (record.kind === 'interpolated') this.made = record;
    const cell = this.#unexplained.get(record.rtp);
    if (cell) {
      this.#unexplained.delete(record.rtp);
      explain(cell, record);
      return;
    }
    this.#records.set(record.rtp, record);
    if (this.#records.size > MOST_RECORDS) forgetOldest(this.#records);
  }

  /** Notes that the frame with this RTP timestamp is on the screen. Returns its record; undefined while there is none. */
  present(rtp) {
    const record = this.#records.get(rtp);
    this.#records.delete(rtp);
    const cell = { kind: 'unknown', confidence: undefined };
    if (record) explain(cell, record);
    else if (rtp !== undefined) this.#unexplained.set(rtp, cell);
    if (this.#unexplained.size > CELLS) forgetOldest(this.#unexplained);
    this.#cells[this.#next] = cell;
    this.#next = (this.#next + 1) % CELLS;
    return record;
  }

  /** The last presented frames: a ring, and where the next one goes. */
  get ring() {
    return { cells: this.#cells, next: this.#next };
  }

  /** How many of the last presented frames are of which origin. */
  counts() {
    const counts = { source: 0, interpolated: 0, repeated: 0, unknown: 0 };
    for (const { kind } of this.#cells) counts[kind] += 1;
    return counts;
  }
}

function explain(cell, { kind, confidence }) {
  // A kind that a later server may add is not known here.
  cell.kind = Object.hasOwn(LOOKS, kind) ? kind : 'unknown';
  cell.confidence = confidence;
}

function forgetOldest(map) {
  map.delete(map.keys().next().value);
}

/** Draws a ledger as a strip of cells that is written from left to right and then over again, so that nothing moves. */
export class Strip {
  #canvas;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
  }

  /** @param {Ledger} ledger */
  draw({ ring: { cells, next } }) {
    const canvas = this.#canvas;
    const ratio = devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * ratio);
    const height = Math.round(canvas.clientHeight * ratio);
    if (width === 0) return;
    canvas.width = width;
    canvas.height = height;
    const pen = canvas.getContext('2d');
    const style = getComputedStyle(canvas);
    const pitch = width / CELLS;
    const gap = pitch > 2.5 ? Math.max(1, Math.round(pitch / 4)) : 0;
    for (const [kind, look] of Object.entries(LOOKS)) {
      pen.fillStyle = style.getPropertyValue(look.colour);
      const tall = Math.round(height * look.height);
      for (const [index, cell] of cells.entries()) {
        if (cell.kind !== kind) continue;
        const left = Math.round(index * pitch);
        pen.globalAlpha = cell.confidence === undefined ? 1 : FAINTEST + (1 - FAINTEST) * cell.confidence;
        pen.fillRect(left, height - tall, Math.round((index + 1) * pitch) - left - gap, tall);
      }
    }
    if (cells.length < CELLS) return;
    // Where writing goes on: the newest frame is left of it.
    pen.globalAlpha = 1;
    pen.clearRect(Math.round(next * pitch), 0, Math.ceil(4 * pitch), height);
  }
}
