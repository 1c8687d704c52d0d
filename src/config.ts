/** Configuration: one schema with defaults, parsed once, frozen. Messages name the key, the value and what would be right. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { distance } from 'fastest-levenshtein';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { asFrameliftError, FrameliftError, redactUrl } from './errors.ts';
import { PROVIDER_CHOICES } from './interp/provider.ts';
import { rateTarget } from './interp/schedule.ts';

const streamName = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'a stream name has 1 to 64 letters, digits, "-" or "_"');

/** Threads of a worker: work that is split among more waits for the slowest (docs/measurements.md). */
const THREADS = Math.min(availableParallelism(), 4);

const milliseconds = (min: number, max: number) => z.number().min(min).max(max);

const streamSchema = z.strictObject({
  name: streamName.describe('name in URLs and metrics'),
  source: z.string().min(1).describe('rtsp://…, another URL, whip, a file, or demo'),
  fps: z.number().optional().describe('exact output rate, frames per second'),
  factor: z.number().optional().describe('output frames for each source frame; default 2'),
  ingest: z.enum(['auto', 'ffmpeg']).default('auto').describe('ffmpeg: read RTSP through the ffmpeg program'),
  transport: z.enum(['tcp', 'udp']).default('tcp').describe('RTSP transport'),
  verifyCertificate: z.boolean().default(true).describe('rtsps: false accepts any certificate'),
  loop: z.boolean().default(false).describe('start a file again at its end'),
  stallTimeoutMs: milliseconds(500, 120_000).default(3000).describe('without a frame for this long, reconnect'),
  bitrateKbps: z.number().int().min(50).max(100_000).optional().describe('video bitrate; default by size and rate'),
  latencyBudgetMs: milliseconds(0, 5000)
    .optional()
    .describe('most that a source frame may be delayed; default: the floor of (N−1)/N source intervals, and 40 ms'),
});

const configSchema = z.strictObject({
  server: z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1'),
      port: z.number().int().min(0).max(65_535).default(8080),
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
      maxViewers: z.number().int().min(1).max(1000).default(16),
    })
    .prefault({}),
  arenaMb: z.number().int().min(16).max(2048).default(512).describe('memory for frames and tensors'),
  log: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  streams: z.array(streamSchema).max(64).default([]),
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
      cause: result.error,
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
  const [low, high] = config.webrtc.portRange ?? [0, 0];
  if (low > high) {
    throw new FrameliftError(
      'config.invalid',
      `${origin}: webrtc.portRange is [${low},${high}]: the first port is above the last`,
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
  const document = parseDocument(text, { prettyErrors: true });
  const broken = document.errors[0];
  if (broken) throw new FrameliftError('config.invalid', `${path}: ${broken.message}`, { cause: broken });
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
  const value = issue.input === undefined ? '' : ` is ${JSON.stringify(issue.input, withoutCredentials)}:`;
  return `${key}${value} ${issue.message}`;
}

/** A source that stands in the wrong place may hold a password. */
function withoutCredentials(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? redactUrl(value) : value;
}

function knownKeys(path: readonly PropertyKey[]): string[] {
  const head = path[0];
  if (head === undefined) return Object.keys(configSchema.shape);
  if (head === 'streams') return Object.keys(streamSchema.shape);
  if (head === 'server' || head === 'engine' || head === 'webrtc') {
    return Object.keys(configSchema.shape[head].unwrap().shape);
  }
  return [];
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
