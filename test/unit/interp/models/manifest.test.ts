import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { looksLikeOnnx, readModel } from '../../../../src/interp/models/file.ts';
import { findModel, parseManifest } from '../../../../src/interp/models/manifest.ts';

const ENTRY = { id: 'flow-x', kind: 'flow', file: 'flow-x.onnx', sha256: 'a'.repeat(64) };
const manifest = (...models: object[]): string => JSON.stringify({ models });

describe('parseManifest', () => {
  it('fills defaults, resolves files and keeps free-form facts', () => {
    const [model] = parseManifest(manifest({ ...ENTRY, trained: 'briefly', quality: { psnr: 33 } }), '/models');
    expect(model).toMatchObject({
      id: 'flow-x',
      path: '/models/flow-x.onnx',
      multiple: 32,
      times: 'any',
      grain: 0,
      precision: 'fp32',
      training: 'briefly',
      quality: { psnr: 33 },
    });
  });

  it.each([
    ['not JSON', '{', /not JSON/],
    ['no list', '{}', /models/],
    ['a bad kind', manifest({ ...ENTRY, kind: 'magic' }), /models\.0\.kind/],
    ['a bad sum', manifest({ ...ENTRY, sha256: 'xyz' }), /models\.0\.sha256/],
    ['a bad multiple', manifest({ ...ENTRY, multiple: 12 }), /models\.0\.multiple/],
    ['too much grain', manifest({ ...ENTRY, grain: 1.5 }), /models\.0\.grain/],
    ['bad times', manifest({ ...ENTRY, times: 'thirds' }), /models\.0\.times/],
    ['an id twice', manifest(ENTRY, ENTRY), /flow-x occurs twice/],
  ])('refuses %s and names the key', (_, text, message) => {
    expect(() => parseManifest(text, '/models')).toThrow(message);
  });
});

describe('findModel', () => {
  let directory: string;
  let path: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'framelift-'));
    path = join(directory, 'manifest.json');
    await writeFile(path, manifest(ENTRY, { ...ENTRY, id: 'big', kind: 'rgb' }));
  });
  afterAll(() => rm(directory, { recursive: true }));

  it('finds by id, or takes a path to a file', async () => {
    expect((await findModel('flow-x', path)).path).toBe(join(directory, 'flow-x.onnx'));
    expect(await findModel('some/My Net.ONNX', path)).toMatchObject({ id: 'My Net', kind: 'unknown' });
  });

  it('names the models there are when it finds none', async () => {
    await expect(findModel('flow-z', path)).rejects.toMatchObject({
      code: 'model.not-found',
      message: 'there is no model "flow-z"; there are flow-x, big, search, blend, repeat',
    });
    await expect(findModel('x', join(directory, 'none.json'))).rejects.toMatchObject({ code: 'model.not-found' });
  });

  it('reads files of every kind', async () => {
    await expect(readModel(await findModel('big', path))).rejects.toThrow(/big: cannot read .*flow-x\.onnx/);
  });
});

it('looksLikeOnnx knows the first bytes of a model', () => {
  expect(looksLikeOnnx(Uint8Array.from([8, 8, ...new Array(20).fill(0)]))).toBe(true);
  expect(looksLikeOnnx(Buffer.from('<!DOCTYPE html><html></html>'))).toBe(false);
  expect(looksLikeOnnx(Buffer.from('version https://git-lfs.github.com/spec/v1'))).toBe(false);
  expect(looksLikeOnnx(new Uint8Array(0))).toBe(false);
});
