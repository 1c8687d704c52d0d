import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { SnapshotControl } from '../../../../src/server/contract.ts';
import type { ServerDeps } from '../../../../src/server/server.ts';
import { temporaryFolder } from '../../../support/media.ts';
import { recordingsIn } from '../../../support/recordings-site.ts';
import { LIVE, startServer } from '../../../support/server.ts';
import { bearer, TOKENS } from '../../../support/tokens.ts';

/** What the test reads of the document. */
interface Document {
  readonly openapi: string;
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
}

interface Described {
  readonly operationId: string;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema: object }>> }>>;
}

/** Bodies that operations take. The document's schema must agree with each. */
const BODIES: Readonly<Record<string, unknown>> = {
  addStream: { name: 'cam', source: 'rtsp://camera.example/1', fps: 60, latencyBudgetMs: 80 },
  changeStream: { model: 'search', bitrateKbps: 2000 },
};

const control: ServerDeps['control'] = {
  streams: { add: async () => {}, change: async () => {}, remove: async () => {} },
  config: {
    show: () => ({ log: 'info' }),
    reload: async () => ({
      ...{ added: ['a'], removed: ['b'], unchanged: ['c'], applied: ['auth.play'], needsRestart: [] },
      changed: [{ name: 'd', keys: ['fps'], startedAnew: true }],
    }),
  },
};

const snapshot: SnapshotControl = async () => ({
  ...{ jpeg: Buffer.from('{}'), record: { pts: 0, kind: 'source' }, captured: new Date(0) },
});

/** The document and every operation in it. */
async function read() {
  const entry = { ...LIVE, awaitsPublisher: true, notice: 'not for diagnosis', badge: true };
  const providers: ServerDeps['providers'] = () => [
    {
      model: 'flow-s',
      wanted: 'auto',
      provider: 'cpu',
      verdicts: [{ provider: 'cpu', state: 'works', detail: 'fast' }],
    },
  ];
  const folder = await temporaryFolder();
  onTestFinished(folder.remove);
  const recorded = recordingsIn(folder.path, [{ bytes: Buffer.from('{}'), records: '' }]);
  const { url } = await startServer([entry], { control, providers, recordings: recorded.control, snapshot });
  // Our own document.
  const document = (await (await fetch(`${url}/api/openapi.json`)).json()) as Document;
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({ path, method: method.toUpperCase(), described })),
  );
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema(document, 'document');
  /** Throws with every disagreement. */
  const agree = (pointer: readonly string[], value: unknown): void => {
    const coded = pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')));
    const check = ajv.getSchema(`document#/${coded.join('/')}`);
    if (!check) throw new Error(`no schema at ${pointer.join(' ')}`);
    if (!check(value))
      throw new Error(`${pointer.join(' ')}: ${ajv.errorsText(check.errors)}\n${JSON.stringify(value)}`);
  };
  const ask = (method: string, path: string, id: string, headers: Record<string, string>): Promise<Response> => {
    const body = BODIES[id];
    const json = body === undefined ? {} : { body: JSON.stringify(body) };
    const type = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const address = url + path.replace('{name}', 'cam').replace('{file}', recorded.names[0] ?? '');
    return fetch(address, { method, headers: { ...type, ...headers }, ...json });
  };
  return { document, operations, agree, ask };
}

describe('the OpenAPI document', () => {
  it('names what the API is said to have', async () => {
    const { document, operations } = await read();
    expect([document.openapi, document.info.version]).toEqual(['3.1.0', '1.2.3']);
    expect(operations.map(({ method, path }) => `${method} ${path}`).toSorted()).toEqual([
      'DELETE /api/streams/{name}',
      'DELETE /api/streams/{name}/recordings/{file}',
      'GET /api/config',
      'GET /api/models',
      'GET /api/stats',
      'GET /api/streams',
      'GET /api/streams/{name}',
      'GET /api/streams/{name}/frame.jpg',
      'GET /api/streams/{name}/recordings',
      'GET /api/streams/{name}/recordings/{file}',
      'POST /api/config/reload',
      'POST /api/streams',
      'POST /api/streams/{name}',
    ]);
    expect(new Set(operations.map(({ described }) => described.operationId)).size).toBe(operations.length);
  });

  it('is what the server does: every operation answers with a status and a body that it describes', async () => {
    const { operations, agree, ask } = await read();
    for (const { path, method, described } of operations) {
      const at = ['paths', path, method.toLowerCase()];
      const id = described.operationId;
      if (described.requestBody) agree([...at, 'requestBody', 'content', 'application/json', 'schema'], BODIES[id]);
      else expect(BODIES[id], id).toBeUndefined();
      const response = await ask(method, path, id, bearer(TOKENS.admin));
      const status = String(response.status);
      expect(Number(status), id).toBeLessThan(300);
      expect(Object.keys(described.responses), id).toContain(status);
      const text = await response.text();
      if (described.responses[status]?.content === undefined) expect(text, id).toBe('');
      else if (described.responses[status].content['application/json'])
        agree([...at, 'responses', status, 'content', 'application/json', 'schema'], JSON.parse(text));
      else expect(text, id).toBe('{}');
    }
  });

  it('tells which operations need a token, and how refusals look', async () => {
    const { operations, agree, ask } = await read();
    for (const { path, method, described } of operations) {
      const response = await ask(method, path, described.operationId, {});
      const open = described.security.some((one) => Object.keys(one).length === 0);
      expect([described.operationId, response.status === 401]).toEqual([described.operationId, !open]);
      if (open) continue;
      // It points to the one schema of all refusals.
      agree(['components', 'schemas', 'Problem'], await response.json());
      expect(described.responses['401']?.content?.['application/json']?.schema).toEqual({
        $ref: '#/components/schemas/Problem',
      });
    }
  });

  it('refuses in its schemas what the server refuses', async () => {
    const { agree } = await read();
    const add = ['paths', '/api/streams', 'post', 'requestBody', 'content', 'application/json', 'schema'];
    for (const wrong of [{ name: 'cam' }, { name: 'a b', source: 'demo' }, { name: 'a', source: 'demo', fsp: 1 }]) {
      expect(() => agree(add, wrong)).toThrow();
    }
  });
});
