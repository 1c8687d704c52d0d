/**
 * Keys of the configuration that say how people and pages reach the server: names, proxies, paths,
 * frames, other sites.
 */
import { z } from 'zod';
import { isAllowance } from '../ingest/address-guard.ts';

/** First parts of paths that are the server's own: a base path of that name would hide them. */
export const RESERVED_PATHS: readonly string[] = ['api', 'embed', 'healthz', 'metrics', 'readyz', 'whep', 'whip', 'ws'];

const SEGMENTS = /^\/?$|^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~-]+)+\/?$/;

/** `http(s)://host[:port]`, in CSP also with `*.` before the host. */
const ORIGIN = /^https?:\/\/(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i;
const ANCESTOR = /^(?:\*|https?:\/\/(?:\[[0-9a-f:.]+\]|(?:\*\.)?[a-z0-9._-]+)(?::(?:\d{1,5}|\*))?)$/i;

/** A list of sites whose pages may do something here, each as browsers spell it in an Origin header. */
export const origins = (what: string) =>
  z
    .array(
      z
        .string()
        .refine(
          (text) => text === '*' || (ORIGIN.test(text) && URL.canParse(text)),
          'an origin is http(s)://host[:port], or *',
        )
        .transform((text) => (text === '*' ? text : new URL(text).origin)),
    )
    .default([])
    .describe(`origins of other sites whose pages may ${what}`);

/** True for a URL at which people may open the page: http or https, a host, and no more than a path. */
function isPublicUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && ORIGIN.test(url.origin) && !/[?#@\\\s]/.test(text) && /^https?:\/\//i.test(text);
}

/** Keys of `server`. */
export const frontKeys = {
  publicUrls: z
    .array(z.string().refine(isPublicUrl, 'expected http(s)://host[:port][/path], as people open the page'))
    .max(16)
    .default([])
    .describe('where people open the page, if not by the address of server.host: by a name, through a proxy'),
  basePath: z
    .string()
    .regex(SEGMENTS, 'expected a path such as /framelift')
    .transform((path) => path.replace(/\/$/, ''))
    .refine((path) => !RESERVED_PATHS.includes(path.split('/')[1] ?? ''), 'is a path of framelift’s own')
    .default('')
    .describe('path at which a proxy shows framelift'),
  trustProxy: z
    .array(z.string().refine(isAllowance, 'expected loopback, private, an address, or a range such as 10.1.0.0/16'))
    .max(64)
    .default([])
    .describe('proxies whose X-Forwarded-For, -Proto and -Host are believed'),
  frameAncestors: z
    .array(z.string().regex(ANCESTOR, 'an origin is http(s)://host[:port], http(s)://*.host, or *'))
    .max(64)
    .default([])
    .describe('sites that may show the page in a frame; none but this server itself by default'),
};
