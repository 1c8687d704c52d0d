/** Configuration: every key with its range, default and description, as data. */
import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { SOURCE_VARIANT_CHOICES } from '../egress/codec/passing.ts';
import {
  DEFAULT_DIRECTORY,
  RECORDED_VARIANTS,
  RECORDING_DEFAULTS,
  RECORDING_FORMATS,
} from '../egress/recording/settings.ts';
import { isAllowance } from '../ingest/address-guard.ts';
import { DEINTERLACE_CHOICES } from '../ingest/decode/deinterlacer.ts';
import { DEFAULT_LIMITS } from '../ingest/limits.ts';
import { PROVIDER_CHOICES } from '../interp/providers/provider.ts';
import { parseRate } from '../media/rate.ts';
import { DELAY_CHOICES } from '../pairing/ahead.ts';
import { CADENCE_CHOICES } from '../pairing/cadence.ts';
import { frontKeys, origins } from './front.ts';
import { PROFILE_NAMES } from './profile.ts';
import { TOKEN, TOKEN_RULE, VARIABLE } from './secrets.ts';

const streamName = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'a stream name has 1 to 64 letters, digits, "-" or "_"');

/** Threads of a worker: with more, all wait for the slowest (docs/measurements.md). */
const DEFAULT_THREADS = Math.max(1, Math.min(availableParallelism() - 1, 4));

/** Labels of RFC 1123, separated by dots. */
const HOST_NAME = /^(?!-)[a-z\d-]{1,63}(?:\.[a-z\d-]{1,63})*$/i;

/** As many as metrics distinguish. */
const MAX_STREAMS = 64;

const milliseconds = (min: number, max: number) => z.number().min(min).max(max);

/** Frames per second as a number, or as the fraction that 59.94 stands for. */
const rate = z.union(
  [
    z.number(),
    z
      .string()
      .regex(/^\d+(\.\d+)?([/:]\d+)?$/)
      .transform((text) => parseRate(text) ?? Number.NaN)
      .pipe(z.number()),
  ],
  'expected a rate such as 60, 59.94 or 60000/1001',
);

/** How a stream is recorded, as a person may write it. */
export const recordSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('false: nothing is recorded at present'),
  variant: z.enum(RECORDED_VARIANTS).default(RECORDING_DEFAULTS.variant).describe('what is recorded'),
  directory: z.string().min(1).optional().describe('where; default: recordings.directory'),
  segmentSeconds: z
    .number()
    .min(2)
    .max(3600)
    .default(RECORDING_DEFAULTS.segmentSeconds)
    .describe('a segment ends with the first keyframe after this'),
  format: z.enum(RECORDING_FORMATS).default(RECORDING_DEFAULTS.format),
  keepHours: z
    .number()
    .min(0.01)
    .max(87_600)
    .default(RECORDING_DEFAULTS.keepHours)
    .describe('segments that ended longer ago are deleted'),
  maxGb: z
    .number()
    .min(0.01)
    .max(1_000_000)
    .optional()
    .describe('size of all segments of the stream; beyond, the oldest are deleted'),
});

const RECORD = 'true: keep the upconverted variant on disk; or how';

/** A stream as a person may write it. */
export const streamSchema = z.strictObject({
  name: streamName.describe('name in URLs and metrics'),
  source: z.string().min(1).describe('rtsp://…, another URL, whip, a file, or demo'),
  fps: rate.optional().describe('exact output rate, frames per second: 60, 59.94 or 60000/1001'),
  factor: z.number().optional().describe('output frames per source frame; default 2'),
  model: z.string().min(1).optional().describe('as engine.model, for this stream only'),
  profile: z.enum(PROFILE_NAMES).optional().describe('model, rate and rules for one kind of video'),
  ingest: z.enum(['auto', 'ffmpeg']).default('auto').describe('ffmpeg: read RTSP through the ffmpeg program'),
  transport: z.enum(['tcp', 'udp']).default('tcp').describe('RTSP transport'),
  verifyCertificate: z.boolean().default(true).describe('rtsps, https: false accepts any certificate'),
  loop: z.boolean().default(false).describe('restart a file at its end'),
  deinterlace: z
    .enum(DEINTERLACE_CHOICES)
    .default('auto')
    .describe('make a frame of each field of interlaced video; auto: where it is found'),
  cadence: z
    .enum(CADENCE_CHOICES)
    .default('off')
    .describe(
      'auto: find repeated pictures (animation on twos, film in 30 fps), interpolate across them, at their latency',
    ),
  audio: z.boolean().default(true).describe('false: the sound of the source is not played'),
  sourceVariant: z
    .enum(SOURCE_VARIANT_CHOICES)
    .default('auto')
    .describe(
      "what viewers of the source variant are sent; pass: the source's own H.264, bit-exact, or nothing; encode: frames encoded again; auto: pass where it can be",
    ),
  onDemand: z.boolean().default(false).describe('true: the source is read only while somebody watches'),
  record: z
    .union([z.boolean(), recordSchema], 'expected true, false, or how (docs/recording.md)')
    .default(false)
    .describe(RECORD),
  stallTimeoutMs: milliseconds(500, 120_000).default(3000).describe('reconnect after this long without a frame'),
  bitrateKbps: z
    .number()
    .int()
    .min(50)
    .max(100_000)
    .optional()
    .describe('video bitrate; default: chosen by frame size and rate'),
  delay: z
    .enum(DELAY_CHOICES)
    .default('auto')
    .describe(
      'none: source frames are shown at once, and the frames after each are extrapolated; auto: they wait for the next one',
    ),
  latencyBudgetMs: milliseconds(0, 5000)
    .optional()
    .describe('how long a source frame may be delayed; default: the floor of (N−1)/N source intervals plus 40 ms'),
});

const tokens = (whatFor: string) =>
  z
    .array(
      z.union(
        [z.string().regex(TOKEN, TOKEN_RULE), z.strictObject({ env: z.string().regex(VARIABLE) })],
        `${TOKEN_RULE}; or write { env: NAME }`,
      ),
    )
    .max(64)
    .default([])
    .describe(`tokens for ${whatFor}: each verbatim or as { env: NAME }`);

const host = z
  .string()
  .refine((text) => isIP(text) !== 0 || HOST_NAME.test(text), 'expected an IP address or a host name, without a port');

/** RFC 7064, RFC 7065: `turn:host:port?transport=udp`. */
function isIceUrl(text: string): boolean {
  const [, authority] = /^(?:stuns?|turns?):([^\s<>"/?]+)(?:\?transport=(?:udp|tcp))?$/.exec(text) ?? [];
  return authority !== undefined && URL.canParse(`http://${authority}`) && !authority.includes('@');
}

const plainText = z.string().regex(/^[\x21-\x7e]{1,512}$/, 'expected printable ASCII without spaces');

const iceServer = z
  .strictObject({
    urls: z.array(z.string().refine(isIceUrl, 'expected stun:, turn: or turns:, and host[:port]')).min(1).max(8),
    username: plainText.optional(),
    credential: plainText.optional(),
    secret: plainText
      .optional()
      .describe('shared with the TURN server: each peer gets credentials derived from it, valid for a day'),
    clientOnly: z.boolean().default(false).describe('true: announced to peers only, framelift itself does not use it'),
  })
  .refine(
    ({ urls, username, credential, secret }) =>
      secret !== undefined ||
      (username !== undefined && credential !== undefined) ||
      urls.every((url) => url.startsWith('stun')),
    { error: 'a TURN server needs username and credential, or secret', path: ['urls'] },
  );

/** The whole configuration as a person may write it. */
export const configSchema = z.strictObject({
  server: z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1'),
      port: z.number().int().min(0).max(65_535).default(8080),
      tls: z
        .strictObject({ cert: z.string().min(1), key: z.string().min(1) })
        .optional()
        .describe('PEM files of the certificate chain and its key: https and wss instead of http and ws'),
      maxConnections: z.number().int().min(1).max(65_535).default(1024).describe('concurrent TCP connections'),
      maxStreams: z.number().int().min(1).max(MAX_STREAMS).default(MAX_STREAMS).describe('concurrent streams'),
      requestTimeoutMs: milliseconds(100, 600_000)
        .default(10_000)
        .describe('a request that has not arrived completely by then is cut off'),
      requestsPerSecond: z.number().min(1).max(100_000).optional().describe('from one address; default: unlimited'),
      ...frontKeys,
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
      provider: z.enum(PROVIDER_CHOICES).default('auto').describe('auto: the fastest whose output matches the CPU’s'),
      workers: z.number().int().min(1).max(16).default(1),
      threads: z.number().int().min(1).max(64).default(DEFAULT_THREADS).describe('threads of one worker'),
      batch: z
        .number()
        .int()
        .min(1)
        .max(16)
        .optional()
        .describe(
          'how many frame pairs, of all streams, may share one run of the network; default 1 on the CPU, else 4',
        ),
      grain: z
        .number()
        .min(0)
        .max(1)
        .optional()
        .describe('how much of a source frame’s noise is restored in interpolated frames; default: the model’s own'),
    })
    .prefault({}),
  webrtc: z
    .strictObject({
      advertisedHosts: z.array(host).default([]).describe('addresses at which viewers reach this machine'),
      port: z
        .number()
        .int()
        .min(1)
        .max(65_535)
        .optional()
        .describe('the one port of all WebRTC connections, UDP and TCP; default: any that is free'),
      portRange: z
        .tuple([z.number().int().min(1024), z.number().int().max(65_535)])
        .optional()
        .describe('instead of port: the first of these that is free, for several servers behind one firewall rule'),
      publishOrigins: origins('publish by WHIP'),
      playOrigins: origins('play by WHEP'),
      iceServers: z.array(iceServer).max(8).default([]).describe('STUN and TURN servers, for framelift and its peers'),
      maxViewers: z.number().int().min(1).max(1000).default(16),
    })
    .prefault({}),
  sources: z
    .strictObject({
      allow: z
        .array(z.string().refine(isAllowance, 'expected loopback, private, an address, or a range such as 10.1.0.0/16'))
        .default([])
        .describe(
          'where sources may connect beside public addresses; loopback and private always, unless added by the API',
        ),
      files: z.boolean().default(false).describe('true: the API may add files and devices, too'),
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
    .describe('a source that exceeds them is refused'),
  recordings: z
    .strictObject({ directory: z.string().min(1).default(DEFAULT_DIRECTORY).describe('where streams are recorded to') })
    .prefault({}),
  arenaMb: z.number().int().min(16).max(2048).default(512).describe('memory for frames and tensors'),
  log: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  logFormat: z
    .enum(['auto', 'pretty', 'json'])
    .default('auto')
    .describe('auto: pretty on a terminal, JSON lines elsewhere'),
  streams: z.array(streamSchema).max(MAX_STREAMS).default([]),
});

/** The whole configuration, defaults filled in. */
export type Config = z.output<typeof configSchema>;
/** One stream of {@link Config}. */
export type StreamConfig = Config['streams'][number];
/** What a person may write; everything may be absent. */
export type ConfigInput = z.input<typeof configSchema>;
