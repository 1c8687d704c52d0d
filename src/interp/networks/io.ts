/** Inputs and outputs of networks, and how messages describe them. Pure. */

/**
 * One input or output of a network: its element type and its dimensions (numbers, or names where
 * free).
 */
export interface IoShape {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

/** For messages: `uint8[1,1,h,w]`. */
export function writeShape(type: string, shape: readonly (number | string)[]): string {
  return `${type}[${shape.join(',')}]`;
}

/** For messages: `y0 uint8[1,1,h,w], t float32[1]`. */
export function describeIo(io: readonly IoShape[]): string {
  return io.map(({ name, type, shape }) => `${name} ${writeShape(type, shape)}`).join(', ') || 'none';
}
