/** Checks of arguments on the command line: text to value. */
import { InvalidArgumentError } from 'commander';

/** Width and height in luma samples. */
export type Size = readonly [width: number, height: number];

/** A whole number of at least 1. @throws InvalidArgumentError */
export const whole = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a whole number of at least 1 is needed');
  return value;
};

/** A whole number of at least 1, added to those before. @throws InvalidArgumentError */
export const wholes = (text: string, before: readonly number[] | undefined): readonly number[] => [
  ...(before ?? []),
  whole(text),
];

/** A number above 0. @throws InvalidArgumentError */
export const positive = (text: string): number => {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('a number above 0 is needed');
  return value;
};

const size = (text: string): Size => {
  const [, width, height] = /^(\d+)x(\d+)$/.exec(text) ?? [];
  if (Number(width) >= 16 && Number(height) >= 16) return [Number(width), Number(height)];
  throw new InvalidArgumentError('something like 1280x720 is needed, 16 or more each way');
};

/** WxH, even both ways, as H.264 needs. @throws InvalidArgumentError */
export const evenSize = (text: string): Size => {
  const [width, height] = size(text);
  if (width % 2 === 0 && height % 2 === 0) return [width, height];
  throw new InvalidArgumentError('H.264 needs even numbers');
};

/** WxH, added to those before. @throws InvalidArgumentError */
export const sizes = (text: string, before: readonly Size[] | undefined): readonly Size[] => [
  ...(before ?? []),
  size(text),
];

/** The name of a file in a folder, without a path. @throws InvalidArgumentError */
export const fileName = (text: string): string => {
  if (/^[a-z0-9][a-z0-9.-]*$/i.test(text)) return text;
  throw new InvalidArgumentError('letters, digits, "-" and "." are needed, such as live-720p');
};
