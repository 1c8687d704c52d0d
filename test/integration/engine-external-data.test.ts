/** Networks whose weights are in a file beside theirs, as exporters write them. */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startContender } from '../../src/eval/contender.ts';
import { findModel, type ModelSpec } from '../../src/interp/models/manifest.ts';
import { ProviderTrials } from '../../src/interp/providers/trial.ts';
import { systemClock } from '../../src/time.ts';
import { seedNetwork, seedWeights } from '../support/engine-onnx.ts';
import { useEngines } from '../support/engine-rig.ts';
import { noise } from '../support/i420-images.ts';
import { temporaryFolder } from '../support/media.ts';

const rig = useEngines(64);
const run = promisify(execFile);
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

/** A network and its data, each in a folder of its own. */
async function written(name: string, location: string, before = 0): Promise<ModelSpec> {
  const path = join(folder.path, name, `${name}.onnx`);
  const data = join(dirname(path), location);
  await mkdir(dirname(data), { recursive: true });
  const entries = { location, offset: `${before}`, length: `${seedWeights().length}` };
  await writeFile(path, seedNetwork({ external: entries }));
  await writeFile(data, Buffer.concat([Buffer.alloc(before, 0x55), seedWeights()]));
  return findModel(path);
}

it.each([
  ['beside it', 'beside.onnx.data', 0],
  ['with other things before them', 'weights.bin', 4096],
  ['in a folder below', 'weights/part.data', 0],
])('a network runs with its weights %s, as if it had them itself', async (_, location, before) => {
  const model = await written(`net-${before}-${location.replace('/', '-')}`, location, before);
  const [a, b] = [noise(96, 64, 1), noise(96, 64, 2)];
  await using whole = await rig.start(seedNetwork());
  const expected = await rig.ask(whole, a, b, [0.5]);
  await using engine = await rig.start(seedNetwork(), model);
  const { frames } = await rig.ask(engine, a, b, [0.5]);
  expect(frames.map(({ samples }) => samples)).toEqual(expected.frames.map(({ samples }) => samples));
  // What anybody can check: the hash is that of both files, one behind the other.
  const { stdout } = await run('sh', [
    '-c',
    `cat "${model.path}" "${join(dirname(model.path), location)}" | sha256sum`,
  ]);
  expect(frames[0]?.provenance).toMatchObject({ kind: 'synthetic', hash: stdout.slice(0, 16) });
});

it('is tried on providers, measured and listed in a manifest like any other', async () => {
  const model = await written('tried', 'tried.onnx.data');
  const { stdout } = await run('sh', ['-c', `cat "${model.path}" "${model.path}.data" | sha256sum`]);
  const sha256 = stdout.slice(0, 64);
  const selection = await new ProviderTrials().examine(model);
  expect(selection.verdicts.find(({ provider }) => provider === 'cpu')).toMatchObject({ state: 'works' });
  await using contender = await startContender(model.path, { arena: rig.arena, clock: systemClock });
  expect(contender.sha256).toBe(sha256);
  const manifest = join(dirname(model.path), 'manifest.json');
  const entry = { id: 'tried', kind: 'flow', file: 'tried.onnx', sha256 };
  await writeFile(manifest, JSON.stringify({ models: [entry] }));
  await using engine = await rig.start(seedNetwork(), await findModel('tried', manifest));
  expect(engine.model).toBe('tried');
  await writeFile(`${model.path}.data`, Buffer.concat([seedWeights(), Buffer.from('more')]));
  await expect(rig.start(seedNetwork(), await findModel('tried', manifest))).rejects.toThrow(
    /the SHA-256 of the file and its data is [0-9a-f]{64}, the manifest says/,
  );
});
