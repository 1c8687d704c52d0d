/** WHEP (draft-ietf-wish-whep-03) as a resource, independent of the HTTP framework that mounts it. */
import type { Variant } from '../metrics/events.ts';
import type { Publication } from './publication.ts';

/** An HTTP request as the endpoint needs it. The server limits the body to {@link MAX_OFFER_BYTES} + 1 or passes it whole. */
export interface WhepRequest {
  readonly method: string;
  /** `<stream>` of `/whep/<stream>`, decoded. */
  readonly stream: string;
  /** `?variant=`, undefined when absent. */
  readonly variant?: string | undefined;
  /** `<sessionId>` of `/whep/<stream>/<sessionId>`. */
  readonly sessionId?: string | undefined;
  /** Lower-case names, as node:http gives them. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

/** An HTTP answer. Header names in their usual case. */
export interface WhepResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Largest SDP offer taken. */
export const MAX_OFFER_BYTES = 131_072;

/** Options of {@link WhepEndpoint}. */
export interface WhepOptions {
  /** The publication of a stream, or undefined when there is no such stream. */
  readonly find: (stream: string, variant: Variant) => Publication | undefined;
  /** Path before `<stream>`, for `Location`. Default `/whep/`. */
  readonly basePath?: string;
}

/** Handles POST, DELETE, PATCH and OPTIONS of `/whep/<stream>[/<sessionId>]`. */
export class WhepEndpoint implements AsyncDisposable {
  constructor(options: WhepOptions) {
    void options;
  }

  /** Answers one request. Never rejects. */
  handle(_request: WhepRequest): Promise<WhepResponse> {
    return Promise.resolve({ status: 501, headers: {} });
  }

  /** Sessions open now. */
  get sessions(): number {
    return 0;
  }

  /** Ends all sessions. */
  async [Symbol.asyncDispose](): Promise<void> {}
}
