/** Row-parallel kernel work: the threads of one interpolation worker take rows of a task until none are left. */
import { Worker } from 'node:worker_threads';
import type { Kernel } from '../kernel/kernel.ts';
import { MOST_ARGUMENTS, perform, TASKS, type Task } from '../kernel/tasks.ts';

/** Words of the shared block. */
export const BOARD = {
  /** Upper half: number of the task. Lower half: its next row that nobody has taken; CLOSED while there is none. */
  claim: 0,
  /** Rows that are done. */
  finished: 1,
  task: 2,
  rows: 3,
  chunk: 4,
  /** Not 0: the hands shall end. */
  end: 5,
  arguments: 6,
  words: 6 + MOST_ARGUMENTS,
} as const;
/** No row of any task. */
const CLOSED = 0xffff;
/** Looks at a word before sleeping on it: some tens of microseconds, less than waking up takes. */
const LOOKS = 4000;

/** Sleeps until the word at `index` is no longer `value`, after having looked for a while. */
export function awaitChange(board: Int32Array, index: number, value: number): void {
  for (let look = 0; look < LOOKS; look++) if (Atomics.load(board, index) !== value) return;
  while (Atomics.load(board, index) === value) Atomics.wait(board, index, value);
}

/**
 * Takes rows of the present task and does them, until none are left. `numbers` are the board's own: they are read only after a
 * row has been taken, and until that row is done the task cannot be replaced.
 */
export function takeRows(kernel: Kernel, board: Int32Array, numbers: Int32Array, lane: number): void {
  for (;;) {
    const claim = Atomics.load(board, BOARD.claim);
    const begin = claim & 0xffff;
    const rows = Atomics.load(board, BOARD.rows);
    const end = Math.min(begin + Atomics.load(board, BOARD.chunk), rows);
    if (begin >= end) return;
    if (Atomics.compareExchange(board, BOARD.claim, claim, (claim & ~0xffff) | end) !== claim) continue;
    const name = TASKS[Atomics.load(board, BOARD.task)] ?? 'search';
    perform(kernel, name, numbers, lane, begin, end);
    if (Atomics.add(board, BOARD.finished, end - begin) + end - begin === rows) Atomics.notify(board, BOARD.finished);
  }
}

/** The worker's own thread and `size − 1` hands. Only the thread that made it may use it. */
export class Crew {
  readonly size: number;
  readonly #kernel: Kernel;
  readonly #board = new Int32Array(new SharedArrayBuffer(4 * BOARD.words));
  /** Of the present task. */
  readonly #numbers = this.#board.subarray(BOARD.arguments);

  /** Starts the hands; a task does not wait for those that are not there yet. */
  constructor(kernel: Kernel, memory: WebAssembly.Memory, size: number) {
    this.size = size;
    this.#kernel = kernel;
    this.#board[BOARD.claim] = CLOSED;
    for (let lane = 1; lane < size; lane++) {
      const hand = new Worker(new URL('./row-thread-main.ts', import.meta.url), {
        workerData: { memory, board: this.#board, lane } satisfies HandData,
        name: 'framelift-kernel',
      });
      hand.unref();
    }
  }

  /** Does all rows of a task, `chunk` at a time. `rows` < 65,535. */
  run([name, ...numbers]: Task, rows: number, chunk: number): void {
    const board = this.#board;
    if (this.size === 1 || rows <= chunk) {
      this.#numbers.set(numbers);
      for (let row = 0; row < rows; row += chunk) {
        perform(this.#kernel, name, this.#numbers, 0, row, Math.min(row + chunk, rows));
      }
      return;
    }
    // Nobody can take a row while the words change.
    const number = (Atomics.load(board, BOARD.claim) >>> 16) + 1;
    Atomics.store(board, BOARD.claim, (number << 16) | CLOSED);
    this.#numbers.set(numbers);
    Atomics.store(board, BOARD.task, TASKS.indexOf(name));
    Atomics.store(board, BOARD.rows, rows);
    Atomics.store(board, BOARD.chunk, chunk);
    Atomics.store(board, BOARD.finished, 0);
    Atomics.store(board, BOARD.claim, number << 16);
    Atomics.notify(board, BOARD.claim);
    takeRows(this.#kernel, board, this.#numbers, 0);
    for (let done = Atomics.load(board, BOARD.finished); done < rows; done = Atomics.load(board, BOARD.finished)) {
      awaitChange(board, BOARD.finished, done);
    }
  }

  /** Lets the hands end. */
  close(): void {
    const board = this.#board;
    Atomics.store(board, BOARD.end, 1);
    Atomics.store(board, BOARD.claim, (((Atomics.load(board, BOARD.claim) >>> 16) + 1) << 16) | CLOSED);
    Atomics.notify(board, BOARD.claim);
  }
}

/** What a hand is started with. */
export interface HandData {
  readonly memory: WebAssembly.Memory;
  readonly board: Int32Array;
  readonly lane: number;
}
