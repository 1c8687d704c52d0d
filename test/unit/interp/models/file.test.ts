import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { externalTensors } from '../../../../src/interp/models/external-data.ts';
import { modelHash, readModel } from '../../../../src/interp/models/file.ts';
import { findModel, type ModelSpec } from '../../../../src/interp/models/manifest.ts';
import { seedNetwork, seedWeights } from '../../../support/engine-onnx.ts';

let folder: string;
let model: ModelSpec;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'framelift-'));
  await mkdir(join(folder, 'models'));
  model = await findModel(join(folder, 'models', 'net.onnx'));
  await writeFile(join(folder, 'secret'), Buffer.alloc(4096, 1));
});
afterAll(() => rm(folder, { recursive: true }));

const { length } = seedWeights();
const write = (external: Record<string, string>): Promise<void> => writeFile(model.path, seedNetwork({ external }));
const beside = (name: string): string => join(folder, 'models', name);

describe('readModel', () => {
  it('reads what is beside the file, and its hash covers it', async () => {
    await write({ location: 'net.onnx.data', offset: '0', length: `${length}` });
    await writeFile(beside('net.onnx.data'), seedWeights());
    const first = await readModel(model);
    expect(first.external).toEqual([{ path: 'net.onnx.data', data: Buffer.from(seedWeights()) }]);
    expect(first.sha256).toBe(createHash('sha256').update(first.bytes).update(seedWeights()).digest('hex'));
    expect(modelHash(first)).toBe(first.sha256.slice(0, 16));
    const changed = seedWeights();
    changed[5] = 1;
    await writeFile(beside('net.onnx.data'), changed);
    expect((await readModel(model)).sha256).not.toBe(first.sha256);
  });

  it('gives a file without such data the sum of its bytes', async () => {
    await writeFile(model.path, seedNetwork());
    const { external, sha256 } = await readModel(model);
    expect(external).toEqual([]);
    expect(sha256).toBe(createHash('sha256').update(seedNetwork()).digest('hex'));
  });

  it('follows links, which the owner of the folder lays', async () => {
    await write({ location: 'linked.data', length: `${length}` });
    await symlink('../secret', beside('linked.data'));
    expect((await readModel(model)).external[0]?.data.length).toBe(4096);
  });

  it.each(['../secret', '/etc/passwd', 'a/../../secret', '..', '.', '', './net/../../models/../secret'])(
    'refuses weights outside of the folder: "%s"',
    async (location) => {
      await write({ location, length: `${length}` });
      const refusal = {
        code: 'model.invalid',
        message: expect.stringContaining(`"${location}", outside of`) as unknown,
      };
      await expect(readModel(model)).rejects.toMatchObject(refusal);
    },
  );

  it.each(['missing.data', '*/_ORT_MEM_ADDR_/*', 'models'])(
    'names the file that cannot be read: %s',
    async (location) => {
      await mkdir(beside('models'), { recursive: true });
      await write({ location, length: `${length}` });
      await expect(readModel(model)).rejects.toMatchObject({
        code: 'model.not-found',
        message: `model net: cannot read ${beside(location)}, which holds weights of ${model.path}`,
      });
    },
  );

  it.each([
    ['by its length', { offset: '16', length: `${length}` }, 16 + length],
    ['by its shape, without a length', { offset: '16' }, 16 + length],
    ['from the beginning, without an offset', { length: `${2 * length}` }, 2 * length],
  ])('says when data is cut off: a tensor ends %s', async (_, place, end) => {
    await write({ location: 'short.data', ...place });
    await writeFile(beside('short.data'), Buffer.alloc(end - 1));
    await expect(readModel(model)).rejects.toMatchObject({
      code: 'model.invalid',
      message: expect.stringContaining(
        `is cut off: it has ${end - 1} bytes, the weights of ${model.path} take ${end}`,
      ) as unknown,
    });
    await writeFile(beside('short.data'), Buffer.alloc(end));
    expect((await readModel(model)).external).toHaveLength(1);
  });

  it.each(['-1000', 'many', '1e999'])('refuses an offset of %s', async (offset) => {
    await write({ location: 'net.onnx.data', offset, length: '4' });
    await expect(readModel(model)).rejects.toThrow(/tensor w has no place in "net\.onnx\.data"/);
  });

  it('refuses a file that is cut off, wherever it is', async () => {
    const whole = seedNetwork({ external: { location: 'net.onnx.data', length: `${length}` } });
    await writeFile(beside('net.onnx.data'), seedWeights());
    let refused = 0;
    for (let end = 17; end < whole.length - 4; end++) {
      await writeFile(model.path, whole.subarray(0, end));
      await readModel(model).catch((error: Error) => {
        refused += 1;
        expect(error.message).toMatch(/is not a whole ONNX file: it breaks off/);
      });
    }
    expect(refused).toBe(whole.length - 4 - 17);
  });
});

describe('externalTensors', () => {
  /** A message of one field of bytes. */
  const field = (number: number, content: Uint8Array): Uint8Array =>
    Buffer.concat([Buffer.from(varint(number * 8 + 2)), Buffer.from(varint(content.length)), content]);
  const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)]);
  const entry = (key: string, value: string): Uint8Array =>
    field(13, Buffer.concat([field(1, Buffer.from(key)), field(2, Buffer.from(value))]));
  const tensor = (location: string): Uint8Array =>
    Buffer.concat([
      field(8, Buffer.from('t')),
      Buffer.from([8, 4, 16, 1]),
      entry('location', location),
      Buffer.from([112, 1]),
    ]);

  it('finds tensors wherever a model may have them', () => {
    const at = (...path: number[]): Uint8Array =>
      path.reduceRight((inner, number) => field(number, inner), tensor(path.join('.')));
    const places = [
      [7, 5],
      [7, 15, 1],
      [7, 15, 2],
      [7, 1, 5, 5],
      [7, 1, 5, 10],
      [7, 1, 5, 22, 1],
      [7, 1, 5, 6, 5],
      [7, 1, 5, 11, 1, 5, 6, 5],
      [25, 7, 5, 5],
      [25, 11, 5],
    ];
    const found = externalTensors(Buffer.concat(places.map((place) => at(...place))));
    expect(found).toEqual(places.map((place) => ({ name: 't', location: place.join('.'), end: 16 })));
  });

  it('does not run out of stack, however deep a file nests', () => {
    let deep: Uint8Array = field(5, tensor('x'));
    for (let i = 0; i < 4000; i++) deep = field(1, field(5, field(6, deep)));
    expect(externalTensors(field(7, deep))).toHaveLength(1);
  });

  it.each([
    ['a group', [0x0b]],
    ['a length behind the end', [0x3a, 0x7f]],
    ['a number without an end', [0x08, ...Array(11).fill(0xff)]],
  ])('refuses %s', (_, bytes) => {
    expect(() => externalTensors(Uint8Array.from(bytes))).toThrow(RangeError);
  });
});
