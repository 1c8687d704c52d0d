/** The files of the page: what src/web holds, read once. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, sep } from 'node:path';

/** One file as it is sent. */
export interface PageFile {
  readonly path: string;
  readonly type: string;
  readonly body: Buffer;
  /** Strong, quoted. */
  readonly etag: string;
}

const WEB = new URL('../web/', import.meta.url);

/** What is served of src/web, by extension. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Where documents are, which are not asked for by the name of their file. */
const DOCUMENTS: Readonly<Record<string, string>> = { 'index.html': '/', 'embed/index.html': '/embed/:stream' };

/**
 * Sent with every file: nothing from elsewhere, nothing inline, no guessing of types.
 * @param frameAncestors sites beside this server itself that may show the page in a frame.
 */
export function pageHeaders(frameAncestors: readonly string[]): Readonly<Record<string, string>> {
  return {
    'Content-Security-Policy':
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; media-src 'self' blob:; " +
      `base-uri 'none'; form-action 'none'; frame-ancestors ${["'self'", ...frameAncestors].join(' ')}`,
    'Permissions-Policy': 'camera=(self), microphone=(), display-capture=(), geolocation=()',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-cache',
  };
}

/**
 * Reads the page; its `index.html` is `/`, and the player for other pages `/embed/<stream>`.
 * Addresses in it are relative: it is served at any path.
 * @param folder of its files, with a slash at the end.
 * @throws the error of node:fs when the installation is incomplete.
 */
export function readPage(folder = WEB): PageFile[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap((name) => {
    const type = TYPES[extname(name)];
    if (type === undefined) return [];
    const file = name.replaceAll(sep, '/');
    const body = readFileSync(new URL(file, folder));
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    return [{ path: DOCUMENTS[file] ?? `/${file}`, type, body, etag }];
  });
}
