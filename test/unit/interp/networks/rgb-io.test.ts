import { describe, expect, it } from 'vitest';
import { detectKind } from '../../../../src/interp/models/manifest.ts';
import type { PortShape } from '../../../../src/interp/networks/i420-io.ts';
import { rgbPorts, takesTime } from '../../../../src/interp/networks/rgb-io.ts';

const port = (name: string, shape: readonly (number | string)[], type = 'float32'): PortShape => ({
  name,
  type,
  shape,
});
const stack = (channels: number, type?: string): PortShape[] => [port('input', ['n', channels, 'h', 'w'], type)];
const picture = (name: string, type?: string): PortShape => port(name, [1, 3, 'h', 'w'], type);
const pair = (timestep?: readonly (number | string)[], type?: string): PortShape[] => [
  picture('img0', type),
  picture('img1', type),
  ...(timestep ? [port('timestep', timestep, type)] : []),
];
const made = [picture('output')];

describe('rgbPorts', () => {
  it.each([
    ['vs-mlrt v1', 11, 'time x y x-step y-step'],
    ['VSGAN v1', 8, 'time scale'],
    ['vs-mlrt v2 and VSGAN v2', 7, 'time'],
    ['no time', 6, ''],
  ])('one input, %s: %d planes', (_, channels, extras) => {
    const ports = rgbPorts(stack(channels), made);
    expect(ports.planes.slice(0, 6)).toEqual(Array(6).fill('picture'));
    expect(ports.planes.slice(6).join(' ')).toBe(extras);
    expect(ports.inputs).toEqual([{ name: 'input', planes: channels }]);
    expect(takesTime(ports)).toBe(channels > 6);
    expect(detectKind(stack(channels), made)).toBe('rgb');
  });

  it('two pictures and a plane of time: TheAnimeScripter', () => {
    const ports = rgbPorts(pair([1, 1, 'h', 'w']), made);
    expect(ports.inputs.map(({ name, planes }) => `${name} ${planes}`)).toEqual(['img0 3', 'img1 3', 'timestep 1']);
    expect([ports.planes[6], ports.timeValue, takesTime(ports)]).toEqual(['time', undefined, true]);
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
  ])('two pictures and a time of one value, %j', (shape, fed) => {
    const ports = rgbPorts(pair(shape), made);
    expect(ports.timeValue).toEqual({ name: 'timestep', shape: fed });
    expect([ports.planes.length, ports.inputs.length, takesTime(ports)]).toEqual([6, 2, true]);
  });

  it('two pictures alone know no time', () => {
    expect(takesTime(rgbPorts(pair(), made))).toBe(false);
    expect(detectKind(pair(), made)).toBe('rgb');
  });

  it('reads types and sizes from the file', () => {
    const ports = rgbPorts(
      [port('x', [1, 7, 1088, 1920], 'float16')],
      [port('loss', [1]), port('y', [1, 3, 1080, 1920])],
    );
    expect(ports).toMatchObject({ type: 'float16', width: 1920, height: 1088 });
    expect(ports.output).toEqual({ name: 'y', type: 'float32', width: 1920, height: 1080 });
    expect(rgbPorts(stack(7), made)).toMatchObject({ width: undefined, height: undefined });
  });

  it('takes an output whose channels the exporter left open when there is no other', () => {
    expect(rgbPorts(stack(7), [port('y', ['a', 'b', 'c', 'd'])]).output.name).toBe('y');
    expect(rgbPorts(stack(7), [port('y', [])]).output.name).toBe('y');
  });

  it.each<[string, PortShape[], PortShape[], RegExp]>([
    ['whole numbers', stack(7, 'uint8'), made, /input uint8\[n,7,h,w\] is no floating point input/],
    ['two types', [picture('img0'), picture('img1', 'float16')], made, /of different types/],
    ['several pairs at once', [port('input', [2, 7, 'h', 'w'])], made, /input float32\[2,7,h,w\] wants several pairs/],
    ['a timestep of two values', pair([2]), made, /timestep float32\[2\] is no timestep/],
    ['a timestep of three planes more', pair([1, 2, 'h', 'w']), made, /timestep float32\[1,2,h,w\] is no timestep/],
    ['no picture', stack(7), [port('flow', [1, 4, 'h', 'w'])], /0 outputs are pictures, not one/],
    ['two pictures', stack(7), [picture('a'), picture('b')], /2 outputs are pictures, not one/],
    ['a picture of whole numbers', stack(7), [picture('a', 'uint8')], /0 outputs are pictures, not one/],
  ])('refuses %s, and says what was found and what is expected', (_, inputs, outputs, message) => {
    expect(() => detectKind(inputs, outputs)).toThrow(message);
    expect(() => detectKind(inputs, outputs)).toThrow(/inputs are .* outputs .* an rgb model takes one input/);
  });

  it.each([
    ['another number of planes', stack(9)],
    ['one picture', [picture('img0')]],
    ['features beside the pictures', [...pair([1]), port('f0', [1, 4, 'h', 'w'])]],
  ])('does not know %s; the refusal lists what there is and all layouts', (_, inputs) => {
    expect(() => detectKind(inputs, made)).toThrow(
      /inputs are \w+ float32\[.*a flow model takes .*an i420 model takes .*an rgb model takes/,
    );
  });
});
