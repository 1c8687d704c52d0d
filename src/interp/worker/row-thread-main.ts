/** Entry of a hand: takes rows of its worker's tasks, and sleeps in between. */
import { workerData } from 'node:worker_threads';
import { loadKernel } from '../kernel/kernel.ts';
import { awaitChange, BOARD, type HandData, takeRows } from './row-threads.ts';

// What the crew passes when it starts the thread.
const { memory, board, lane } = workerData as HandData;
const kernel = loadKernel(memory);
const numbers = board.subarray(BOARD.arguments);

while (Atomics.load(board, BOARD.end) === 0) {
  const claim = Atomics.load(board, BOARD.claim);
  takeRows(kernel, board, numbers, lane);
  // Changed in the meantime, by another's claim at least: look again before sleeping.
  if (Atomics.load(board, BOARD.claim) === claim) awaitChange(board, BOARD.claim, claim);
}
