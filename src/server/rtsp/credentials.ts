/** Who may read by RTSP: a token of auth.play as RTSP clients can send one. Pure. */
import type { RtspHeaders } from '../../ingest/rtsp/message.ts';
import type { Access } from '../auth.ts';

const MAX_FIELD = 2048;

/**
 * Why a request may not read; undefined when it may. The token comes as `Authorization: Bearer`, or as
 * the password of `Basic`, whatever the user name; without a password the user name is taken for it.
 */
export function denied(access: Access, headers: RtspHeaders): string | undefined {
  return access.authorize({ authorization: asBearer(headers.get('authorization')) }, 'play')?.message;
}

function asBearer(field = ''): string {
  const [, basic] = /^Basic +([A-Za-z0-9+/=]+) *$/i.exec(field.slice(0, MAX_FIELD)) ?? [];
  if (basic === undefined) return field.slice(0, MAX_FIELD);
  const [, user = '', password = ''] = /^([^:]*):?(.*)$/s.exec(Buffer.from(basic, 'base64').toString('utf8')) ?? [];
  return `Bearer ${password || user}`;
}
