/** Numbers access units, so that whoever gets only some of them knows which are missing. Pure. */
import type { AccessUnit } from '../../media/access-unit.ts';

/** Numbers of one decoder: at 240 a second they last for half a year. */
const NUMBERS = 2 ** 32;

let counters = 0;

/** Numbers of one counter follow each other; those of another one never follow them. */
export class UnitCounter {
  #serial: number;

  constructor() {
    counters += 1;
    this.#serial = counters * NUMBERS;
  }

  /** The number of the next unit: one more, but where units are missing before it. */
  next({ afterLoss = false }: Pick<AccessUnit, 'afterLoss'>): number {
    this.#serial += afterLoss ? 2 : 1;
    return this.#serial;
  }
}
