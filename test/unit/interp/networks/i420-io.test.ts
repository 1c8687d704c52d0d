import { describe, expect, it } from 'vitest';
import { i420Io } from '../../../../src/interp/networks/i420-io.ts';
import type { IoShape } from '../../../../src/interp/networks/io.ts';

const plane = (name: string, frames: number, side = ''): IoShape => {
  const half = name.startsWith('y') ? '' : '/2';
  return { name, type: 'uint8', shape: [1, frames, `${side}h${half}`, `${side}w${half}`] };
};
const INPUTS = ['y0', 'u0', 'v0', 'y1', 'u1', 'v1'].map((name) => plane(name, 1));
const outputs = (frames: number): IoShape[] =>
  ['y', 'u', 'v'].map((name) => plane(name, frames, frames > 1 ? '2' : ''));
const TIME: IoShape = { name: 't', type: 'float32', shape: [1] };

describe('the inputs and outputs of an i420 network', () => {
  it('of one frame are of the size of what goes in', () => {
    expect(i420Io([...INPUTS, TIME], outputs(1))).toMatchObject({ time: true, enlarges: false });
  });

  it('of three frames are larger: the network enlarges', () => {
    expect(i420Io(INPUTS, outputs(3))).toEqual({
      time: false,
      seed: false,
      costs: false,
      error: false,
      enlarges: true,
    });
  });

  it.each<[string, IoShape[], IoShape[], RegExp]>([
    ['a time', [...INPUTS, TIME], outputs(3), /input t is unknown/],
    [
      'chroma of one frame',
      INPUTS,
      [...outputs(3).slice(0, 2), plane('v', 1, '2')],
      /output v is uint8\[1,1,.*, not uint8\[1,3,S\*H\/2,S\*W\/2\]/,
    ],
    ['two frames', INPUTS, outputs(2), /output y is uint8\[1,2,.*, not uint8\[1,1,H,W\]/],
    ['no chroma', INPUTS, outputs(3).slice(0, 1), /output u is missing; output v is missing/],
  ])('with %s are refused, and the layout is told', (_, inputs, given, message) => {
    expect(() => i420Io(inputs, given)).toThrow(message);
    expect(() => i420Io(inputs, given)).toThrow(/one that enlarges takes the planes alone and gives y uint8\[1,3,/);
  });
});
