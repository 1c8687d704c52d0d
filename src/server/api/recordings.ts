/** The operations of recordings. */
import type { z } from 'zod';
import { durationOf, type Segment } from '../../egress/recording/archive.ts';
import { sidecarOf } from '../../egress/recording/segment-name.ts';
import { FrameliftError } from '../../errors.ts';
import { toMs } from '../../time.ts';
import type { RecordingControl } from '../contract.ts';
import { recordingList } from '../schemas.ts';
import { type Operation, operation } from './operation.ts';

/** What there is of each stream, to list, fetch and delete. */
export function recordingOperations(recordings: RecordingControl): Operation[] {
  const of = (name: string): NonNullable<ReturnType<RecordingControl>> => {
    const found = recordings(name);
    if (!found) throw new FrameliftError('server.no-stream', `there is no stream "${name}"`);
    return found;
  };
  const path = '/api/streams/{name}/recordings';
  return [
    operation({
      ...{ method: 'GET', path, id: 'listRecordings', role: 'play', status: 200, refusals: [404] },
      summary: 'Lists what is recorded of a stream, the oldest segment first',
      answer: recordingList,
      handle: ({ name }) => ({ recordings: of(name).segments.map(segmentEntry) }),
    }),
    operation({
      ...{ method: 'GET', path: `${path}/{file}`, id: 'getRecording', role: 'play', status: 200, refusals: [404, 416] },
      summary: 'Fetches a segment or its provenance records, as a whole or a range of bytes',
      file: true,
      handle: ({ name, file }) => of(name).pathOf(file) ?? refuseUnknown(name, file),
    }),
    operation({
      ...{ method: 'DELETE', path: `${path}/{file}`, id: 'removeRecording', role: 'admin', status: 204 },
      summary: 'Deletes a segment and its provenance records',
      refusals: [404, 409],
      handle: async ({ name, file }) => {
        const done = await of(name).remove(file);
        if (done === undefined) refuseUnknown(name, file);
        if (done === 'open') {
          throw new FrameliftError('server.recording-open', `"${file}" is being written`, {
            remedy: `Stop recording first: POST /api/streams/${name} with {"record": false}.`,
          });
        }
      },
    }),
  ];
}

function segmentEntry(segment: Segment): z.input<typeof recordingList>['recordings'][number] {
  const { name, variant, start, bytes, open, frames } = segment;
  return {
    ...{ name, variant, bytes, open, ...(frames && { frames }) },
    start: new Date(Math.round(toMs(start))).toISOString(),
    durationMs: Math.round(toMs(durationOf(segment))),
    records: sidecarOf(name),
  };
}

function refuseUnknown(stream: string, file: string): never {
  throw new FrameliftError('server.no-recording', `stream "${stream}" has no recording "${file.slice(0, 100)}"`, {
    remedy: `GET /api/streams/${stream}/recordings lists them.`,
  });
}
