/**
 * What the API takes and gives, told once: types, the checks of requests and the OpenAPI document
 * are all made of these schemas.
 */
import { z } from 'zod';
import { recordSchema, streamSchema } from '../config/schema.ts';
import { ENCODER_CHOICES } from '../egress/codec/encoder-name.ts';
import { HALF } from '../interp/models/manifest.ts';
import { PROVIDER_CHOICES, PROVIDERS } from '../interp/providers/provider.ts';
import type { StreamState } from '../media/stream-state.ts';

/** Only those who start framelift may name files, not everybody who can reach it. */
const modelId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]{0,63}(?:@0\.5)?$/, 'expected the id of a model (GET /api/models lists them)')
  .refine(
    (name) => !name.replace(HALF, '').endsWith('.onnx'),
    'a file can only be named when framelift is started, by --model',
  )
  .describe(`id of a model; a flow model with ${HALF} appended estimates motion at half the resolution`);

/** Where to is for those to say who start framelift. */
const record = z
  .union([z.boolean(), recordSchema.omit({ directory: true })])
  .default(false)
  .describe('true, false: start or stop recording; or how');

/**
 * Body of `POST /api/streams`: a stream as in the configuration, but for outputs, which would let a client
 * of the API send whatever framelift can read to wherever it can reach.
 */
export const newStream = streamSchema.omit({ outputs: true }).extend({ model: modelId.optional(), record });

/**
 * Body of `POST /api/streams/{name}`: the keys to change. A key that is absent stays as it is, so
 * there are no defaults.
 */
export const streamPatch = z
  .strictObject(withoutDefaults(newStream.omit({ name: true }).shape))
  .refine((patch) => Object.keys(patch).length > 0, 'there is nothing to change') as z.ZodType<
  // Its keys and values are those of a stream, which the loop over them forgets.
  Partial<z.output<typeof newStream>>
>;

function withoutDefaults(shape: Readonly<Record<string, z.ZodType>>): Record<string, z.ZodType> {
  const bare = Object.entries(shape).map(([key, schema]): [string, z.ZodType] => {
    const inner = schema instanceof z.ZodDefault ? (schema.unwrap() as z.ZodType) : schema;
    return [key, inner.optional().describe(schema.description ?? key)];
  });
  return Object.fromEntries(bare);
}

const variants = <T extends z.ZodType>(value: T) => z.object({ upconverted: value, source: value }).readonly();
const strings = z.array(z.string()).readonly();
const counters = z.record(z.string(), z.number()).readonly();
const percentiles = z.object({ p50: z.number(), p95: z.number() }).readonly();
const STATES = ['waiting', 'full', 'degraded', 'pass-through', 'asleep'] as const satisfies readonly StreamState[];
const streamState = z.enum(STATES);

const sourceInfo = z
  .object({ codec: z.string(), width: z.number(), height: z.number(), fps: z.number().optional() })
  .readonly();

/** Beside that, what only its pictures tell. */
const sourceReport = sourceInfo
  .unwrap()
  .extend({
    sampleAspectRatio: z.string().optional().describe('width of a sample to its height, 16:11; absent: square'),
    displayWidth: z
      .number()
      .optional()
      .describe('width at which its height is to be shown; absent: as it is. Browsers do not do so by themselves'),
    interlaced: z.boolean().optional().describe('true: each frame holds two moments; absent: it is progressive'),
    deinterlaced: z
      .enum(['fields', 'film'])
      .optional()
      .describe('what was made of interlaced frames: a frame of each field, or film’s own pictures; absent: nothing'),
    sound: z.string().optional().describe('codec of the sound that is played beside it; absent: there is none'),
    matrix: z.enum(['bt601', 'bt709', 'bt2020']).optional(),
    range: z.enum(['limited', 'full']).optional(),
  })
  .readonly();

/** The last five seconds of a stream. */
const streamStats = z.object({
  stream: z.string(),
  state: streamState,
  fps: variants(z.number()).describe('frames per second'),
  latencyMs: variants(percentiles.optional()).describe('source arrival to first packet sent; absent without viewers'),
  stageMs: z.record(z.string(), percentiles).readonly().describe('time in each stage that has reported'),
  frames: z
    .object({ source: z.number(), interpolated: z.number(), extrapolated: z.number(), repeated: z.number() })
    .readonly(),
  syntheticShare: z.number().optional().describe('interpolated and extrapolated frames of all, 0…1'),
  repeats: counters.describe('repeated frames by reason'),
  drops: z.number(),
  deadlineMisses: z.number(),
  confidence: z.number().optional().describe('mean confidence of interpolated and extrapolated frames, 0…1'),
  viewers: variants(z.number()),
  bitsPerSecond: variants(z.number()),
  source: sourceInfo.optional(),
});

const ladderReport = z
  .object({
    rung: z.string().describe('the rung in force: flow-s, search, hold'),
    rungs: strings.describe('all rungs, best first'),
    reason: z.string().optional().describe('late, failed or recovered; absent at the start'),
    detail: z.string().optional().describe('the measured figures behind the reason'),
    since: z.iso.datetime(),
  })
  .readonly();

const timingNote = z
  .object({
    cause: z.enum(['reordered', 'unmarked', 'clock', 'unstamped', 'latency-cut']),
    delayMs: z.number().describe('delay that it adds, 0 for none'),
    text: z.string().describe('for people'),
  })
  .readonly();

const recordingReport = z
  .object({
    state: z.enum(['off', 'waiting', 'recording', 'disk-full', 'failed']),
    reason: z.string().optional().describe('why it stands still'),
    segment: z.string().optional().describe('the file that is being written'),
    dropped: z.number().describe('frames that the disk was too slow for'),
  })
  .readonly();

const outputReport = z
  .object({
    name: z.string().describe('its name, or its number'),
    url: z.string().describe('where to, without credentials'),
    variant: z.enum(['upconverted', 'source']),
    state: z.enum(['connecting', 'live', 'waiting']).describe('waiting: until it is tried again'),
    error: z.string().optional().describe('why it was interrupted last; absent while it is live'),
    restarts: z.number(),
    bytes: z.number().describe('handed on so far'),
  })
  .readonly();

/** One stream. */
export const streamReport = z.object({
  name: z.string(),
  label: z.string().describe('kind and URL of the source, without credentials'),
  target: z.string().describe('60 fps, or ×2'),
  model: z.string().describe('id of the model that was asked for'),
  ready: z.boolean().describe('a frame has come through'),
  ladder: ladderReport.optional().describe('absent while the model is being prepared'),
  latencyBudgetMs: z.number().describe('how long a source frame may be held back'),
  latencyFloorMs: z
    .number()
    .describe('the part of it that is arithmetic: (N−1)/N of a source interval; 0 with delay: none'),
  badge: z.boolean().describe('players mark interpolated and extrapolated frames unless their viewer says otherwise'),
  notice: z.string().optional().describe('what viewers have to be told, always'),
  sourceVariant: z
    .object({
      form: z.enum(['pass', 'encode']).describe("pass: the source's own H.264, bit-exact, for players that take it"),
      reason: z.string().optional().describe('why it is encoded'),
    })
    .readonly()
    .describe('what viewers of the source variant are sent at present'),
  recording: z
    .object({
      segments: z.number().describe('on the disk'),
      bytes: z.number(),
      upconverted: recordingReport.optional(),
      source: recordingReport.optional(),
    })
    .readonly()
    .optional()
    .describe('what is recorded, and which variants are being recorded; absent: nothing'),
  timing: z.array(timingNote).readonly().describe("what the source's timing costs, and how it is dealt with"),
  state: streamState,
  reason: z.string().optional().describe('why the state is not full'),
  phase: z
    .enum(['connecting', 'live', 'waiting', 'ended', 'asleep'])
    .describe('what the source is doing; asleep: nothing, since nobody watches (`onDemand`)'),
  error: z.string().optional().describe('the fault that the source is recovering from'),
  source: sourceReport.optional().describe('absent until connected'),
  outputs: z.array(outputReport).readonly().describe('other servers that the stream is handed on to'),
  whep: variants(z.string()).describe('paths for WHEP players'),
  whip: z.string().optional().describe('path for WHIP publishers, where the source is one'),
  stats: streamStats.readonly(),
});

/** One stream, as `GET /api/streams/<name>` answers. */
export type StreamReport = Readonly<z.output<typeof streamReport>>;

const verdict = z.object({
  provider: z.enum(PROVIDERS),
  state: z.enum(['works', 'unusable', 'untried']),
  detail: z.string(),
  remedy: z.string().optional(),
  pairMs: z.number().optional(),
  difference: z.number().optional(),
});

/** `GET /api/streams`, and what `/ws` pushes. */
export const streamList = z.object({
  version: z.string(),
  startedAt: z.iso.datetime(),
  providers: z
    .array(
      z.object({
        model: z.string(),
        wanted: z.enum(PROVIDER_CHOICES),
        provider: z.enum(PROVIDERS),
        verdicts: z.array(verdict.readonly()).readonly(),
      }),
    )
    .readonly(),
  encoder: z
    .object({
      wanted: z.enum(ENCODER_CHOICES),
      encoder: z.enum(ENCODER_CHOICES),
      detail: z.string(),
      remedy: z.string().optional(),
    })
    .readonly()
    .optional()
    .describe('which encoder makes H.264, and why'),
  streams: z.array(streamReport).readonly(),
});

/** All streams, as `GET /api/streams` answers. */
export type StreamsDocument = Readonly<z.output<typeof streamList>>;

/** Query of `GET /api/streams/{name}/frame.jpg`. */
export const snapshotQuery = z.object({
  variant: z
    .enum(['source', 'upconverted'])
    .default('source')
    .describe('source: a frame that a camera took; upconverted: what its viewers see now, made or not'),
});

/** A query of `GET /api/streams/{name}/frame.jpg`, checked. */
export type SnapshotQuery = Readonly<z.output<typeof snapshotQuery>>;

/** `GET /api/models`. */
export const modelList = z.object({
  models: z.array(
    z.object({
      id: z.string(),
      kind: z.string().describe('flow, i420, rgb, or reference'),
      precision: z.string().optional(),
      times: z.enum(['any', 'half']).describe('half: the middle between two frames, and by halving again eighths'),
      licence: z.string(),
    }),
  ),
});

/** `GET /api/streams/{name}/recordings`. */
export const recordingList = z.object({
  recordings: z.array(
    z.object({
      name: z.string().describe('of the file; GET /api/streams/{name}/recordings/{file}'),
      variant: z.enum(['upconverted', 'source']),
      start: z.iso.datetime().describe('when the first frame was shown'),
      durationMs: z.number(),
      bytes: z.number(),
      open: z.boolean().describe('it is being written'),
      frames: z
        .object({ source: z.number(), interpolated: z.number(), extrapolated: z.number(), repeated: z.number() })
        .readonly()
        .optional()
        .describe('absent: it was cut off, see its records'),
      records: z.string().describe('name of its provenance records, JSON lines'),
    }),
  ),
});

/** `GET /api/stats`. */
export const statsList = z.object({ streams: z.array(streamStats.readonly()) });

/** `GET /api/config`: every key of docs/configuration.md, secrets as `***`. */
export const shownConfig = z.looseObject({});

/** `POST /api/config/reload`. */
export const reloadReport = z.object({
  added: strings,
  removed: strings,
  unchanged: strings,
  changed: z
    .array(z.object({ name: z.string(), keys: strings, startedAnew: z.boolean() }).readonly())
    .readonly()
    .describe('streams whose entry differs, in which keys, and whether they were restarted, which ends sessions'),
  applied: strings.describe('keys beside streams that took effect'),
  needsRestart: strings.describe('keys that take effect at the next start'),
});

/** What a reload of the configuration has done. */
export type ReloadReport = Readonly<z.output<typeof reloadReport>>;

/** Every refusal. */
export const problem = z.object({
  code: z.string().describe('for programs'),
  message: z.string(),
  remedy: z.string().optional(),
});
