/** The OpenAPI 3.1 document of the API, made of its operations and schemas. Pure. */
import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import { problem } from '../schemas.ts';
import type { Operation } from './operation.ts';

/**
 * Refusals that every operation has: no token, another Host or Origin, too many requests, an error
 * of ours.
 */
const EVERYWHERE = [401, 403, 429, 500] as const;

/** Where the document is served. It needs no token. */
export const OPENAPI_PATH = '/api/openapi.json';

/** The document. @param version of framelift. @param basePath path before those of the operations. */
export function openApi(operations: readonly Operation[], version: string, basePath = ''): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method.toLowerCase()]: describe(operation) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'framelift',
      version,
      description: 'Live control of framelift. WHIP and WHEP are described in docs/signalling.md.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    ...(basePath === '' ? {} : { servers: [{ url: basePath }] }),
    paths,
    components: {
      schemas: { Problem: schemaOf(problem, 'output') },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'A token of auth.play or auth.admin (docs/api.md)' },
      },
    },
  };
}

function describe({
  id,
  summary,
  role,
  path,
  body,
  status,
  answer,
  refusals,
  file,
  query,
  picture,
}: Operation): object {
  const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    ...{ name, in: 'path', required: true, schema: { type: 'string' } },
  }));
  const asked = Object.entries(query === undefined ? {} : (schemaOf(query, 'input').properties ?? {})).map(
    ([name, schema]) => ({ name, in: 'query', schema }),
  );
  const parameters = [...named, ...asked];
  const refused = [...new Set([...refusals, ...EVERYWHERE])].toSorted((a, b) => a - b);
  const success = {
    description: STATUS_CODES[status] ?? '',
    ...(answer === undefined ? {} : { content: json(schemaOf(answer, 'output')) }),
    ...(file ? { content: { 'application/octet-stream': {} } } : {}),
    ...(picture && { content: { 'image/jpeg': {} }, headers: described(picture) }),
    ...(status === 201 ? { headers: { Location: { schema: { type: 'string' } } } } : {}),
  };
  return {
    operationId: id,
    summary,
    // An empty requirement beside it: playing is open where no token is configured.
    security: role === 'admin' ? [{ bearer: [] }] : [{ bearer: [] }, {}],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body === undefined ? {} : { requestBody: { required: true, content: json(schemaOf(body, 'input')) } }),
    responses: Object.fromEntries([[status, success], ...refused.map((code) => [code, refusal(code)] as const)]),
  };
}

/** Headers and what they say. */
function described(headers: Readonly<Record<string, string>>): object {
  const entries = Object.entries(headers).map(([name, description]) => [
    name,
    { description, schema: { type: 'string' } },
  ]);
  return Object.fromEntries(entries);
}

function refusal(status: number): object {
  return { description: STATUS_CODES[status] ?? '', content: json({ $ref: '#/components/schemas/Problem' }) };
}

function json(schema: object): object {
  return { 'application/json': { schema } };
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): { readonly properties?: object } {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12', io });
  return rest;
}
