/** What an RTSP client and its server say to each other, for the log at `debug`. */
import type { Socket } from 'node:net';
import type { SourceLog } from '../source-log.ts';
import type { RtspResponse, RtspServerRequest } from './message.ts';
import type { VideoTrack } from './sdp.ts';
import type { RtspEndpoint } from './url.ts';

/** Lines of a body. */
const LINE_END = /\r\n|\n|\r/;

/** Notes which addresses a name has and which of them is connected to. */
export function logConnecting(log: SourceLog, { host, port }: RtspEndpoint, socket: Socket): void {
  if (!log.debugs) return;
  socket.on('lookup', (error, address) => {
    if (error === null) log.debug({ host, address }, 'address found');
  });
  socket.once('connect', () => log.debug({ host, port, address: socket.remoteAddress }, 'connected'));
}

/** Notes a request. Of its Authorization only the scheme is shown. */
export function logRequest(
  log: SourceLog,
  method: string,
  uri: string,
  headers: Readonly<Record<string, string>>,
): void {
  if (!log.debugs) return;
  const shown = Object.entries(headers).map(([name, value]) => [name, shownHeader(name, value)]);
  log.debug({ uri, headers: Object.fromEntries(shown) }, `RTSP > ${method}`);
}

/** Notes a response: headers by lower-case name, the body line by line. */
export function logResponse(log: SourceLog, { status, reason, headers, body }: RtspResponse): void {
  if (!log.debugs) return;
  const lines = body === '' ? {} : { body: body.split(LINE_END).filter((line) => line !== '') };
  log.debug({ headers: Object.fromEntries(headers), ...lines }, `RTSP < ${status} ${reason}`);
}

/** Notes a request of the server's own. */
export function logServerRequest(log: SourceLog, { method, headers }: RtspServerRequest): void {
  if (log.debugs) log.debug({ headers: Object.fromEntries(headers) }, `RTSP < ${method}`);
}

/** Notes which media section of a description is taken, and why the others are not. */
export function logTrack(log: SourceLog, track: VideoTrack, sdp: string): void {
  if (!log.debugs) return;
  const kinds = [...sdp.matchAll(/^m=(\S+)/gm)].map(([, kind = '']) => kind);
  const taken = kinds.indexOf('video');
  const left = kinds.flatMap((kind, index) => {
    if (index === taken) return [];
    return kind === 'video' ? 'video: only the first video section is taken' : `${kind}: not video`;
  });
  const { codec, payloadType, clockRate, fps, control, extradata } = track;
  log.debug({ codec, payloadType, clockRate, fps, control, parameterSetBytes: extradata.length, left }, 'video chosen');
}

function shownHeader(name: string, value: string): string {
  return name === 'Authorization' ? value.replace(/ .*$/s, ' ***') : value;
}
