/** One operation of the API. */
import type { z } from 'zod';
import type { Role } from '../../config/secrets.ts';

/** What a handler is given. */
interface ApiRequest<Body = unknown> {
  /** `{name}` of the path; empty where the path has none. */
  readonly name: string;
  /** `{file}` of the path; empty where the path has none. */
  readonly file: string;
  /** Checked. */
  readonly body: Body;
  /** Checked; undefined where none is read. */
  readonly query?: unknown;
}

/** One method of one path. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** `{name}` stands for a stream's name, `{file}` for that of a recording. */
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  readonly role: Role;
  /** Absent: a body is not read. */
  readonly body?: z.ZodType;
  /** Absent: a query is not read. */
  readonly query?: z.ZodType;
  /** Of success. */
  readonly status: 200 | 201 | 204;
  /** Absent: there is none. */
  readonly answer?: z.ZodType;
  /** The answer is the file of the path that `handle` gives. */
  readonly file?: boolean;
  /** The answer is the snapshot that `handle` gives, with headers that mean this. */
  readonly picture?: Readonly<Record<string, string>>;
  /** Statuses of refusals beside those that every operation has. */
  readonly refusals: readonly number[];
  /** Gives the answer as `answer` describes it. @throws FrameliftError for a refusal. */
  readonly handle: (request: ApiRequest) => unknown;
}

/** An operation whose handler is held to its schemas. */
export function operation<Body extends z.ZodType, Answer extends z.ZodType>(
  typed: Omit<Operation, 'handle' | 'body' | 'answer'> & {
    readonly body?: Body;
    readonly answer?: Answer;
    readonly handle: (request: ApiRequest<z.output<Body>>) => z.input<Answer> | Promise<z.input<Answer>>;
  },
): Operation {
  // The route checks the body by the schema before it calls the handler.
  return typed as Operation;
}
