import { describe, expect, it } from 'vitest';
import type { IoShape } from '../../../../src/interp/networks/io.ts';
import { detectKind } from '../../../../src/interp/networks/kind.ts';
import { rgbIo, takesTime } from '../../../../src/interp/networks/rgb-io.ts';

const shaped = (name: string, shape: readonly (number | string)[], type = 'float32'): IoShape => ({
  name,
  type,
  shape,
});
const stack = (channels: number, type?: string): IoShape[] => [shaped('input', ['n', channels, 'h', 'w'], type)];
const image = (name: string, type?: string): IoShape => shaped(name, [1, 3, 'h', 'w'], type);
const pair = (timestep?: readonly (number | string)[], type?: string): IoShape[] => [
  image('img0', type),
  image('img1', type),
  ...(timestep ? [shaped('timestep', timestep, type)] : []),
];
const outputs = [image('output')];

describe('rgbIo', () => {
  it.each([
    ['vs-mlrt v1', 11, 'time x y x-step y-step'],
    ['VSGAN v1', 8, 'time scale'],
    ['vs-mlrt v2 and VSGAN v2', 7, 'time'],
    ['no time', 6, ''],
  ])('one input, %s: %d planes', (_, channels, extras) => {
    const io = rgbIo(stack(channels), outputs);
    expect(io.planes.slice(0, 6)).toEqual(Array(6).fill('image'));
    expect(io.planes.slice(6).join(' ')).toBe(extras);
    expect(io.inputs).toEqual([{ name: 'input', planes: channels }]);
    expect(takesTime(io)).toBe(channels > 6);
    expect(detectKind(stack(channels), outputs)).toBe('rgb');
  });

  it('two images and a plane of time: TheAnimeScripter', () => {
    const io = rgbIo(pair([1, 1, 'h', 'w']), outputs);
    expect(io.inputs.map(({ name, planes }) => `${name} ${planes}`)).toEqual(['img0 3', 'img1 3', 'timestep 1']);
    expect([io.planes[6], io.timeValue, takesTime(io)]).toEqual(['time', undefined, true]);
  });

  it.each([
    [[1], [1]],
    [[], []],
    [
      ['n', 1],
      [1, 1],
    ],
    [
      [1, 1, 1, 1],
      [1, 1, 1, 1],
    ],
  ])('two images and a time of one value, %j', (shape, fed) => {
    const io = rgbIo(pair(shape), outputs);
    expect(io.timeValue).toEqual({ name: 'timestep', shape: fed });
    expect([io.planes.length, io.inputs.length, takesTime(io)]).toEqual([6, 2, true]);
  });

  it('two pictures alone know no time', () => {
    expect(takesTime(rgbIo(pair(), outputs))).toBe(false);
    expect(detectKind(pair(), outputs)).toBe('rgb');
  });

  it('reads types and sizes from the file', () => {
    const io = rgbIo(
      [shaped('x', [1, 7, 1088, 1920], 'float16')],
      [shaped('loss', [1]), shaped('y', [1, 3, 1080, 1920])],
    );
    expect(io).toMatchObject({ type: 'float16', width: 1920, height: 1088 });
    expect(io.output).toEqual({ name: 'y', type: 'float32', width: 1920, height: 1080 });
    expect(rgbIo(stack(7), outputs)).toMatchObject({ width: undefined, height: undefined });
  });

  it('takes an output whose channels the exporter left open when there is no other', () => {
    expect(rgbIo(stack(7), [shaped('y', ['a', 'b', 'c', 'd'])]).output.name).toBe('y');
    expect(rgbIo(stack(7), [shaped('y', [])]).output.name).toBe('y');
  });

  it.each<[string, IoShape[], IoShape[], RegExp]>([
    ['whole numbers', stack(7, 'uint8'), outputs, /input uint8\[n,7,h,w\] is no floating point input/],
    ['two types', [image('img0'), image('img1', 'float16')], outputs, /of different types/],
    [
      'several pairs at once',
      [shaped('input', [2, 7, 'h', 'w'])],
      outputs,
      /input float32\[2,7,h,w\] wants several pairs/,
    ],
    ['a timestep of two values', pair([2]), outputs, /timestep float32\[2\] is no timestep/],
    ['a timestep of three planes more', pair([1, 2, 'h', 'w']), outputs, /timestep float32\[1,2,h,w\] is no timestep/],
    ['no image', stack(7), [shaped('flow', [1, 4, 'h', 'w'])], /0 outputs are images, not one/],
    ['two images', stack(7), [image('a'), image('b')], /2 outputs are images, not one/],
    ['an image of whole numbers', stack(7), [image('a', 'uint8')], /0 outputs are images, not one/],
  ])('refuses %s, and says what was found and what is expected', (_, inputs, outputs, message) => {
    expect(() => detectKind(inputs, outputs)).toThrow(message);
    expect(() => detectKind(inputs, outputs)).toThrow(/inputs are .* outputs .* an rgb model takes one input/);
  });

  it.each([
    ['another number of planes', stack(9)],
    ['one picture', [image('img0')]],
    ['features beside the pictures', [...pair([1]), shaped('f0', [1, 4, 'h', 'w'])]],
  ])('does not know %s; the refusal lists what there is and all layouts', (_, inputs) => {
    expect(() => detectKind(inputs, outputs)).toThrow(
      /inputs are \w+ float32\[.*a flow model takes .*an i420 model takes .*an rgb model takes/,
    );
  });
});
