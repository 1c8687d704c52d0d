/** The files of the page: a fixed list, read once. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** One file as it is sent. */
export interface PageFile {
  readonly path: string;
  readonly type: string;
  readonly body: Buffer;
  /** Strong, quoted. */
  readonly etag: string;
}

const FILES = [
  ['/', 'index.html', 'text/html; charset=utf-8'],
  ['/style.css', 'style.css', 'text/css; charset=utf-8'],
  ['/streams.css', 'streams.css', 'text/css; charset=utf-8'],
  ['/screens.css', 'screens.css', 'text/css; charset=utf-8'],
  ['/readings.css', 'readings.css', 'text/css; charset=utf-8'],
  ['/dialogs.css', 'dialogs.css', 'text/css; charset=utf-8'],
  ['/theme.js', 'theme.js', 'text/javascript; charset=utf-8'],
  ['/app.js', 'app.js', 'text/javascript; charset=utf-8'],
  ['/access.js', 'access.js', 'text/javascript; charset=utf-8'],
  ['/compare.js', 'compare.js', 'text/javascript; charset=utf-8'],
  ['/link.js', 'link.js', 'text/javascript; charset=utf-8'],
  ['/live.js', 'live.js', 'text/javascript; charset=utf-8'],
  ['/panel.js', 'panel.js', 'text/javascript; charset=utf-8'],
  ['/player.js', 'player.js', 'text/javascript; charset=utf-8'],
  ['/plot.js', 'plot.js', 'text/javascript; charset=utf-8'],
  ['/provenance.js', 'provenance.js', 'text/javascript; charset=utf-8'],
  ['/publish.js', 'publish.js', 'text/javascript; charset=utf-8'],
  ['/stage.js', 'stage.js', 'text/javascript; charset=utf-8'],
  ['/streams.js', 'streams.js', 'text/javascript; charset=utf-8'],
  ['/whep.js', 'whep.js', 'text/javascript; charset=utf-8'],
  ['/words.js', 'words.js', 'text/javascript; charset=utf-8'],
  ['/icon.svg', 'icon.svg', 'image/svg+xml'],
] as const;

/** Sent with every file: nothing from elsewhere, nothing inline, no guessing of types. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
  'Permissions-Policy': 'camera=(self), microphone=(), display-capture=(), geolocation=()',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
};

/** Reads the page. @throws the error of node:fs when the installation is incomplete. */
export function readPage(): PageFile[] {
  return FILES.map(([path, file, type]) => {
    const body = readFileSync(new URL(`../web/${file}`, import.meta.url));
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    return { path, type, body, etag };
  });
}
