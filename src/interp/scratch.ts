/** How much scratch memory a worker needs for frames of a size, whatever its network is. Pure. */

import type { NetworkFacts, WorkerSetup } from './engine/protocol.ts';
import { planesScratchBytes } from './planes-layout.ts';
import { rgbScratchBytes } from './rgb-layout.ts';
import { halfLayout, scratchLayout } from './worker/scratch-layout.ts';

/** Bytes for frames of width × height luma samples; `batch`: most pairs of a run. `network` undefined: hardly any. */
export function scratchBytes(
  network: NetworkFacts | undefined,
  { multiple, grain, threads }: Pick<WorkerSetup, 'multiple' | 'grain' | 'threads'>,
  batch: number,
  width: number,
  height: number,
): number {
  if (!network) return 64;
  if (network.rgb) return rgbScratchBytes(width, height, network.rgb, network.times);
  if (network.kind === 'i420') return planesScratchBytes(width, height, multiple, network, threads, batch);
  const whole = scratchLayout(width, height, multiple, grain > 0, threads, batch);
  return halfLayout(width, height, multiple, threads, batch, whole).bytes;
}
