/** From ffmpeg's last words to an error with a reason. Pure. */
import { type ErrorCode, FrameliftError } from '../../errors.ts';
import { shownText } from './url.ts';

interface Rule {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly recoverable: boolean;
  readonly remedy?: string;
}

/** The first rule that matches any line wins: the more specific ones stand first. */
const RULES: readonly Rule[] = [
  {
    pattern: /\b(401 Unauthorized|403 Forbidden|Unauthorized|authentication failed|returned 40[13]|ERROR:BADSECRET)\b/i,
    code: 'source.unauthorized',
    recoverable: false,
    remedy: 'Put the right user name and password into the URL.',
  },
  {
    pattern: /not on whitelist/i,
    code: 'source.forbidden',
    recoverable: false,
    remedy: 'A playlist or a redirection led to a protocol that its own scheme may not use.',
  },
  {
    pattern: /Protocol not found|Unknown input format/i,
    code: 'source.unsupported-scheme',
    recoverable: false,
    remedy: 'This ffmpeg was built without that protocol: use another ffmpeg (FFMPEG_PATH).',
  },
  {
    pattern: /Unrecognized option|Option .{0,60} not found|Error splitting the argument list/i,
    code: 'ffmpeg.failed',
    recoverable: false,
    remedy:
      'This ffmpeg does not know an option that the others know: use another one (FFMPEG_PATH), 5.1 to 9.0 are tested.',
  },
  {
    pattern: /Video codec \(\w{1,8}\) is not implemented/,
    code: 'source.unsupported-codec',
    recoverable: false,
    remedy: 'H.265, AV1 and VP9 over RTMP take ffmpeg 6.1 or newer (FFMPEG_PATH); or let the publisher send H.264.',
  },
  {
    pattern: /no decoder found|Decoder .{0,60}not found|Decoder \(codec \w+\) not found|Unknown decoder/i,
    code: 'source.unsupported-codec',
    recoverable: false,
  },
  {
    pattern: /matches no streams|does not contain any stream/i,
    code: 'source.no-video',
    recoverable: true,
    remedy: 'Check that the source sends video.',
  },
  {
    pattern: /\b(404 Not Found|returned 404|StreamNotFound|No such device|No such file or directory)\b/i,
    code: 'source.not-found',
    recoverable: true,
    remedy: 'Check the path of the URL, and that the source is publishing.',
  },
  {
    pattern:
      /refused|timed out|timeout|No route to host|unreachable|Failed to resolve|Name or service not known|name resolution|Connection reset|Connection setup failure|Input\/output error|Broken pipe|Network is down|Cannot open connection/i,
    code: 'source.unreachable',
    recoverable: true,
    remedy: 'Check host, port and firewall, and that the source is running.',
  },
  {
    pattern:
      /Invalid data found|could not find codec parameters|moov atom not found|unspecified size|Server returned 5/i,
    code: 'source.protocol',
    recoverable: true,
  },
];

/**
 * The error for an ffmpeg that ended by itself. `lines` are its warnings and errors, oldest first;
 * `delivered` counts the frames that came before the end. A clean end after frames is
 * `source.ended`.
 */
export function ffmpegFault(lines: readonly string[], exitCode: number | null, delivered: number): FrameliftError {
  if (delivered > 0 && exitCode === 0) {
    return new FrameliftError('source.ended', `the source ended after ${delivered} frames`, { recoverable: true });
  }
  for (const rule of RULES) {
    const line = lines.findLast((text) => rule.pattern.test(text));
    if (line === undefined) continue;
    return new FrameliftError(rule.code, `ffmpeg: ${tidy(line)}`, {
      recoverable: rule.recoverable,
      ...(rule.remedy === undefined ? {} : { remedy: rule.remedy }),
    });
  }
  const last = lines.at(-1);
  if (exitCode === 0) {
    return new FrameliftError('source.no-video', 'the source ended without a frame', { recoverable: true });
  }
  const how = exitCode === null ? 'was killed' : `exited with ${exitCode}`;
  const said = last === undefined ? '' : `: ${tidy(last)}`;
  return new FrameliftError('ffmpeg.failed', `ffmpeg ${how}${said}`, { recoverable: true });
}

/** A line without credentials, queries (they hold passphrases), and ffmpeg's own prefixes. */
function tidy(line: string): string {
  return shownText(line.replace(/\[[^\]]* @ 0x[0-9a-f]+\] /g, ''))
    .trim()
    .slice(0, 300);
}
