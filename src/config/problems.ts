/**
 * What is wrong with a configuration, in words: the key, the value without its secrets, and what
 * would be right. Pure.
 */
import { distance } from 'fastest-levenshtein';
import { z } from 'zod';
import { configSchema } from './schema.ts';
import { withoutSecrets } from './secrets.ts';

/**
 * A key that differs from a known one by no more than this many letters is taken for a misspelling
 * of it.
 */
const MAX_DISTANCE = 3;

/** One line for a value that is wrong; one for each key that is unknown. */
export function describeProblem(issue: z.core.$ZodIssue): string[] {
  const key = issue.path.join('.') || 'the top level';
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(issue.path);
    return issue.keys.map((name) => `unknown key "${[...issue.path, name].join('.')}"; ${hint(name, known)}`);
  }
  const within = issue.code === 'invalid_union' ? problemsWithin(issue) : [];
  if (within.length > 0) return within.flatMap(describeProblem);
  // A source or a token that stands in the wrong place is still a secret.
  const value = issue.input === undefined ? '' : ` is ${JSON.stringify(withoutSecrets(issue.input, issue.path))}:`;
  return [`${key}${value} ${issue.message}`];
}

/** What is wrong inside of an object where something else might stand as well. */
function problemsWithin({ errors, path }: z.core.$ZodIssueInvalidUnion): z.core.$ZodIssue[] {
  const inner = errors.find((issues) => issues.some((issue) => issue.path.length > 0));
  return (inner ?? []).map((issue) => ({ ...issue, path: [...path, ...issue.path] }));
}

function hint(name: string, known: readonly string[]): string {
  const [nearest] = known.toSorted((a, b) => distance(name, a) - distance(name, b));
  const isNear = nearest !== undefined && distance(name, nearest) <= MAX_DISTANCE;
  return isNear ? `did you mean "${nearest}"?` : `known keys: ${known.join(', ')}`;
}

/** The keys that an object at `path` may have. */
function knownKeys(path: readonly PropertyKey[]): string[] {
  let schema: unknown = configSchema;
  for (const key of path) {
    const inner = objectIn(bare(schema));
    if (inner instanceof z.ZodObject) schema = inner.shape[String(key)];
    else if (inner instanceof z.ZodArray) schema = inner.element;
    else return [];
  }
  const found = objectIn(bare(schema));
  return found instanceof z.ZodObject ? Object.keys(found.shape) : [];
}

/** The object among what a schema takes, if that is a choice. */
function objectIn(schema: unknown): unknown {
  return schema instanceof z.ZodUnion ? schema.options.find((option) => option instanceof z.ZodObject) : schema;
}

/** A schema without what makes its value optional. */
function bare(schema: unknown): unknown {
  const wrapped = schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault;
  return wrapped ? bare(schema.unwrap()) : schema;
}
