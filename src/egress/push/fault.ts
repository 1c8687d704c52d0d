/** From the last words of an ffmpeg that pushed to an error with a reason. Pure. */
import { type ErrorCode, FrameliftError } from '../../errors.ts';
import { shownWords } from './address.ts';

interface Rule {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly recoverable: boolean;
  readonly remedy: string;
}

/** The first rule that matches any line wins. */
const RULES: readonly Rule[] = [
  {
    pattern:
      /\b401\b|\b403\b|Unauthorized|Forbidden|authentication failed|Authorization|access denied|BADSECRET|ERROR:BADSECRET|\bunauth/i,
    code: 'output.unauthorized',
    recoverable: false,
    remedy: 'Put the right user name and password, or stream key, into the URL of the output.',
  },
  {
    pattern:
      /certificate (?:verify failed|failed verification)|certificate.{0,40}(?:expired|invalid|not trusted|issuer)|tlsv1 alert/i,
    code: 'output.unauthorized',
    recoverable: false,
    remedy: "Let the server have a certificate that this machine's authorities have signed.",
  },
  {
    pattern: /Protocol not found|Requested output format .{0,40}(?:is not known|not a suitable)|Unknown encoder/i,
    code: 'output.failed',
    recoverable: false,
    remedy: 'This ffmpeg was built without that: use another one (FFMPEG_PATH).',
  },
  {
    pattern: /Unrecognized option|Option .{0,60} not found|Error splitting the argument list/i,
    code: 'output.failed',
    recoverable: false,
    remedy: 'This ffmpeg does not know an option that the others know: use another one (FFMPEG_PATH).',
  },
  {
    pattern: /Failed to resolve|Name or service not known|name resolution|refused|No route to host|unreachable/i,
    code: 'output.unreachable',
    recoverable: true,
    remedy: "Check the output's host and port, and that the server there is running.",
  },
  {
    pattern: /timed out|timeout|Cannot open connection|Connection setup failure/i,
    code: 'output.unreachable',
    recoverable: true,
    remedy: "Check the output's host, port and firewall.",
  },
  {
    pattern: /\b4\d\d [A-Z]|returned 4|\b5\d\d [A-Z]|Server error|publish|rejected|not permitted|Bad ?Name/i,
    code: 'output.refused',
    recoverable: true,
    remedy: 'Check the path of the output, and what the log of the server there says.',
  },
];

/** The error for an ffmpeg that ended by itself. @param lines its warnings and errors, oldest first. */
export function pushFault(lines: readonly string[], exitCode: number | null, url: string): FrameliftError {
  for (const { pattern, code, recoverable, remedy } of RULES) {
    const line = lines.findLast((text) => pattern.test(text));
    if (line !== undefined) return new FrameliftError(code, `ffmpeg: ${tidy(line, url)}`, { recoverable, remedy });
  }
  const how = exitCode === null ? 'was killed' : `exited with ${exitCode}`;
  const last = lines.at(-1);
  const said = last === undefined ? '' : `: ${tidy(last, url)}`;
  const closed = /Broken pipe|Connection reset|Input\/output error|End of file/i.test(said);
  if (closed) {
    return new FrameliftError('output.refused', `the server closed the connection${said}`, {
      recoverable: true,
      remedy: 'Check what the log of the server there says.',
    });
  }
  return new FrameliftError('output.failed', `ffmpeg ${how}${said}`, { recoverable: true });
}

/** A line without credentials and without ffmpeg's own prefixes. */
function tidy(line: string, url: string): string {
  return shownWords(line.replace(/\[[^\]]* @ 0x[0-9a-f]+\] /g, '').replace(/^\[\w+\] /, ''), url)
    .trim()
    .slice(0, 300);
}
