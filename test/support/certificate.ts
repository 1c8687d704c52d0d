/** Certificates of tests, made by openssl. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { connect } from 'node:tls';

const KINDS = {
  ecdsa: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
  rsa: ['-newkey', 'rsa:2048'],
  'rsa-1024': ['-newkey', 'rsa:1024'],
  ed25519: ['-newkey', 'ed25519'],
} as const;

/** Writes `cert.pem` and `key.pem` for 127.0.0.1 to `folder`, over those that are there. @param name common name. */
export function writeCertificate(
  folder: string,
  name: string,
  kind: keyof typeof KINDS = 'ecdsa',
): { cert: string; key: string } {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost', '-days', '1'];
  execFileSync('openssl', ['req', '-x509', ...KINDS[kind], '-nodes', ...subject, '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  });
  return { cert, key };
}

/** Common name of the certificate that is shown at `url`, whoever signed it. */
export function nameShown(url: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().subject.CN);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}
