/** What an RTSP client and its server say to each other, for the log at `debug`. */
import type { Socket } from 'node:net';
import { formatsOf, parseSdp, type SdpSection } from '../../media/sdp.ts';
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

/** Notes which format of which media section is taken, and why the others are not. */
export function logTrack(log: SourceLog, track: VideoTrack, sdp: string): void {
  if (!log.debugs) return;
  const { codec, payloadType, clockRate, fps, control, extradata } = track;
  const { sections } = parseSdp(sdp);
  const taken = sections.find(({ kind }) => kind === 'video');
  const left = sections.flatMap((section) => {
    if (section === taken) return otherFormats(section, payloadType);
    return `${section.kind}: ${section.kind === 'video' ? 'only the first video section is taken' : 'not video'}`;
  });
  log.debug({ codec, payloadType, clockRate, fps, control, parameterSetBytes: extradata.length, left }, 'video chosen');
}

function otherFormats(section: SdpSection, payloadType: number): string[] {
  return formatsOf(section)
    .filter(({ id }) => Number(id) !== payloadType)
    .map(({ id, encoding }) => `${encoding ?? `payload type ${id}`}: not the first format that is known`);
}

function shownHeader(name: string, value: string): string {
  return name === 'Authorization' ? value.replace(/ .*$/s, ' ***') : value;
}
