/**
 * Row-parallel kernel work: the threads of one interpolation worker take rows of a task until none
 * are left.
 */
import { Worker } from 'node:worker_threads';
import type { Kernel } from '../kernel/kernel.ts';
import { MAX_ARGUMENTS, perform, TASKS, type Task } from '../kernel/tasks.ts';

/** Words of the control block, the memory that tells the threads what to do. */
export const CONTROL = {
  /**
   * Upper half: number of the task. Lower half: its next row that nobody has taken; CLOSED while
   * there is none.
   */
  nextRow: 0,
  /** Rows that are done. */
  finished: 1,
  task: 2,
  rows: 3,
  /** Rows that a thread takes at a time. */
  chunk: 4,
  /** Not 0: the row threads shall end. */
  end: 5,
  arguments: 6,
  words: 6 + MAX_ARGUMENTS,
} as const;
/** No row of any task. */
const CLOSED = 0xffff;
/** Looks at a word before sleeping on it: some tens of microseconds, less than waking up takes. */
const LOOKS = 4000;

/** What a row thread is started with. */
export interface RowThreadData {
  readonly memory: WebAssembly.Memory;
  /** The control block, {@link CONTROL}. */
  readonly control: Int32Array;
  /** Its number, from 1: the worker's own thread is 0. */
  readonly thread: number;
}

/** Sleeps until the word at `index` is no longer `value`, after having looked for a while. */
export function awaitChange(control: Int32Array, index: number, value: number): void {
  for (let look = 0; look < LOOKS; look++) if (Atomics.load(control, index) !== value) return;
  while (Atomics.load(control, index) === value) Atomics.wait(control, index, value);
}

/**
 * Takes rows of the present task and does them, until none are left. `numbers` are the control
 * block's own arguments: they are read only after a row has been taken, and until that row is done
 * the task cannot be replaced.
 */
export function takeRows(kernel: Kernel, control: Int32Array, numbers: Int32Array, thread: number): void {
  for (;;) {
    const nextRow = Atomics.load(control, CONTROL.nextRow);
    const begin = nextRow & 0xffff;
    const rows = Atomics.load(control, CONTROL.rows);
    const end = Math.min(begin + Atomics.load(control, CONTROL.chunk), rows);
    if (begin >= end) return;
    const taken = Atomics.compareExchange(control, CONTROL.nextRow, nextRow, (nextRow & ~0xffff) | end);
    if (taken !== nextRow) continue;
    const name = TASKS[Atomics.load(control, CONTROL.task)] ?? 'search';
    perform(kernel, name, numbers, thread, begin, end);
    const finished = Atomics.add(control, CONTROL.finished, end - begin) + end - begin;
    if (finished === rows) Atomics.notify(control, CONTROL.finished);
  }
}

/** The worker's own thread and `size − 1` row threads. Only the thread that made it may use it. */
export class RowThreads {
  readonly size: number;
  readonly #kernel: Kernel;
  readonly #control = new Int32Array(new SharedArrayBuffer(4 * CONTROL.words));
  /** Of the present task. */
  readonly #numbers = this.#control.subarray(CONTROL.arguments);

  /** Starts the row threads; a task does not wait for those that are not there yet. */
  constructor(kernel: Kernel, memory: WebAssembly.Memory, size: number) {
    this.size = size;
    this.#kernel = kernel;
    this.#control[CONTROL.nextRow] = CLOSED;
    for (let thread = 1; thread < size; thread++) {
      const worker = new Worker(new URL('./row-thread-main.ts', import.meta.url), {
        workerData: { memory, control: this.#control, thread } satisfies RowThreadData,
        name: 'framelift-kernel',
      });
      worker.unref();
    }
  }

  /** Does all rows of a task, `chunk` at a time. `rows` < 65,535. */
  run(task: Task, rows: number, chunk: number): void {
    if (this.size === 1 || rows <= chunk) this.#runAlone(task, rows, chunk);
    else this.#runTogether(task, rows, chunk);
  }

  /** Lets the row threads end. */
  close(): void {
    const control = this.#control;
    Atomics.store(control, CONTROL.end, 1);
    Atomics.store(control, CONTROL.nextRow, (this.#nextTask() << 16) | CLOSED);
    Atomics.notify(control, CONTROL.nextRow);
  }

  #runAlone([name, ...numbers]: Task, rows: number, chunk: number): void {
    this.#numbers.set(numbers);
    for (let row = 0; row < rows; row += chunk) {
      perform(this.#kernel, name, this.#numbers, 0, row, Math.min(row + chunk, rows));
    }
  }

  #runTogether([name, ...numbers]: Task, rows: number, chunk: number): void {
    const control = this.#control;
    const number = this.#nextTask();
    // Nobody can take a row while the words change.
    Atomics.store(control, CONTROL.nextRow, (number << 16) | CLOSED);
    this.#numbers.set(numbers);
    Atomics.store(control, CONTROL.task, TASKS.indexOf(name));
    Atomics.store(control, CONTROL.rows, rows);
    Atomics.store(control, CONTROL.chunk, chunk);
    Atomics.store(control, CONTROL.finished, 0);
    Atomics.store(control, CONTROL.nextRow, number << 16);
    Atomics.notify(control, CONTROL.nextRow);
    takeRows(this.#kernel, control, this.#numbers, 0);
    for (let done = this.#finished(); done < rows; done = this.#finished()) {
      awaitChange(control, CONTROL.finished, done);
    }
  }

  /** Number of the task after the present one. */
  #nextTask(): number {
    return (Atomics.load(this.#control, CONTROL.nextRow) >>> 16) + 1;
  }

  #finished(): number {
    return Atomics.load(this.#control, CONTROL.finished);
  }
}
