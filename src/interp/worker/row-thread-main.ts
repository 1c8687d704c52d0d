/** Entry of a row thread: takes rows of its worker's tasks, and sleeps in between. */
import { workerData } from 'node:worker_threads';
import { loadKernel } from '../kernel/kernel.ts';
import { awaitChange, CONTROL, type RowThreadData, takeRows } from './row-threads.ts';

// What RowThreads passes when it starts the thread.
const { memory, control, thread } = workerData as RowThreadData;
const kernel = loadKernel(memory);
const numbers = control.subarray(CONTROL.arguments);

while (Atomics.load(control, CONTROL.end) === 0) {
  const nextRow = Atomics.load(control, CONTROL.nextRow);
  takeRows(kernel, control, numbers, thread);
  // It has changed if anybody has taken rows in the meantime: then look again before sleeping.
  if (Atomics.load(control, CONTROL.nextRow) === nextRow) awaitChange(control, CONTROL.nextRow, nextRow);
}
