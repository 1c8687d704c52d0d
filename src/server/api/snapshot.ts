/** The operation that gives a stream's present frame as a picture. */
import type { Snapshot, SnapshotControl } from '../contract.ts';
import { type SnapshotQuery, snapshotQuery } from '../schemas.ts';
import { type Operation, operation } from './operation.ts';

/** Names of the headers that a picture comes with, and what they say. */
export const PICTURE_HEADERS = {
  'Framelift-Provenance': 'record of the frame as JSON (docs/provenance.md), other characters than ASCII as \\uXXXX',
  'Framelift-Captured': 'when it was captured, or arrived where its source does not tell: RFC 3339',
} as const;

/** The snapshot. */
export function snapshotOperation(snapshot: SnapshotControl): Operation {
  return operation({
    ...{ method: 'GET', path: '/api/streams/{name}/frame.jpg', id: 'getFrame', role: 'play', status: 200 },
    summary: 'Gives the frame that is shown now as JPEG, at its full size, with its provenance in headers',
    refusals: [400, 404, 503],
    query: snapshotQuery,
    picture: PICTURE_HEADERS,
    // The route checks the query by the schema before it calls the handler.
    handle: ({ name, query: asked }) => snapshot(name, (asked as SnapshotQuery).variant),
  });
}

/** What a picture is sent with. */
export function pictureHeaders({ record, captured }: Snapshot): Record<keyof typeof PICTURE_HEADERS, string> {
  const ascii = JSON.stringify(record).replaceAll(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return { 'Framelift-Provenance': ascii, 'Framelift-Captured': captured.toISOString() };
}
