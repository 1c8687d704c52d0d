/**
 * What the kernel exports. Signatures as JavaScript sees them are in ../kernel.ts; what `//
 * @inline` means here, in ../build.ts.
 */
export { blendDeep, blendFrames } from './blend';
export { expandField, halveLuma } from './coarse';
export { candidateCosts } from './costs';
export { warpDeep } from './deep-warp';
export { frameDifference } from './difference';
export { grainAdd, grainAddDeep } from './grain';
export { grainMeasure, grainStart } from './grain-measure';
export { prepareImages, seedField } from './prepare';
export { buildPyramid } from './pyramid';
export { retimeField } from './retime';
export { searchRows } from './search';
export { warpBlend } from './warp';
