/**
 * Basic (RFC 7617) and Digest (RFC 7616, and 2069 for old cameras) authentication for RTSP. Pure.
 */
import { createHash, randomBytes } from 'node:crypto';
import { MAX_CHALLENGE_LENGTH, MAX_CHALLENGE_PARAMETERS, MAX_CHALLENGES } from '../peer-limits.ts';

/** One challenge of a WWW-Authenticate field. */
export interface Challenge {
  /** Lower case: `basic`, `digest`. */
  readonly scheme: string;
  /** By lower-case name, unquoted. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** User name and password. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/**
 * Parses WWW-Authenticate; several challenges may share a line or have one each. Linear in time;
 * what is beyond the limits is not read.
 */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  const text = new ChallengeText(header.slice(0, MAX_CHALLENGE_LENGTH));
  for (let word = text.word(); word !== undefined; word = text.word()) {
    const value = text.value();
    const parameters = challenges.at(-1)?.parameters;
    if (value === undefined) {
      if (challenges.length === MAX_CHALLENGES) break;
      challenges.push({ scheme: word.toLowerCase(), parameters: new Map() });
    } else if (parameters && parameters.size < MAX_CHALLENGE_PARAMETERS) parameters.set(word.toLowerCase(), value);
  }
  return challenges;
}

/** Reads words, and values of the form `= value`, from left to right: each character once. */
class ChallengeText {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next word; undefined at the end. */
  word(): string | undefined {
    this.#skip(/[^\w-]*/y);
    return this.#skip(/[\w-]+/y) || undefined;
  }

  /** What stands behind `=`, unquoted; undefined where there is none. */
  value(): string | undefined {
    this.#skip(/\s*/y);
    if (this.#text[this.#at] !== '=') return undefined;
    this.#at += 1;
    this.#skip(/\s*/y);
    if (this.#text[this.#at] !== '"') return this.#skip(/[^\s,"]*/y);
    this.#at += 1;
    const quoted = this.#skip(/(?:[^"\\]|\\.)*/sy);
    this.#at += 1;
    return quoted.replace(/\\(.)/gs, '$1');
  }

  #skip(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }
}

/**
 * What a WWW-Authenticate field asks for, for messages: `Bearer`, `Digest with SHA-1`; `nothing
 * that is known` when it is empty.
 */
export function describeChallenges(header: string): string {
  const asked = parseChallenges(header).map(({ scheme, parameters }) => {
    const algorithm = parameters.get('algorithm');
    const name = scheme.charAt(0).toUpperCase() + scheme.slice(1);
    return algorithm === undefined ? name : `${name} with ${algorithm}`;
  });
  return asked.join(' or ').slice(0, 100) || 'nothing that is known';
}

/** Hashes by the name that the algorithm parameter uses. */
const HASHES: Readonly<Record<string, string>> = { md5: 'md5', 'sha-256': 'sha256', 'sha-512-256': 'sha512-256' };
const STRENGTH = ['md5', 'sha-256', 'sha-512-256'];

/** What {@link Authenticator.answer} made of a 401. */
export type Answer = 'retry' | 'rejected' | 'unsupported';

/** Authentication of one session: remembers the challenge and counts uses of its nonce. */
export class Authenticator {
  readonly #credentials: Credentials;
  readonly #newCnonce: () => string;
  #challenge: Challenge | undefined;
  #uses = 0;
  #proven = false;
  #unanswered = false;

  /** @param newCnonce for tests with known answers. */
  constructor(credentials: Credentials, newCnonce: () => string = () => randomBytes(12).toString('hex')) {
    this.#credentials = credentials;
    this.#newCnonce = newCnonce;
  }

  /**
   * Takes the WWW-Authenticate field of a 401. `tries`: how often this request was sent with an
   * Authorization field. `retry`: ask again with {@link authorize}. `rejected`: the credentials are
   * wrong. `unsupported`: the server offers nothing we speak.
   */
  answer(header: string, tries: number): Answer {
    const chosen = choose(parseChallenges(header));
    if (!chosen) return 'unsupported';
    this.#challenge = chosen;
    this.#uses = 0;
    const stale = chosen.parameters.get('stale')?.toLowerCase() === 'true';
    // Many cameras let a nonce run out without saying so: once credentials were good, a 401 earns
    // one more try.
    const limit = stale ? 2 : this.#proven ? 1 : 0;
    this.#unanswered = tries <= limit;
    return this.#unanswered ? 'retry' : 'rejected';
  }

  /** A request with these credentials was accepted. */
  accepted(): void {
    this.#unanswered = false;
    if (this.#challenge) this.#proven = true;
  }

  /** The last answer was a challenge, and none of the server's has come since. */
  get isChallenged(): boolean {
    return this.#unanswered;
  }

  /** The Authorization field for a request, or undefined before any challenge. */
  authorize(method: string, uri: string): string | undefined {
    const challenge = this.#challenge;
    if (!challenge) return undefined;
    const { user, password } = this.#credentials;
    if (challenge.scheme === 'basic') return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    this.#uses += 1;
    return digest(challenge.parameters, this.#credentials, method, uri, this.#newCnonce(), this.#uses);
  }
}

/** The strongest challenge we can answer. */
function choose(challenges: readonly Challenge[]): Challenge | undefined {
  const rank = (challenge: Challenge) => {
    if (challenge.scheme === 'basic') return 0;
    return challenge.scheme === 'digest' && challenge.parameters.has('nonce')
      ? 1 + STRENGTH.indexOf(algorithmOf(challenge.parameters).name)
      : -1;
  };
  let best: Challenge | undefined;
  for (const challenge of challenges) {
    const usable = challenge.scheme === 'basic' || rank(challenge) > 0;
    if (usable && (!best || rank(challenge) > rank(best))) best = challenge;
  }
  return best;
}

function algorithmOf(parameters: ReadonlyMap<string, string>): { name: string; session: boolean } {
  const algorithm = parameters.get('algorithm')?.toLowerCase() ?? 'md5';
  const session = algorithm.endsWith('-sess');
  return { name: session ? algorithm.slice(0, -5) : algorithm, session };
}

function digest(
  parameters: ReadonlyMap<string, string>,
  { user, password }: Credentials,
  method: string,
  uri: string,
  cnonce: string,
  uses: number,
): string {
  const { name, session } = algorithmOf(parameters);
  const hash = (text: string) =>
    createHash(HASHES[name] ?? 'md5')
      .update(text)
      .digest('hex');
  const realm = parameters.get('realm') ?? '';
  const nonce = parameters.get('nonce') ?? '';
  const offered = parameters.get('qop');
  const qop = offered?.split(',').some((q) => q.trim().toLowerCase() === 'auth') ? 'auth' : undefined;
  const nc = uses.toString(16).padStart(8, '0');
  const plain = hash(`${user}:${realm}:${password}`);
  const ha1 = session ? hash(`${plain}:${nonce}:${cnonce}`) : plain;
  const ha2 = hash(`${method}:${uri}`);
  const response = qop ? hash(`${ha1}:${nonce}:${nc}:${cnonce}:${qop}:${ha2}`) : hash(`${ha1}:${nonce}:${ha2}`);
  const fields = [
    `username="${quote(user)}"`,
    `realm="${quote(realm)}"`,
    `nonce="${quote(nonce)}"`,
    `uri="${uri}"`,
    `response="${response}"`,
  ];
  const algorithm = parameters.get('algorithm');
  if (algorithm !== undefined) fields.push(`algorithm=${algorithm}`);
  const opaque = parameters.get('opaque');
  if (opaque !== undefined) fields.push(`opaque="${quote(opaque)}"`);
  if (qop) fields.push(`qop=${qop}`, `nc=${nc}`);
  if (qop || session) fields.push(`cnonce="${cnonce}"`);
  return `Digest ${fields.join(', ')}`;
}

function quote(text: string): string {
  return text.replace(/["\\]/g, '\\$&');
}
