/**
 * The operations of the API: what each takes, gives and refuses. Routes and the OpenAPI document
 * are both made of this table.
 */

import type { z } from 'zod';
import { FrameliftError } from '../../errors.ts';
import { readManifest } from '../../interp/models/manifest.ts';
import { REFERENCE_MODELS } from '../../interp/models/reference.ts';
import type { StreamStats } from '../../metrics/stats.ts';
import type { ConfigControl, RecordingControl, SnapshotControl, StreamControl } from '../contract.ts';
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
import { type Operation, operation } from './operation.ts';
import { recordingOperations } from './recordings.ts';
import { snapshotOperation } from './snapshot.ts';

/** What the operations work with. */
export interface ApiDeps {
  /** `GET /api/streams`. */
  readonly document: () => StreamsDocument;
  /** What is said of a stream; undefined for one that there is not. */
  readonly report: (name: string) => StreamReport | undefined;
  readonly stats: () => readonly StreamStats[];
  readonly streams: StreamControl;
  readonly config: ConfigControl;
  readonly recordings: RecordingControl;
  readonly snapshot: SnapshotControl;
}

/** Statuses that changes of streams may be refused with. */
const CHANGE_REFUSALS = [400, 413, 415, 422, 503] as const;

/** The table. */
export function operations(deps: ApiDeps): readonly Operation[] {
  return [
    ...readOperations(deps),
    ...changeOperations(deps),
    ...recordingOperations(deps.recordings),
    snapshotOperation(deps.snapshot),
    ...configOperations(deps),
  ];
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
