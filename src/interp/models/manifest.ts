/**
 * Which networks there are: the manifest, its checks, and files that users bring. No inference
 * here.
 */
import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { FrameliftError } from '../../errors.ts';
import { standsAtEighths, type Times, timesRefusal } from '../../pairing/timesteps.ts';
import { REFERENCE_MODELS, type ReferenceModel } from './reference.ts';

/**
 * What a network takes and gives. `flow`: small lumas and a seed → flow, mask, error at 1/8;
 * `i420`: planes → planes; `rgb`: the RIFE layouts.
 */
export type ModelKind = 'flow' | 'i420' | 'rgb';

const entrySchema = z.looseObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9.-]*$/, 'lower-case letters, digits, dots and dashes'),
  kind: z.enum(['flow', 'i420', 'rgb']),
  file: z.string().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits'),
  multiple: z.int().positive().multipleOf(8).default(32),
  times: z.enum(['any', 'half']).default('any'),
  scale: z.int().min(1).max(8).default(1),
  grain: z.number().min(0).max(1).default(0),
  precision: z.string().default('fp32'),
  licence: z.string().default('unknown'),
  trained: z.unknown().optional(),
  quality: z.unknown().optional(),
});

const manifestSchema = z.looseObject({ models: z.array(entrySchema) });

/** A network that can be given to the engine. */
export interface ModelSpec {
  /**
   * Name in the manifest, or the file's name without `.onnx`. Ends up in provenance and metrics.
   */
  readonly id: string;
  /** `unknown` until the file is opened: a user's own file. */
  readonly kind: ModelKind | 'unknown';
  /** Absolute path of the ONNX file. */
  readonly path: string;
  /** Expected `ModelFile.sha256`; absent for a user's own file. */
  readonly sha256?: string;
  /** Width and height are padded to a multiple of this many luma samples. */
  readonly multiple: number;
  /** Times between two frames that it can make. */
  readonly times: Times;
  /**
   * How many times as large as its parents each way what it makes is. Absent: known once the file
   * is opened; of models of the manifest it is 1 or said there.
   */
  readonly scale?: number;
  /**
   * How much of a real frame's noise interpolated frames get back unless the user says otherwise,
   * 0…1 (FLUORO.md, "Noise"). Absent: 0, none.
   */
  readonly grain?: number;
  /** A flow model that sees frames at half their size: a quarter of the work (`flow-s@0.5`). */
  readonly half?: boolean;
  /** Number format of the convolutions: `fp32`, `int8`, `fp16`. */
  readonly precision: string;
  readonly licence: string;
  /** Free-form facts of the manifest: how it was trained, what it measured. */
  readonly training?: unknown;
  readonly quality?: unknown;
}

/** Behind the name of a flow model: it finds the motion at half the size. */
export const HALF = '@0.5';

/** The manifest that comes with framelift. */
const MANIFEST = fileURLToPath(new URL('../../../models/manifest.json', import.meta.url));

/**
 * Parses a manifest. `directory` is where its files lie. Pure. @throws FrameliftError
 * `model.invalid` naming the key that is wrong.
 */
export function parseManifest(text: string, directory: string): ModelSpec[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new FrameliftError('model.invalid', 'the model manifest is not JSON', { cause });
  }
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new FrameliftError(
      'model.invalid',
      `model manifest: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
    );
  }
  const seen = new Set<string>();
  return parsed.data.models.map((entry) => {
    if (seen.has(entry.id)) throw new FrameliftError('model.invalid', `model manifest: id ${entry.id} occurs twice`);
    seen.add(entry.id);
    return {
      id: entry.id,
      kind: entry.kind,
      path: resolve(directory, entry.file),
      sha256: entry.sha256,
      multiple: entry.multiple,
      times: entry.times,
      scale: entry.scale,
      grain: entry.grain,
      precision: entry.precision,
      licence: entry.licence,
      training: entry.trained,
      quality: entry.quality,
    };
  });
}

/** Reads and parses a manifest file. @throws FrameliftError `model.not-found` | `model.invalid`. */
export async function readManifest(path: string = MANIFEST): Promise<ModelSpec[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new FrameliftError('model.not-found', `no model manifest at ${path}`, { cause });
  }
  return parseManifest(text, dirname(path));
}

/**
 * The model of that name in the manifest, or a user's own file when `name` ends in `.onnx`; with
 * {@link HALF} behind it, at half the size.
 * @throws FrameliftError `model.not-found` with the names that exist, `model.invalid` for a bad
 * manifest.
 */
export async function findModel(name: string, manifest: string = MANIFEST): Promise<ModelSpec> {
  if (name.endsWith(HALF)) {
    const whole = await findModel(name.slice(0, -HALF.length), manifest);
    if (!whole.half) return { ...whole, id: `${whole.id}${HALF}`, half: true };
  }
  if (extname(name).toLowerCase() === '.onnx') {
    const path = resolve(name);
    return {
      id: basename(path, extname(path)),
      kind: 'unknown',
      path,
      multiple: 32,
      times: 'any',
      precision: 'fp32',
      licence: 'unknown',
    };
  }
  const models = await readManifest(manifest);
  const found = models.find((m) => m.id === name);
  if (found) return found;
  const known = [...models.map((m) => m.id), ...REFERENCE_MODELS].join(', ');
  throw new FrameliftError('model.not-found', `there is no model "${name}"; there are ${known}`, {
    remedy: 'Name one of these, or give the path of an .onnx file.',
  });
}

/**
 * A model by name or file, or one of the reference interpolators. @throws FrameliftError
 * `model.not-found`, `model.invalid`.
 */
export async function resolveModel(name: string): Promise<ModelSpec | ReferenceModel> {
  return REFERENCE_MODELS.find((reference) => reference === name) ?? findModel(name);
}

/**
 * Checks before the start that a model can make the frames of a schedule.
 * @param multiple output frames for each source frame, 0 on a free grid. @throws FrameliftError
 * `config.invalid` naming the models that can.
 */
export async function requireTimes(
  engine: { readonly model: string; readonly times: Times },
  multiple: number,
): Promise<void> {
  if (engine.times === 'any' || standsAtEighths(multiple)) return;
  const able = (await readManifest()).filter((m) => m.times === 'any').map((m) => m.id);
  throw timesRefusal(engine.model, multiple, [...able, ...REFERENCE_MODELS]);
}
