/** Configuration: one schema with defaults, parsed once, frozen. Messages name the key, the value and what would be right. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { distance } from 'fastest-levenshtein';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { asFrameliftError, FrameliftError } from '../errors.ts';
import { isAllowance } from '../ingest/address-guard.ts';
import { DEFAULT_LIMITS } from '../ingest/limits.ts';
import { PROVIDER_CHOICES } from '../interp/providers/provider.ts';
import { rateTarget } from '../pairing/scheduler.ts';
import { PROFILE_NAMES } from './profile.ts';
import { TOKEN, TOKEN_RULE, VARIABLE, withoutSecrets } from './secrets.ts';

const streamName = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'a stream name has 1 to 64 letters, digits, "-" or "_"');

/** Threads of a worker: work that is split among more waits for the slowest (docs/measurements.md). */
const THREADS = Math.max(1, Math.min(availableParallelism() - 1, 4));

/** As many as metrics tell apart. */
const MOST_STREAMS = 64;

const milliseconds = (min: number, max: number) => z.number().min(min).max(max);

/** A stream as a person may write it. */
export const streamSchema = z.strictObject({
  name: streamName.describe('name in URLs and metrics'),
  source: z.string().min(1).describe('rtsp://…, another URL, whip, a file, or demo'),
  fps: z.number().optional().describe('exact output rate, frames per second'),
  factor: z.number().optional().describe('output frames for each source frame; default 2'),
  model: z.string().min(1).optional().describe('as engine.model, for this stream alone'),
  profile: z.enum(PROFILE_NAMES).optional().describe('model, rate and rules that fit what the pictures are of'),
  ingest: z.enum(['auto', 'ffmpeg']).default('auto').describe('ffmpeg: read RTSP through the ffmpeg program'),
  transport: z.enum(['tcp', 'udp']).default('tcp').describe('RTSP transport'),
  verifyCertificate: z.boolean().default(true).describe('rtsps, https: false accepts any certificate'),
  loop: z.boolean().default(false).describe('start a file again at its end'),
  stallTimeoutMs: milliseconds(500, 120_000).default(3000).describe('without a frame for this long, reconnect'),
  bitrateKbps: z.number().int().min(50).max(100_000).optional().describe('video bitrate; default by size and rate'),
  latencyBudgetMs: milliseconds(0, 5000)
    .optional()
    .describe('most that a source frame may be delayed; default: the floor of (N−1)/N source intervals, and 40 ms'),
});

const tokens = (whatFor: string) =>
  z
    .array(
      z.union(
        [z.string().regex(TOKEN, TOKEN_RULE), z.strictObject({ env: z.string().regex(VARIABLE) })],
        `${TOKEN_RULE}; or is { env: NAME }`,
      ),
    )
    .max(64)
    .default([])
    .describe(`tokens for ${whatFor}: each as it is, or { env: NAME }`);

const plainText = z.string().regex(/^[\x21-\x7e]{1,512}$/, 'expected printable ASCII without spaces');

const iceServer = z
  .strictObject({
    urls: z
      .array(z.string().regex(/^(stuns?|turns?):[^\s<>"/]+$/, 'expected stun:, turn: or turns:, and host[:port]'))
      .min(1)
      .max(8),
    username: plainText.optional(),
    credential: plainText.optional(),
    secret: plainText.optional().describe('shared with the TURN server, which takes credentials made of it for a day'),
    clientOnly: z.boolean().default(false).describe('true: only peers are told of it, this side does not ask it'),
  })
  .refine(
    ({ urls, username, credential, secret }) =>
      secret !== undefined ||
      (username !== undefined && credential !== undefined) ||
      urls.every((url) => url.startsWith('stun')),
    { error: 'a TURN server needs username and credential, or secret', path: ['urls'] },
  );

const configSchema = z.strictObject({
  server: z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1'),
      port: z.number().int().min(0).max(65_535).default(8080),
      tls: z
        .strictObject({ cert: z.string().min(1), key: z.string().min(1) })
        .optional()
        .describe('PEM files of the certificate chain and its key: https and wss instead of http and ws'),
      maxConnections: z.number().int().min(1).max(65_535).default(1024).describe('TCP connections at a time'),
      maxStreams: z.number().int().min(1).max(MOST_STREAMS).default(MOST_STREAMS).describe('streams at a time'),
      requestTimeoutMs: milliseconds(100, 600_000).default(10_000).describe('a request has arrived by then, or is cut'),
      requestsPerSecond: z.number().min(1).max(100_000).optional().describe('from one address; default: any number'),
    })
    .prefault({}),
  auth: z
    .strictObject({
      publish: tokens('WHIP; without any, publishing is closed'),
      play: tokens('WHEP, /ws and reading the API; without any, playing is open'),
      admin: tokens('everything, changes included; without any, administration is closed'),
    })
    .prefault({}),
  engine: z
    .strictObject({
      model: z
        .string()
        .min(1)
        .default('flow-s')
        .describe('model id, auto, search, blend, repeat, or a path to an ONNX file'),
      provider: z
        .enum(PROVIDER_CHOICES)
        .default('auto')
        .describe('auto: the fastest that gives the pictures of the CPU'),
      workers: z.number().int().min(1).max(16).default(1),
      threads: z.number().int().min(1).max(64).default(THREADS).describe('threads of one worker'),
      batch: z
        .number()
        .int()
        .min(1)
        .max(16)
        .optional()
        .describe('most pairs, of all streams, that share a run of the network; default 1 on the CPU, else 4'),
      grain: z
        .number()
        .min(0)
        .max(1)
        .optional()
        .describe('share of a real frame’s noise that made frames get back; default: the model’s own'),
    })
    .prefault({}),
  webrtc: z
    .strictObject({
      advertisedHosts: z.array(z.string()).default([]).describe('addresses that viewers can reach'),
      portRange: z.tuple([z.number().int().min(1024), z.number().int().max(65_535)]).optional(),
      publishOrigins: z
        .array(z.string().regex(/^(\*|https?:\/\/[^/]+)$/, 'an origin is http(s)://host[:port], or *'))
        .default([])
        .describe('other sites whose pages may publish by WHIP'),
      iceServers: z.array(iceServer).max(8).default([]).describe('STUN and TURN servers, for this side and its peers'),
      maxViewers: z.number().int().min(1).max(1000).default(16),
    })
    .prefault({}),
  sources: z
    .strictObject({
      allow: z
        .array(z.string().refine(isAllowance, 'expected loopback, private, an address, or a range such as 10.1.0.0/16'))
        .default([])
        .describe(
          'where sources may lead to beside public addresses; loopback and private always, if not added by the API',
        ),
      files: z.boolean().default(false).describe('true: files and devices may be added by the API, too'),
    })
    .prefault({}),
  limits: z
    .strictObject({
      maxWidth: z.number().int().min(16).max(16_384).default(DEFAULT_LIMITS.maxWidth),
      maxHeight: z.number().int().min(16).max(16_384).default(DEFAULT_LIMITS.maxHeight),
      maxFps: z.number().min(1).max(1000).default(DEFAULT_LIMITS.maxFps),
      maxBitrateKbps: z.number().int().min(50).max(1_000_000).default(DEFAULT_LIMITS.maxBitrateKbps),
    })
    .prefault({})
    .describe('a source that sends more is refused'),
  arenaMb: z.number().int().min(16).max(2048).default(512).describe('memory for frames and tensors'),
  log: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  streams: z.array(streamSchema).max(MOST_STREAMS).default([]),
});

/** The whole configuration, defaults filled in. */
export type Config = z.output<typeof configSchema>;
/** One stream of {@link Config}. */
export type StreamConfig = Config['streams'][number];
/** What a person may write; everything may be absent. */
export type ConfigInput = z.input<typeof configSchema>;

/**
 * Checks `input` and fills in defaults. @param origin where it came from, for messages (a file name, `command line`).
 * @throws FrameliftError `config.invalid`, one line for each problem.
 */
export function parseConfig(input: unknown, origin: string): Config {
  const result = configSchema.safeParse(input, { reportInput: true });
  if (!result.success) {
    const lines = result.error.issues.map((issue) => `${origin}: ${problem(issue)}`);
    throw new FrameliftError('config.invalid', lines.join('\n'), {
      remedy: 'See docs/configuration.md for every key and its range.',
    });
  }
  const config = result.data;
  const names = new Set<string>();
  for (const stream of config.streams) {
    if (names.has(stream.name)) {
      throw new FrameliftError('config.invalid', `${origin}: streams: the name "${stream.name}" is used twice`);
    }
    names.add(stream.name);
    checkRate(stream, origin);
  }
  if (config.streams.length > config.server.maxStreams) {
    throw new FrameliftError(
      'config.invalid',
      `${origin}: there are ${config.streams.length} streams, and server.maxStreams is ${config.server.maxStreams}`,
    );
  }
  const [low, high] = config.webrtc.portRange ?? [0, 0];
  if (low > 0 && low >= high) {
    throw new FrameliftError(
      'config.invalid',
      `${origin}: webrtc.portRange is [${low},${high}]: the first port must be below the last`,
    );
  }
  return deepFreeze(config);
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

/** Reads a YAML file. @throws FrameliftError `config.invalid` when it is missing, not YAML, or fails {@link parseConfig}. */
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
  // Most likely it is being written at this moment: nothing would mean no streams and no tokens.
  if (text.trim() === '') {
    throw new FrameliftError('config.invalid', `${path} is empty`, {
      remedy: 'Write at least one key, such as log: info, or leave --config out.',
    });
  }
  const document = parseDocument(text, { prettyErrors: true });
  const broken = document.errors[0];
  if (broken) throw new FrameliftError('config.invalid', `${path}: ${withoutQuotes(broken.message)}`);
  let value: unknown;
  try {
    value = document.toJS() ?? {};
  } catch (cause) {
    throw new FrameliftError('config.invalid', `${path}: its aliases cannot be expanded`, { cause });
  }
  parseConfig(value, path);
  // Checked by parseConfig in the line above.
  return value as ConfigInput;
}

/** What is wrong and where, without the text of the file: the broken line may hold a password. */
function withoutQuotes(message: string): string {
  const [what = ''] = message.split('\n', 1);
  return what.replace(/:$/, '').replace(/"(?:[^"\\]|\\.)*"/g, '"…"');
}

function problem(issue: z.core.$ZodIssue): string {
  const key = issue.path.join('.') || 'the top level';
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(issue.path);
    return issue.keys
      .map((name) => {
        const near = known.toSorted((a, b) => distance(name, a) - distance(name, b))[0];
        const hint =
          near && distance(name, near) <= 3 ? `; did you mean "${near}"?` : `; known keys: ${known.join(', ')}`;
        return `unknown key "${[...issue.path, name].join('.')}"${hint}`;
      })
      .join('\n');
  }
  // A source or a token that stands in the wrong place is still a secret.
  const value = issue.input === undefined ? '' : ` is ${JSON.stringify(withoutSecrets(issue.input, issue.path))}:`;
  return `${key}${value} ${issue.message}`;
}

/** The keys that an object at `path` may have. */
function knownKeys(path: readonly PropertyKey[]): string[] {
  let schema: unknown = configSchema;
  for (const key of path) {
    const inner = bare(schema);
    if (inner instanceof z.ZodObject) schema = inner.shape[String(key)];
    else if (inner instanceof z.ZodArray) schema = inner.element;
    else return [];
  }
  const found = bare(schema);
  return found instanceof z.ZodObject ? Object.keys(found.shape) : [];
}

/** A schema without what makes its value optional. */
function bare(schema: unknown): unknown {
  const wrapped = schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault;
  return wrapped ? bare(schema.unwrap()) : schema;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
