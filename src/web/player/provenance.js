/**
 * Which presented frame is a source frame and which synthetic: the server's records joined with
 * what is presented.
 */
import { context2d } from '../dom.js';

/** @typedef {import('../../egress/provenance.ts').ProvenanceRecord} ProvenanceRecord */
/** @typedef {ProvenanceRecord['kind'] | 'unknown'} Origin */
/** A presented frame. @typedef {{ origin: Origin, confidence: number | undefined }} Cell */

/** Presented frames that are remembered: four seconds at 60 fps. */
const MAX_CELLS = 240;
/** Records that wait for their frames: those of frames that were never presented are pushed out. */
const MAX_RECORDS = 512;

/**
 * Cells by origin: height within the strip, so that colour is not all that tells them apart, and
 * colour.
 * @type {Readonly<Record<Origin, { height: number, colour: string }>>}
 */
const APPEARANCE = {
  source: { height: 1, colour: '--source' },
  interpolated: { height: 0.72, colour: '--synthetic' },
  extrapolated: { height: 0.58, colour: '--extrapolated' },
  repeated: { height: 0.44, colour: '--repeated' },
  unknown: { height: 0.2, colour: '--muted' },
};
/** Opacity of a synthetic cell of confidence 0; 1 at confidence 1. */
const MIN_OPACITY = 0.25;

/** Joins the records of one connection with its presented frames, whichever comes first. */
export class Ledger {
  /** By RTP timestamp. @type {Map<number, ProvenanceRecord>} */
  #records = new Map();
  /** Presented without a record so far, by RTP timestamp. @type {Map<number, Cell>} */
  #unexplained = new Map();
  /** A ring. @type {Cell[]} */
  #cells = [];
  #next = 0;

  /** Records taken. */
  received = 0;
  /** The last one was of the source's own bytes, not encoded again; undefined before the first. @type {boolean | undefined} */
  passed;

  /**
   * Takes a record of the server.
   * @param {ProvenanceRecord} record
   */
  take(record) {
    this.received += 1;
    this.passed = record.passed !== undefined;
    const cell = this.#unexplained.get(record.rtp);
    if (cell) {
      this.#unexplained.delete(record.rtp);
      explain(cell, record);
      return;
    }
    this.#records.set(record.rtp, record);
    if (this.#records.size > MAX_RECORDS) deleteOldest(this.#records);
  }

  /**
   * Notes that the frame with this RTP timestamp is on the screen. Returns its record; undefined
   * while there is none.
   * @param {number | undefined} rtp undefined where the browser does not tell
   */
  present(rtp) {
    /** @type {Cell} */
    const cell = { origin: 'unknown', confidence: undefined };
    const record = rtp === undefined ? undefined : this.#records.get(rtp);
    if (record) {
      this.#records.delete(record.rtp);
      explain(cell, record);
    } else if (rtp !== undefined) this.#unexplained.set(rtp, cell);
    if (this.#unexplained.size > MAX_CELLS) deleteOldest(this.#unexplained);
    this.#cells[this.#next] = cell;
    this.#next = (this.#next + 1) % MAX_CELLS;
    return record;
  }

  /** The last presented frames: a ring, and where the next one goes. */
  get ring() {
    return { cells: this.#cells, next: this.#next };
  }

  /** How many of the last presented frames are of which origin. */
  counts() {
    const counts = { source: 0, interpolated: 0, extrapolated: 0, repeated: 0, unknown: 0 };
    for (const { origin } of this.#cells) counts[origin] += 1;
    return counts;
  }
}

/**
 * @param {Cell} cell
 * @param {ProvenanceRecord} record
 */
function explain(cell, { kind, confidence }) {
  // A kind that a later server may add is not known here.
  cell.origin = Object.hasOwn(APPEARANCE, kind) ? kind : 'unknown';
  cell.confidence = confidence;
}

/** @param {Map<number, unknown>} map not empty */
function deleteOldest(map) {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}

/**
 * Draws a ledger as a strip of cells that is written from left to right and then over again, so
 * that nothing moves.
 */
export class Strip {
  #canvas;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
  }

  /** @param {Pick<Ledger, 'ring'>} ledger */
  draw({ ring: { cells, next } }) {
    const canvas = this.#canvas;
    const ratio = devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * ratio);
    const height = Math.round(canvas.clientHeight * ratio);
    if (width === 0) return;
    canvas.width = width;
    canvas.height = height;
    const context = context2d(canvas);
    const style = getComputedStyle(canvas);
    const pitch = width / MAX_CELLS;
    const gap = pitch > 2.5 ? Math.max(1, Math.round(pitch / 4)) : 0;
    for (const [origin, appearance] of Object.entries(APPEARANCE)) {
      context.fillStyle = style.getPropertyValue(appearance.colour);
      const cellHeight = Math.round(height * appearance.height);
      for (const [index, cell] of cells.entries()) {
        if (cell.origin !== origin) continue;
        const left = Math.round(index * pitch);
        const cellWidth = Math.round((index + 1) * pitch) - left - gap;
        context.globalAlpha = cell.confidence === undefined ? 1 : MIN_OPACITY + (1 - MIN_OPACITY) * cell.confidence;
        context.fillRect(left, height - cellHeight, cellWidth, cellHeight);
      }
    }
    if (cells.length < MAX_CELLS) return;
    // Where writing goes on: the newest frame is left of it.
    context.globalAlpha = 1;
    context.clearRect(Math.round(next * pitch), 0, Math.ceil(4 * pitch), height);
  }
}
