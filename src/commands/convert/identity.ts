/** What must be the same for a conversion to go on from another one's work. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Identity } from '../../egress/file/resume-state.ts';
import type { ModelSpec } from '../../interp/models/manifest.ts';
import type { ReferenceModel } from '../../interp/models/reference.ts';

/** Bytes at the beginning and at the end of an input that are hashed. */
const HASHED_BYTES = 1 << 20;

/** Options that change nothing of the output. All others, also ones to come, must be the same. */
const FREE = [
  'input',
  'output',
  'overwrite',
  'resume',
  'confirm',
  'threads',
  'signal',
  'clock',
  'onProgress',
  'provider',
];

/** The input as it lies there, the options, the model and this version. @throws what reading the input throws. */
export async function identityOf(
  options: { readonly input: string },
  model: ModelSpec | ReferenceModel,
  provider: string,
): Promise<Identity> {
  return {
    framelift: version(),
    ...(await inputIdentity(options.input)),
    ...optionsThatMatter(options),
    'the model': await modelIdentity(model),
    'the provider': provider,
  };
}

/** Options as the command line names them. Pure. */
export function optionsThatMatter(options: object): Identity {
  const given = Object.entries(options).filter(([name, value]) => !FREE.includes(name) && value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [`--${dashed(name)}`, String(value)]));
}

async function inputIdentity(path: string): Promise<Identity> {
  await using file = await open(path);
  const { size, mtimeMs } = await file.stat();
  const hash = createHash('sha256');
  for (const from of [0, Math.max(0, size - HASHED_BYTES)]) {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HASHED_BYTES), 0, HASHED_BYTES, from);
    hash.update(buffer.subarray(0, bytesRead));
  }
  return {
    'the input': resolve(path),
    "the input's size": size,
    "the input's time of change": new Date(mtimeMs).toISOString(),
    "the input's content": hash.digest('hex').slice(0, 16),
  };
}

function version(): string {
  // The file is ours: package.json always has a version.
  const { version: found } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return found;
}

function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

async function modelIdentity(model: ModelSpec | ReferenceModel): Promise<string> {
  if (typeof model === 'string') return model;
  const sum =
    model.sha256 ??
    createHash('sha256')
      .update(await readFile(model.path))
      .digest('hex');
  return `${model.id} ${sum.slice(0, 16)}`;
}
