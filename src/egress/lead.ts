/** Encoding takes a different time for every frame; sending at a constant distance from the due time hides that from viewers. Pure. */
import { SlidingQuantile } from '../sliding-quantile.ts';
import { fromMs, type Micros, micros } from '../time.ts';

/** Spans that are remembered: about two seconds at 60 fps. */
const WINDOW = 128;
/** Spans between two looks. */
const STRIDE = 16;
/** The share of frames that are encoded within the lead. */
const QUANTILE = 0.96;
/** For the timer. */
const MARGIN = fromMs(0.5);
const FIRST = fromMs(4);
/** Never held back longer than this: an encoder that needs more is sent as it comes. */
const MOST = fromMs(12);
/** Largest change at one look, so that the cadence bends by far less than a viewer can see. */
const STEP = fromMs(0.25);

/** How long after its due time an access unit is sent, so that most are encoded by then. */
export class SendLead {
  readonly #spans = new SlidingQuantile({ capacity: WINDOW });
  #count = 0;
  #lead: number = FIRST;

  /** A frame was encoded `span` after its due time. */
  observe(span: Micros): void {
    this.#spans.observe(span);
    this.#count += 1;
    if (this.#count % STRIDE !== 0) return;
    const wanted = Math.min(MOST, (this.#spans.quantile(QUANTILE) ?? FIRST) + MARGIN);
    this.#lead += Math.min(STEP, Math.max(-STEP, wanted - this.#lead));
  }

  /** The lead in force. */
  get value(): Micros {
    return micros(this.#lead);
  }
}
