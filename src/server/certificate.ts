/**
 * The certificate that the server shows: read from files, checked, and exchanged while it listens.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { FrameliftError, messageOf } from '../errors.ts';
import type { Log } from '../log.ts';

/** PEM files. */
interface CertificateFiles {
  /** The certificate, and behind it those that lead to its authority. */
  readonly cert: string;
  readonly key: string;
}

/** What the files hold. */
export interface Pem {
  readonly cert: string;
  readonly key: string;
}

/**
 * Reads a certificate and its key.
 * @throws FrameliftError `config.invalid` naming the key of the configuration, the file, and what is
 * wrong with it.
 */
export function readCertificate(files: CertificateFiles): Pem {
  const pem = { cert: readPem('cert', files.cert), key: readPem('key', files.key) };
  const certificate = parsed(() => new X509Certificate(pem.cert), {
    what: `server.tls.cert: ${files.cert} holds no PEM certificate`,
    remedy: 'Give the certificate, and behind it those that lead to its authority (fullchain.pem).',
  });
  const key = parsed(() => createPrivateKey(pem.key), {
    what: `server.tls.key: ${files.key} holds no PEM key without a passphrase`,
    remedy: 'Give the key as "openssl pkey -in OLD -out NEW" writes it.',
  });
  if (!certificate.checkPrivateKey(key)) {
    throw new FrameliftError('config.invalid', `server.tls: the key ${files.key} is not that of ${files.cert}`, {
      remedy: 'Give both files of one certificate; where it is renewed, exchange both.',
    });
  }
  parsed(() => createSecureContext(pem), { what: `server.tls: ${files.cert} and ${files.key}` });
  return pem;
}

/**
 * Says in the log until when a certificate is valid, and warns of one that browsers refuse by now.
 * It is used all the same: a server that does not start is no better.
 * @param now milliseconds since the Unix epoch.
 */
export function logValidity({ cert }: Pem, now: number, log: Log): void {
  const { subject, subjectAltName: names, validFromDate, validToDate } = new X509Certificate(cert);
  const [from, until] = [validFromDate.toISOString(), validToDate.toISOString()];
  const fields = { subject, names, from, until };
  const remedy = 'Renew it, put the files in place, and reload (SIGHUP).';
  if (now > validToDate.getTime()) log.warn({ ...fields, remedy }, `the TLS certificate expired on ${until}`);
  else if (now < validFromDate.getTime()) log.warn(fields, `the TLS certificate is not valid before ${from}`);
  else log.info(fields, 'TLS certificate');
}

/** @throws FrameliftError `config.invalid`. */
function parsed<T>(parse: () => T, { what, remedy }: { readonly what: string; readonly remedy?: string }): T {
  try {
    return parse();
  } catch (cause) {
    // OpenSSL's reason names no contents.
    const options = remedy === undefined ? { cause } : { remedy, cause };
    throw new FrameliftError('config.invalid', `${what}: ${messageOf(cause)}`, options);
  }
}

function readPem(key: keyof CertificateFiles, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    const mayNot = code === 'EACCES' || code === 'EPERM';
    throw new FrameliftError('config.invalid', `server.tls.${key}: ${path} cannot be read (${code})`, {
      remedy: mayNot
        ? 'Let the user that framelift runs as read it, or start it as deploy/framelift.service does.'
        : 'Give a PEM file that is there.',
      cause,
    });
  }
}

/** A certificate in use. */
export class Certificate {
  #pem: Pem;
  #follower: (pem: Pem) => void = () => {};

  constructor(pem: Pem) {
    this.#pem = pem;
  }

  /** Shows `pem` to whoever connects from now on. */
  use(pem: Pem): void {
    this.#pem = pem;
    this.#follower(pem);
  }

  /** What is shown now; `follower` is told of every later one. */
  follow(follower: (pem: Pem) => void): Pem {
    this.#follower = follower;
    return this.#pem;
  }
}
