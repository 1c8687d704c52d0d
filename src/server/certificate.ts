/**
 * The certificate that the server shows: read from files, checked, and exchanged while it listens.
 */
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { FrameliftError, messageOf } from '../errors.ts';

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
 * @throws FrameliftError `config.invalid` naming the key of the configuration and the file.
 */
export function readCertificate(files: CertificateFiles): Pem {
  const pem = { cert: readPem('cert', files.cert), key: readPem('key', files.key) };
  try {
    createSecureContext(pem);
  } catch (thrown) {
    // OpenSSL's reason names no contents.
    throw new FrameliftError('config.invalid', `server.tls: ${files.cert} and ${files.key}: ${messageOf(thrown)}`, {
      remedy: 'Give a PEM certificate, and the PEM key without a passphrase that belongs to it.',
    });
  }
  return pem;
}

function readPem(key: keyof CertificateFiles, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new FrameliftError('config.invalid', `server.tls.${key}: ${path} cannot be read`, {
      remedy: 'Give a PEM file that framelift may read.',
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
