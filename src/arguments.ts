/** Values of command line options: text → value. Each throws commander's InvalidArgumentError, which commander prints with the option's name. */
import { InvalidArgumentError } from 'commander';

/** Any number. */
export const number = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('expected a number');
  return value;
};

/** A time in milliseconds: `120`, `120ms` or `0.12s`. */
export const milliseconds = (text: string): number => {
  const match = /^(\d+(?:\.\d+)?)(ms|s)?$/.exec(text.trim());
  if (!match) throw new InvalidArgumentError('expected a time such as 120ms');
  return Number(match[1]) * (match[2] === 's' ? 1000 : 1);
};

/** A number from 0 to 1. */
export const share = (text: string): number => {
  const value = number(text);
  if (value < 0 || value > 1) throw new InvalidArgumentError('expected a number from 0 to 1');
  return value;
};

/** Values of an option that may be repeated. */
export const collect = (text: string, before: readonly string[]): readonly string[] => [...before, text];
