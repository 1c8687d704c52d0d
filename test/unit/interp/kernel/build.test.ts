import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { buildKernel } from '../../../../src/interp/kernel/build.ts';

it('the committed kernel.wasm is what its sources compile to (npm run build:kernel)', async () => {
  const committed = await readFile(new URL('../../../../src/interp/kernel/kernel.wasm', import.meta.url));
  expect(Buffer.compare(await buildKernel(), committed)).toBe(0);
}, 60_000);
