/** Files as answers: all of one, or a range of its bytes (RFC 9110 section 14). */
import { open } from 'node:fs/promises';
import { extname } from 'node:path';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { refuse, uncached } from '../reply.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.mp4': 'video/mp4',
  '.mkv': 'video/x-matroska',
  '.jsonl': 'application/jsonl; charset=utf-8',
};

/** Bytes from and to, both included; `none`: the file has none of them; undefined: all are asked for. */
function rangeOf(
  header: string | undefined,
  size: number,
): { readonly from: number; readonly to: number } | 'none' | undefined {
  // Several ranges are answered with everything, as a server may.
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const count = Math.min(Number(last), size);
    return count === 0 ? 'none' : { from: size - count, to: size - 1 };
  }
  const [from, to] = [Number(first), last === '' ? size - 1 : Math.min(Number(last), size - 1)];
  if (last !== '' && Number(last) < from) return undefined;
  return from >= size ? 'none' : { from, to };
}

/** Answers with a file that may still grow: what is there by now. */
export async function answerFile(request: FastifyRequest, reply: FastifyReply, path: string): Promise<FastifyReply> {
  const file = await open(path, 'r').catch(() => undefined);
  const about = await file?.stat();
  if (!file || !about?.isFile()) {
    await file?.close();
    return refuse(reply, { status: 404, code: 'server.no-recording', message: 'the file is not there any more' });
  }
  const { size } = about;
  const range = rangeOf(request.headers.range, size);
  uncached(reply).headers({ 'Accept-Ranges': 'bytes' });
  if (range === 'none') {
    await file.close();
    reply.header('Content-Range', `bytes */${size}`);
    return refuse(reply, { status: 416, code: 'http.bad-range', message: `the file has ${size} bytes` });
  }
  const { from, to } = range ?? { from: 0, to: size - 1 };
  if (range) reply.code(206).header('Content-Range', `bytes ${from}-${to}/${size}`);
  reply.type(TYPES[extname(path)] ?? 'application/octet-stream').header('Content-Length', to - from + 1);
  if (request.method === 'HEAD' || size === 0) {
    await file.close();
    // Without a body fastify would say that it has no bytes.
    return reply.send(Readable.from([]));
  }
  return reply.send(file.createReadStream({ start: from, end: to }));
}
