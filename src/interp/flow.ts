/** The `flow` model kind in the worker. */
import { FrameliftError } from '../errors.ts';
import type { Kernel } from './kernel/kernel.ts';
import type { Interpolator, WorkerSetup } from './messages.ts';

/** Interpolates with a flow network. */
export const FlowInterpolator = {
  async open(_kernel: Kernel, _setup: WorkerSetup): Promise<Interpolator> {
    throw new FrameliftError('model.invalid', 'flow models are not built in yet');
  },
};
