/** A model's files as they are read: the ONNX file, and those beside it that hold some of its weights. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { FrameliftError, messageOf } from '../../errors.ts';
import { type ExternalTensor, externalTensors } from './external-data.ts';
import type { ModelSpec } from './manifest.ts';

/** What a network is opened from: bytes, so that it stays what was read and hashed. */
export interface NetworkBytes {
  readonly bytes: Uint8Array;
  /** Files with some of its tensors; `path` as the model names them. */
  readonly external: readonly { readonly path: string; readonly data: Uint8Array }[];
}

/** A model as it was read. */
export interface ModelFile extends NetworkBytes {
  /**
   * Of the ONNX file and the files with its tensors one behind the other, these by name: what
   * `cat net.onnx net.onnx.data | sha256sum` says. Lower-case hexadecimal.
   */
  readonly sha256: string;
}

/**
 * Reads a model's file and those that hold its weights, and checks its sum.
 * @throws FrameliftError `model.not-found` (a file is missing), `model.invalid` (sum differs, not ONNX,
 * cut off, weights outside of the model's folder).
 */
export async function readModel(spec: ModelSpec): Promise<ModelFile> {
  const bytes = await readWhole(spec.path, `model ${spec.id}: cannot read ${spec.path}`);
  const isOnnx = looksLikeOnnx(bytes);
  const external = isOnnx ? await readExternal(spec, bytes) : [];
  const sha256 = sumOf([bytes, ...external.map(({ data }) => data)]);
  if (spec.sha256 !== undefined && spec.sha256 !== sha256) {
    const sum = external.length === 0 ? "the file's SHA-256" : 'the SHA-256 of the file and its data';
    const message = `model ${spec.id}: ${sum} is ${sha256}, the manifest says ${spec.sha256}`;
    throw new FrameliftError('model.invalid', message, { remedy: 'Fetch the file again, or correct the manifest.' });
  }
  if (isOnnx) return { bytes, external, sha256 };
  throw new FrameliftError(
    'model.invalid',
    `model ${spec.id}: ${spec.path} is not an ONNX file (${bytes.length} bytes, starts with ${preview(bytes)})`,
  );
}

/** What provenance calls a model's file: the first 16 hexadecimal digits of its SHA-256. Pure. */
export function modelHash({ sha256 }: ModelFile): string {
  return sha256.slice(0, 16);
}

/**
 * True when the bytes start like the protobuf of an ONNX model: field 1, the IR version, as a small
 * number. Pure.
 */
export function looksLikeOnnx(bytes: Uint8Array): boolean {
  const version = bytes[1];
  return bytes.length > 16 && bytes[0] === 0x08 && version !== undefined && version > 0 && version < 64;
}

/** The files with tensors of a model, by name. */
async function readExternal(spec: ModelSpec, bytes: Uint8Array): Promise<NetworkBytes['external']> {
  const ends = new Map<string, number>();
  for (const { name, location, end } of tensorsOf(spec, bytes)) {
    if (!Number.isFinite(end) || end < 0) {
      const message = `model ${spec.id}: tensor ${name} has no place in "${location}" (${spec.path})`;
      throw new FrameliftError('model.invalid', message, { remedy: 'Export the model again.' });
    }
    ends.set(location, Math.max(end, ends.get(location) ?? 0));
  }
  const files: NetworkBytes['external'][number][] = [];
  for (const [location, end] of [...ends].sort(([a], [b]) => (a < b ? -1 : 1))) {
    files.push({ path: location, data: await readData(spec, location, end) });
  }
  return files;
}

function tensorsOf({ id, path }: ModelSpec, bytes: Uint8Array): ExternalTensor[] {
  try {
    return externalTensors(bytes);
  } catch (cause) {
    throw new FrameliftError(
      'model.invalid',
      `model ${id} cannot be loaded: ${path} is not a whole ONNX file: ${messageOf(cause)}`,
      {
        remedy: 'Fetch the file again.',
        cause,
      },
    );
  }
}

/** A file with tensors, at least `end` bytes of it. Links are followed: who lays them owns the folder. */
async function readData(spec: ModelSpec, location: string, end: number): Promise<Uint8Array> {
  const folder = dirname(spec.path);
  const path = resolve(folder, location);
  const inside = relative(folder, path);
  if (isAbsolute(location) || inside === '' || inside === '..' || inside.startsWith(`..${sep}`)) {
    const message = `model ${spec.id}: its weights are said to be in "${location}", outside of the model's folder ${folder}`;
    throw new FrameliftError('model.invalid', message, {
      remedy: 'Do not trust the file, or export it with its data beside it.',
    });
  }
  const data = await readWhole(path, `model ${spec.id}: cannot read ${path}, which holds weights of ${spec.path}`);
  if (data.length >= end) return data;
  const message = `model ${spec.id}: ${path} is cut off: it has ${data.length} bytes, the weights of ${spec.path} take ${end}`;
  throw new FrameliftError('model.invalid', message, { remedy: 'Fetch both files again: they belong together.' });
}

/** The bytes of a regular file; a pipe or a device might never end. */
async function readWhole(path: string, failure: string): Promise<Uint8Array> {
  try {
    if (!(await stat(path)).isFile()) throw new Error('not a regular file');
    return await readFile(path);
  } catch (cause) {
    throw new FrameliftError('model.not-found', failure, { cause });
  }
}

function sumOf(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

function preview(bytes: Uint8Array): string {
  return bytes.length === 0 ? 'nothing' : Buffer.from(bytes.subarray(0, 8)).toString('hex');
}
