/** Reads and checks configurations: parsed once, defaults filled in, frozen. */
import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import { asFrameliftError, FrameliftError } from '../errors.ts';
import { rateTarget } from '../pairing/scheduler.ts';
import { describeProblem } from './problems.ts';
import { type Config, type ConfigInput, configSchema, type StreamConfig } from './schema.ts';
import { unheeded } from './source-keys.ts';

/**
 * Checks `input` and fills in defaults.
 * @param origin where it came from, for messages (a file name, `command line`).
 * @throws FrameliftError `config.invalid`, one line for each problem.
 */
export function parseConfig(input: unknown, origin: string): Config {
  const result = configSchema.safeParse(input, { reportInput: true });
  if (!result.success) {
    const lines = result.error.issues.flatMap(describeProblem).map((line) => `${origin}: ${line}`);
    throw new FrameliftError('config.invalid', lines.join('\n'), {
      remedy: 'See docs/configuration.md for every key and its range.',
    });
  }
  const config = result.data;
  for (const stream of config.streams) checkRate(stream, origin);
  const conflicts = conflictsIn(config).map((conflict) => `${origin}: ${conflict}`);
  if (conflicts.length > 0) {
    throw new FrameliftError('config.invalid', conflicts.join('\n'), {
      remedy: 'See docs/configuration.md for what goes together.',
    });
  }
  return deepFreeze(config);
}

/** Values that are right by themselves and wrong together. */
function conflictsIn({ streams, server, webrtc }: Config): string[] {
  const names = streams.map(({ name }) => name);
  const twice = new Set(names.filter((name, at) => names.indexOf(name) !== at));
  const { port, portRange: [first, last] = [0, 0] } = webrtc;
  return [
    ...streams.flatMap(unheeded),
    ...streams.flatMap(waits),
    ...[...twice].map((name) => `streams: the name "${name}" is used twice`),
    ...(streams.length > server.maxStreams
      ? [`there are ${streams.length} streams, and server.maxStreams is ${server.maxStreams}`]
      : []),
    ...server.publicUrls
      .filter((url) => !['', server.basePath].includes(new URL(url).pathname.replace(/\/$/, '')))
      .map((url) => `server.publicUrls: the path of ${url} is not server.basePath, "${server.basePath || '/'}"`),
    ...(first > last ? [`webrtc.portRange is [${first},${last}]: the first port must not be above the last`] : []),
    ...(port !== undefined && webrtc.portRange
      ? [`webrtc.port is ${port} and webrtc.portRange is [${first},${last}]: give only one of them`]
      : []),
  ];
}

/** What a stream wishes that would hold its frames back, where nothing shall. */
function waits({ name, delay, latencyBudgetMs, cadence }: StreamConfig): string[] {
  if (delay !== 'none') return [];
  const wishes = [
    ...(latencyBudgetMs === undefined ? [] : [`latencyBudgetMs is ${latencyBudgetMs}`]),
    ...(cadence === 'off' ? [] : [`cadence is ${cadence}, which waits for the next picture`]),
  ];
  return wishes.map((wish) => `stream "${name}": delay is none, and ${wish}: leave one of them away`);
}

function checkRate(stream: StreamConfig, origin: string): void {
  try {
    rateTarget(stream);
  } catch (thrown) {
    const { message, remedy } = asFrameliftError(thrown, 'config.invalid');
    throw new FrameliftError('config.invalid', `${origin}: stream "${stream.name}": ${message}`, {
      ...(remedy === undefined ? {} : { remedy }),
      cause: thrown,
    });
  }
}

/**
 * Reads a YAML file.
 * @throws FrameliftError `config.invalid` when it is missing, not YAML, or fails {@link
 * parseConfig}.
 */
export function readConfigFile(path: string): ConfigInput {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new FrameliftError('config.invalid', `config file ${path} cannot be read`, {
      remedy: 'Give the path of a YAML file that exists: --config framelift.yaml.',
      cause,
    });
  }
  // Most likely it is being written right now: nothing would mean no streams and no tokens.
  if (text.trim() === '') {
    throw new FrameliftError('config.invalid', `${path} is empty`, {
      remedy: 'Write at least one key, such as log: info, or omit --config.',
    });
  }
  // Tags such as !!set would make values that look empty.
  const document = parseDocument(text, { prettyErrors: true, resolveKnownTags: false });
  const broken = document.errors[0] ?? document.warnings[0];
  if (broken) throw new FrameliftError('config.invalid', `${path}: ${withoutQuoted(broken.message)}`);
  let value: unknown;
  try {
    value = document.toJS() ?? {};
    // An alias inside of what it stands for makes a value that contains itself.
    JSON.stringify(value);
  } catch (cause) {
    throw new FrameliftError('config.invalid', `${path}: its aliases cannot be expanded`, {
      remedy: 'Let no alias (*name) stand inside of its own anchor (&name), and use fewer of them.',
      cause,
    });
  }
  parseConfig(value, path);
  // Checked by parseConfig in the line above.
  return value as ConfigInput;
}

/** What is wrong and where, without the text of the file: the broken line may hold a password. */
function withoutQuoted(message: string): string {
  const [what = ''] = message.split('\n', 1);
  return what.replace(/:$/, '').replace(/"(?:[^"\\]|\\.)*"/g, '"…"');
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
