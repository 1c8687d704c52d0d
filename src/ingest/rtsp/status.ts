/** What the status of an RTSP response means. Pure. */
import { FrameliftError } from '../../errors.ts';
import type { RtspResponse } from './message.ts';

/** @throws FrameliftError unless the status is 2xx: what it means, and what to do. */
export function expectOk(response: Pick<RtspResponse, 'status' | 'reason'>, method: string): void {
  const { status, reason } = response;
  if (status >= 200 && status < 300) return;
  const said = `${method}: ${status} ${reason}`.trim();
  switch (status) {
    case 403:
      throw new FrameliftError('source.unauthorized', `the server refuses access (${said})`);
    case 404:
    case 410:
      throw new FrameliftError('source.not-found', `the server has no such stream (${said})`, {
        recoverable: true,
        remedy: 'Check the path of the URL.',
      });
    case 415:
      throw new FrameliftError('source.no-video', `the server offers no description of the stream (${said})`);
    case 461:
      throw new FrameliftError('source.protocol', `the server does not support the transport (${said})`, {
        remedy: 'Set transport to udp.',
      });
    case 453:
    case 503:
      throw new FrameliftError('source.unreachable', `the server is busy (${said})`, { recoverable: true });
    default:
      throw new FrameliftError('source.protocol', `the server answered ${said}`, { recoverable: true });
  }
}
