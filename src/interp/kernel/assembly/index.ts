/** What the kernel exports. Signatures as JavaScript sees them are in ../kernel.ts. */
export { blendFrames } from './blend';
export { frameDifference } from './difference';
export { retimeField } from './retime';
export { warpBlend } from './warp';
