/**
 * `server.basePath`: the path at which a proxy shows this server. Requests below it are those of
 * the same paths without it, so that a proxy may take it off or leave it on.
 */
import type { FastifyInstance } from 'fastify';

/** The target of a request without the base path; what is not below it stays as it is. */
export function withoutBase(target: string, basePath: string): string {
  return basePath !== '' && target.startsWith(`${basePath}/`) ? target.slice(basePath.length) : target;
}

/** Leads from the base path to the page, whose relative addresses need the slash at its end. */
export function mountBasePath(app: FastifyInstance, basePath: string): void {
  if (basePath === '') return;
  app.get(basePath, async ({ url }, reply) => {
    const query = url.indexOf('?');
    return reply.redirect(`${basePath}/${query < 0 ? '' : url.slice(query)}`, 308);
  });
}
