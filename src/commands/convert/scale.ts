/** Which model enlarges, and what goes with it. */
import { DEFAULT_MODEL, type Profile } from '../../config/profile.ts';
import { FrameliftError } from '../../errors.ts';
import type { InterpEngine } from '../../interp/engine/engine.ts';
import { type ModelSpec, readManifest, resolveModel } from '../../interp/models/manifest.ts';
import type { ReferenceModel } from '../../interp/models/reference.ts';

/** Sizes that can be asked for. */
const SCALES: readonly number[] = [2, 4];

/** What is asked for. */
interface Asked {
  readonly scale?: number | undefined;
  readonly model?: string | undefined;
}

/**
 * The model of a conversion: the one that is named, else one that enlarges so many times, else the profile's or the usual one.
 * @throws FrameliftError `config.invalid` for a scale that no model makes, or not the named one; `model.*`.
 */
export async function modelFor(
  { scale, model }: Asked,
  profile: Profile | undefined,
): Promise<ModelSpec | ReferenceModel> {
  if (scale === undefined) return resolveModel(model ?? profile?.model ?? DEFAULT_MODEL);
  if (!SCALES.includes(scale)) {
    throw new FrameliftError(
      'config.invalid',
      `--scale ${scale}: pictures can be made ${SCALES.join(' or ')} times as large`,
    );
  }
  const able = (await readManifest()).filter((one) => (one.scale ?? 1) > 1);
  if (model === undefined) {
    const found = able.find((one) => one.scale === scale);
    if (found) return found;
    throw new FrameliftError('config.invalid', `no model makes pictures ${scale} times as large`, {
      remedy: `There is ${able.map((one) => `${one.id} (--scale ${one.scale})`).join(', ')}; or give an .onnx file that does.`,
    });
  }
  const resolved = await resolveModel(model);
  // What a user's own file does is known once it is open.
  const known = typeof resolved === 'string' ? 1 : resolved.scale;
  if (known !== undefined) requireScale(model, known, scale, able);
  return resolved;
}

function requireScale(model: string, has: number, wanted: number, able: readonly ModelSpec[]): void {
  if (has === wanted) return;
  const does = has === 1 ? 'keeps the size of its pictures' : `makes pictures ${has} times as large`;
  const others = able.filter((one) => one.scale === wanted).map((one) => `--model ${one.id}`);
  throw new FrameliftError('config.invalid', `--scale ${wanted}: model "${model}" ${does}`, {
    remedy: `${others.length > 0 ? `Use ${others.join(' or ')}, or l` : 'L'}eave --scale out.`,
  });
}

/** What a conversion must be for a model that enlarges. */
interface Enlarging {
  readonly engine: Pick<InterpEngine, 'model' | 'scale'>;
  readonly scale: number | undefined;
  /** Output frames for each source frame; undefined or 0: on a grid of their own. */
  readonly multiple: number | undefined;
  readonly profile: Profile | undefined;
}

/**
 * Checks that the model enlarges as was asked, and that it can make all frames: it makes source frames and the middle between
 * two. @throws FrameliftError `config.invalid` saying what is in the way.
 */
export async function checkScale({ engine, scale, multiple, profile }: Enlarging): Promise<void> {
  const able = (await readManifest()).filter((one) => (one.scale ?? 1) > 1);
  if (scale !== undefined) requireScale(engine.model, engine.scale, scale, able);
  if (engine.scale === 1) return;
  const size = `model "${engine.model}", which makes pictures ${engine.scale} times as large,`;
  if (profile?.lumaOnly) {
    throw new FrameliftError(
      'config.invalid',
      `${size} does not go with this profile, which takes colour from source frames as they are`,
      {
        remedy: 'Leave --profile out.',
      },
    );
  }
  if (multiple === 2) return;
  const wanted = multiple ? `${multiple} times the source's rate` : "a rate that is not twice the source's";
  throw new FrameliftError('config.invalid', `${size} makes twice the source's rate, not ${wanted}`, {
    remedy: 'Use --factor 2. For more, raise the rate of what it has made in a second conversion.',
  });
}

/** What people should know of an enlarged output. */
export function enlargedNote({ model, scale }: Pick<InterpEngine, 'model' | 'scale'>): string {
  return `all frames, source frames too, were made ${scale} times as large by ${model}: none is bit by bit the source's`;
}
