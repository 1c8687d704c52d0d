/** Tokens of tests. */
import { Access } from '../../src/server/auth.ts';

/** One for each role. */
export const TOKENS = {
  publish: 'publish-token-of-tests',
  play: 'play-token-of-tests',
  admin: 'admin-token-of-tests',
} as const;

/** What a server takes them from: publishing and administration need theirs, playing is open. */
export function testAccess(): Access {
  return new Access({ publish: [TOKENS.publish], play: [], admin: [TOKENS.admin] });
}

/** The header that carries a token. */
export function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` };
}
