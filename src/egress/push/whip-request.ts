/** The HTTP of a WHIP client: an offer in, an answer out, and the end of the session. */
import { FrameliftError, messageOf } from '../../errors.ts';
import { type Clock, fromMs, plus } from '../../time.ts';
import { shownOutput } from './address.ts';

/** What a client asks with. */
export interface WhipClientOptions {
  /** `http://…` or `https://…`. */
  readonly url: string;
  readonly token: string | undefined;
  readonly clock: Clock;
}

/** A session that the server has let in. */
export interface WhipSession {
  readonly answer: string;
  /** `Link` fields, joined. */
  readonly links: string;
  /** Ends it. Never rejects, and takes no longer than 2 s. */
  end(): Promise<void>;
}

const TIMEOUT = fromMs(10_000);
const END_TIMEOUT = fromMs(2000);
const MAX_REDIRECTIONS = 5;
const MAX_ANSWER = 131_072;
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS/;

/** Posts an offer. @throws FrameliftError `output.unreachable`, `output.unauthorized`, `output.refused`. */
export async function postOffer(options: WhipClientOptions, offer: string, signal: AbortSignal): Promise<WhipSession> {
  let url = options.url;
  for (let step = 0; step <= MAX_REDIRECTIONS; step += 1) {
    const asked = url;
    const { response, body } = await ask(options, asked, { method: 'POST', body: offer, signal, timeout: TIMEOUT });
    const location = response.headers.get('location');
    if ((response.status === 307 || response.status === 308) && location !== null) {
      url = redirected(location, asked);
      continue;
    }
    if (response.status !== 201) throw refusal(response.status, body, asked);
    const resource = location === null ? undefined : URL.parse(location, asked)?.href;
    return {
      answer: body,
      links: response.headers.get('link') ?? '',
      end: async () => {
        if (resource === undefined) return;
        const end = { method: 'DELETE', signal: new AbortController().signal, timeout: END_TIMEOUT };
        await ask(options, resource, end).catch(() => {});
      },
    };
  }
  throw refused(`${shownOutput(options.url)} redirects more than ${MAX_REDIRECTIONS} times`);
}

interface Asked {
  readonly method: string;
  readonly body?: string;
  readonly signal: AbortSignal;
  readonly timeout: typeof TIMEOUT;
}

async function ask(
  { url: first, token, clock }: WhipClientOptions,
  url: string,
  { method, body, signal, timeout }: Asked,
): Promise<{ response: Response; body: string }> {
  const late = new AbortController();
  const cancel = clock.at(plus(clock.now(), timeout), () => late.abort());
  // A token is for the server that it was configured for.
  const mayKnow = token !== undefined && new URL(url).origin === new URL(first).origin;
  try {
    const response = await fetch(url, {
      ...{ method, redirect: 'manual', signal: AbortSignal.any([signal, late.signal]) },
      ...(body === undefined ? {} : { body }),
      headers: {
        ...(body === undefined ? {} : { 'Content-Type': 'application/sdp' }),
        ...(mayKnow ? { Authorization: `Bearer ${token}` } : {}),
      },
    });
    return { response, body: await textOf(response) };
  } catch (thrown) {
    if (thrown instanceof FrameliftError) throw thrown;
    throw unreachable(url, late.signal.aborted ? 'did not answer in time' : undefined, thrown);
  } finally {
    cancel();
  }
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER) throw refused('the answer is longer than 128 KiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function redirected(location: string, from: string): string {
  const to = URL.parse(location, from);
  const weaker = to?.protocol === 'http:' && from.startsWith('https:');
  if (to && /^https?:$/.test(to.protocol) && !weaker && to.username === '') return to.href;
  throw refused(`${shownOutput(from)} redirects to something that is not on the web, or to less than https`);
}

function refusal(status: number, body: string, url: string): FrameliftError {
  const said = body
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, 200);
  const message = `${shownOutput(url)} answers ${status}${said && !said.startsWith('<') ? `: ${said}` : ''}`;
  if (status !== 401 && status !== 403) return refused(message);
  const remedy = 'Give the output a token that the server takes.';
  return new FrameliftError('output.unauthorized', message, { remedy });
}

function refused(message: string): FrameliftError {
  const remedy = 'Check the path of the output, and what the log of the server there says.';
  return new FrameliftError('output.refused', message, { recoverable: true, remedy });
}

function unreachable(url: string, why: string | undefined, thrown: unknown): FrameliftError {
  // fetch tells the reason behind its own "fetch failed".
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const message = `${shownOutput(url)} ${why ?? `cannot be reached: ${code || messageOf(thrown)}`}`;
  if (CERTIFICATE.test(code)) {
    const remedy = "Let the server have a certificate that Node's authorities have signed (NODE_EXTRA_CA_CERTS).";
    return new FrameliftError('output.unauthorized', message, { remedy, cause: thrown });
  }
  const remedy = "Check the output's host and port, and that the server there is running.";
  return new FrameliftError('output.unreachable', message, { recoverable: true, remedy, cause: thrown });
}
