/** framelift as a library: what the command line uses, for other programs. */

export { Framelift, type ServeOptions } from './app/framelift.ts';
export { type ConvertOptions, type ConvertResult, convert } from './commands/convert/convert.ts';
export type { ConvertProgress } from './commands/convert/progress.ts';
export { parseConfig, readConfigFile } from './config/parse.ts';
export type { Config, ConfigInput, StreamConfig } from './config/schema.ts';
export { type ErrorCode, FrameliftError } from './errors.ts';
export type { Provenance, RepeatReason } from './media/frame.ts';
export { type RateTarget, rateTarget } from './pairing/scheduler.ts';
