/** From the errors of sockets and TLS to errors with a reason. Pure. */
import { FrameliftError } from '../errors.ts';

/** Where a connection was to lead. */
export interface Place {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
}

/**
 * A connection that could not be made, and why. Those of the address guard are returned as they
 * are.
 */
export function connectError(error: Error, { host, port, secure }: Place): FrameliftError {
  if (error instanceof FrameliftError) return error;
  const code = errorCode(error) ?? '';
  const place = `${host}:${port}`;
  if (code === 'ECONNREFUSED') return unreachable(`nothing listens on ${place}`, error);
  if (code === 'ETIMEDOUT') return unreachable(`${place} does not answer`, error);
  if (/HOSTUNREACH|NETUNREACH/.test(code)) return unreachable(`there is no route to ${host}`, error);
  if (secure && /CERT|SIGNATURE|ISSUER|ALTNAME/.test(code)) {
    return new FrameliftError('source.unreachable', `the certificate of ${place} is not trusted (${code})`, {
      recoverable: false,
      remedy:
        'Give the source a certificate of a known authority, or switch certificate checking off for it: verifyCertificate: false.',
      cause: error,
    });
  }
  if (secure && /SSL|PROTO/.test(code)) return unreachable(`${place} does not speak TLS (${code})`, error, false);
  return unreachable(`${place} cannot be reached${code ? ` (${code})` : ''}`, error);
}

/** `source.unreachable`. */
export function unreachable(message: string, cause?: unknown, recoverable = true): FrameliftError {
  return new FrameliftError('source.unreachable', message, { recoverable, cause });
}

/** Node's code of an error: `ECONNRESET`. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
