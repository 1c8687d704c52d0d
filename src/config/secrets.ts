/**
 * Secrets of the configuration: tokens and where they come from, and what may be shown of the rest.
 * Pure.
 */
import { randomBytes } from 'node:crypto';
import { shownOutput } from '../egress/push/address.ts';
import { FrameliftError, redactUrl } from '../errors.ts';

/**
 * What a request wants: to publish by WHIP, to watch and read (WHEP, `/ws`, the API's GETs), or to
 * change something.
 */
export type Role = 'publish' | 'play' | 'admin';

/** Tokens of each role. A token for `admin` may do everything. */
export type Tokens = Readonly<Record<Role, readonly string[]>>;

/** What RFC 6750 lets stand behind `Bearer`, long enough not to be guessed. */
export const TOKEN = /^(?=.{8,512}$)[\w.~+/-]+=*$/;
/** Name of an environment variable. */
export const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** {@link TOKEN} in words. */
export const TOKEN_RULE = 'a token has 8 to 512 letters, digits and "-._~+/", with "=" only at its end';

/** Names of environment variables that add a token to those of the configuration. */
const VARIABLES: Readonly<Record<Role, string>> = {
  publish: 'FRAMELIFT_PUBLISH_TOKEN',
  play: 'FRAMELIFT_PLAY_TOKEN',
  admin: 'FRAMELIFT_ADMIN_TOKEN',
};

/**
 * Tokens as they are configured: themselves, or the name of an environment variable that holds one.
 */
type TokenSettings = Readonly<Record<Role, readonly (string | { readonly env: string })[]>>;
type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The tokens of a configuration and of the environment.
 * @throws FrameliftError `config.invalid` naming the key and the variable that is not set, or holds
 * no token. Never its value.
 */
export function resolveTokens(settings: TokenSettings, env: Environment): Tokens {
  const of = (role: Role): string[] => {
    const named = settings[role].map((token) =>
      typeof token === 'string' ? token : fromVariable(token.env, env, `auth.${role}`),
    );
    const variable = VARIABLES[role];
    return env[variable] ? [...named, fromVariable(variable, env, `auth.${role}`)] : named;
  };
  return { publish: of('publish'), play: of('play'), admin: of('admin') };
}

/**
 * @throws FrameliftError `config.invalid` for a stream that waits for publishers where no token
 * lets anybody publish.
 */
export function checkPublishers(
  streams: readonly { readonly name: string; readonly source: string }[],
  { publish, admin }: Tokens,
): void {
  const waiting = streams.find(({ source }) => source === 'whip');
  if (waiting === undefined || publish.length > 0 || admin.length > 0) return;
  throw new FrameliftError('config.invalid', `stream "${waiting.name}": its source is whip, and nobody may publish`, {
    remedy: 'Start with --publish-token generate, configure auth.publish, or set FRAMELIFT_PUBLISH_TOKEN.',
  });
}

/**
 * A token out of an environment variable.
 * @param key for messages.
 * @throws FrameliftError `config.invalid` where it is not set, or holds no token. Never its value.
 */
export function fromVariable(name: string, env: Environment, key: string): string {
  const value = env[name];
  if (value !== undefined && TOKEN.test(value)) return value;
  const what = value === undefined || value === '' ? 'is not set' : `holds no token: ${TOKEN_RULE}`;
  throw new FrameliftError('config.invalid', `${key}: the environment variable ${name} ${what}`, {
    remedy: `Set ${name}, for example to what "openssl rand -hex 16" prints.`,
  });
}

/** A token that cannot be guessed: 32 characters. */
export function makeToken(): string {
  return randomBytes(24).toString('base64url');
}

/** Keys whose value is nobody's business. */
const SECRET_KEY = /credential|password|secret|token/i;

/**
 * A copy of `value` for people: tokens, passwords and credentials are `***`, URLs lose theirs.
 * Names of environment variables stay.
 * @param path keys that lead to it from the top of the configuration.
 */
export function withoutSecrets(value: unknown, path: readonly PropertyKey[] = []): unknown {
  if (isSecret(value, path)) return '***';
  if (typeof value === 'string') return path.includes('outputs') ? shownOutput(value) : redactUrl(value);
  if (Array.isArray(value)) return value.map((item, index) => withoutSecrets(item, [...path, index]));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withoutSecrets(item, [...path, name])]));
}

/** Numbers, too: a password of digits that was written without quotes. */
function isSecret(value: unknown, path: readonly PropertyKey[]): boolean {
  if (typeof value !== 'string' && typeof value !== 'number') return false;
  if (path.at(-1) === 'env' && VARIABLE.test(`${value}`)) return false;
  return path[0] === 'auth' || path.some((key) => SECRET_KEY.test(String(key)));
}
