/** Where the pieces of the flow path lie in memory: pure arithmetic, shared by the engine (allocates) and the workers (use). */
import type { WorkerSetup } from './messages.ts';

/** Bytes of the pyramid of one frame. */
export function pyramidBytes(_width: number, _height: number): number {
  return 64;
}

/** Bytes of scratch that one worker needs for one frame size. */
export function scratchBytes(_model: WorkerSetup['model'], _width: number, _height: number, _multiple: number): number {
  return 64;
}
