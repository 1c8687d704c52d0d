/**
 * The operations of the API: what each takes, gives and refuses. Routes and the OpenAPI document
 * are both made of this table.
 */

import type { z } from 'zod';
import type { Role } from '../../config/secrets.ts';
import { FrameliftError } from '../../errors.ts';
import { readManifest } from '../../interp/models/manifest.ts';
import { REFERENCE_MODELS } from '../../interp/models/reference.ts';
import type { StreamStats } from '../../metrics/stats.ts';
import type { ConfigControl, StreamControl } from '../contract.ts';
import {
  modelList,
  newStream,
  reloadReport,
  type StreamReport,
  type StreamsDocument,
  shownConfig,
  statsList,
  streamList,
  streamPatch,
  streamReport,
} from '../schemas.ts';

/** What a handler is given. */
interface ApiRequest<Body = unknown> {
  /** `{name}` of the path; empty where the path has none. */
  readonly name: string;
  /** Checked. */
  readonly body: Body;
}

/** One method of one path. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** `{name}` stands for a stream's name. */
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  readonly role: Role;
  /** Absent: a body is not read. */
  readonly body?: z.ZodType;
  /** Of success. */
  readonly status: 200 | 201 | 204;
  /** Absent: there is none. */
  readonly answer?: z.ZodType;
  /** Statuses of refusals beside those that every operation has. */
  readonly refusals: readonly number[];
  /** Gives the answer as `answer` describes it. @throws FrameliftError for a refusal. */
  readonly handle: (request: ApiRequest) => unknown;
}

/** What the operations work with. */
export interface ApiDeps {
  /** `GET /api/streams`. */
  readonly document: () => StreamsDocument;
  /** What is said of a stream; undefined for one that there is not. */
  readonly report: (name: string) => StreamReport | undefined;
  readonly stats: () => readonly StreamStats[];
  readonly streams: StreamControl;
  readonly config: ConfigControl;
}

/** Statuses that changes of streams may be refused with. */
const CHANGE_REFUSALS = [400, 413, 415, 422, 503] as const;

/** The table. */
export function operations(deps: ApiDeps): readonly Operation[] {
  return [...readOperations(deps), ...changeOperations(deps), ...configOperations(deps)];
}

/** What is known of streams and models. */
function readOperations({ document, report, stats }: ApiDeps): Operation[] {
  return [
    operation({
      ...{ method: 'GET', path: '/api/streams', id: 'listStreams', role: 'play', status: 200, refusals: [] },
      summary: 'Lists all streams: state, rates, latency, ladder',
      answer: streamList,
      handle: () => document(),
    }),
    operation({
      ...{ method: 'GET', path: '/api/streams/{name}', id: 'getStream', role: 'play', status: 200, refusals: [404] },
      summary: 'Shows one stream',
      answer: streamReport,
      handle: ({ name }) => reported(report, name),
    }),
    operation({
      ...{ method: 'GET', path: '/api/models', id: 'listModels', role: 'play', status: 200, refusals: [] },
      summary: 'Lists the models that a stream can use',
      answer: modelList,
      handle: listModels,
    }),
    operation({
      ...{ method: 'GET', path: '/api/stats', id: 'getStats', role: 'play', status: 200, refusals: [] },
      summary: 'Shows the last five seconds of every stream',
      answer: statsList,
      handle: () => ({ streams: [...stats()] }),
    }),
  ];
}

/** Changes of streams. */
function changeOperations({ report, streams }: ApiDeps): Operation[] {
  return [
    operation({
      ...{ method: 'POST', path: '/api/streams', id: 'addStream', role: 'admin', status: 201 },
      summary: 'Adds a stream, until the next start',
      refusals: [...CHANGE_REFUSALS, 409],
      body: newStream,
      answer: streamReport,
      handle: async ({ body }) => {
        await streams.add({ ...body, outputs: [] });
        return reported(report, body.name);
      },
    }),
    operation({
      ...{ method: 'POST', path: '/api/streams/{name}', id: 'changeStream', role: 'admin', status: 200 },
      summary: 'Changes a stream: model and bitrateKbps while it runs, other keys by restarting it',
      refusals: [...CHANGE_REFUSALS, 404],
      body: streamPatch,
      answer: streamReport,
      handle: async ({ name, body }) => {
        await streams.change(name, body);
        return reported(report, name);
      },
    }),
    operation({
      ...{ method: 'DELETE', path: '/api/streams/{name}', id: 'removeStream', role: 'admin', status: 204 },
      summary: 'Removes a stream, until the next start; its viewers are disconnected',
      refusals: [404],
      handle: ({ name }) => streams.remove(name),
    }),
  ];
}

/** The configuration. */
function configOperations({ config }: ApiDeps): Operation[] {
  return [
    operation({
      ...{ method: 'GET', path: '/api/config', id: 'getConfig', role: 'admin', status: 200, refusals: [] },
      summary: 'Shows the configuration in force, secrets as ***',
      answer: shownConfig,
      handle: () => config.show(),
    }),
    operation({
      ...{ method: 'POST', path: '/api/config/reload', id: 'reloadConfig', role: 'admin', status: 200 },
      summary: 'Reads the configuration file again and applies what differs, all of it or nothing',
      refusals: [409, 422, 503],
      answer: reloadReport,
      handle: () => config.reload(),
    }),
  ];
}

/** An operation whose handler is held to its schemas. */
function operation<Body extends z.ZodType, Answer extends z.ZodType>(
  typed: Omit<Operation, 'handle' | 'body' | 'answer'> & {
    readonly body?: Body;
    readonly answer?: Answer;
    readonly handle: (request: ApiRequest<z.output<Body>>) => z.input<Answer> | Promise<z.input<Answer>>;
  },
): Operation {
  // The route checks the body by the schema before it calls the handler.
  return typed as Operation;
}

/** @throws FrameliftError `server.no-stream`. */
function reported(report: ApiDeps['report'], name: string): StreamReport {
  const stream = report(name);
  if (!stream) throw new FrameliftError('server.no-stream', `there is no stream "${name}"`);
  return stream;
}

async function listModels(): Promise<z.input<typeof modelList>> {
  // Those that enlarge are for files.
  const usable = (await readManifest()).filter(({ scale = 1 }) => scale === 1);
  const networks = usable.map(({ id, kind, precision, times, licence }) => ({
    ...{ id, kind, precision, times, licence },
  }));
  const references = REFERENCE_MODELS.map((id) => ({ id, kind: 'reference', times: 'any' as const, licence: 'MIT' }));
  return { models: [...networks, ...references] };
}
