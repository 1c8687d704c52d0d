/**
 * What the kernel exports. Signatures as JavaScript sees them are in ../functions/; what `//
 * @inline` means here, in ../build.ts.
 */
export { blendDeep, blendFrames } from './blend';
export { giveWay } from './confidence/give-way';
export { judgeCells, judgeNoise } from './confidence/judge';
export { measureCells } from './confidence/measure';
export { frameDifference } from './difference';
export { stillDamage } from './finish/damage';
export { stillKeep, stillKeepDeep } from './finish/keep';
export { stillLabels, stillText } from './finish/label';
export { grainAdd, grainAddDeep } from './grain/grain';
export { grainMeasure, grainStart } from './grain/measure';
export { candidateCosts } from './search/costs';
export { accelerateField, motionPlanes, smoothMotion } from './search/motion';
export { prepareImages, seedField } from './search/prepare';
export { buildPyramid } from './search/pyramid';
export { searchRows } from './search/search';
export { chooseField } from './warp/choose';
export { expandField, halveLuma } from './warp/coarse';
export { warpDeep } from './warp/deep';
export { extrapolateField } from './warp/extrapolate';
export { retimeField } from './warp/retime';
export { findSeams, renderSeams } from './warp/seams';
export { warpBlend } from './warp/warp';
