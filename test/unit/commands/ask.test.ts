import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { asker } from '../../../src/commands/ask.ts';

const terminal = (isTTY: boolean) => ({
  input: Object.assign(new PassThrough(), { isTTY }),
  output: Object.assign(new PassThrough(), { isTTY }),
});

describe('asker', () => {
  it.each([
    ['y', true],
    ['Yes', true],
    ['', false],
    ['n', false],
    ['yet', false],
  ])('"%s" means %s', async (answer, expected) => {
    const { input, output } = terminal(true);
    const asked = asker({ input, output })?.('Replace it?');
    input.write(`${answer}\n`);
    expect(await asked).toBe(expected);
    expect(String(output.read())).toContain('Replace it? [y/N]');
  });

  it('the end of input is no', async () => {
    const { input, output } = terminal(true);
    const asked = asker({ input, output })?.('Replace it?');
    input.end();
    expect(await asked).toBe(false);
  });

  it('nobody is asked where nobody sits', () => {
    expect(asker(terminal(false))).toBeUndefined();
  });
});
