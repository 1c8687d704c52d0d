/** Every metric of framelift: name, help, labels, buckets. Data only: `instruments.ts` makes Prometheus metrics of it. */
import { type MetricDefinition, PUBLISHED, STREAM } from './catalogue/definition.ts';
import { TAKEN_METRICS } from './catalogue/taken.ts';
import { VIEWER_METRICS } from './catalogue/viewers.ts';

/** Seconds, from well under a frame at 240 fps to half a second, a fifth apart where the frame intervals of usual rates lie. */
const LATENCY = [
  0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.008, 0.01, 0.012, 0.014, 0.0167, 0.02, 0.025, 0.03, 0.0333, 0.04, 0.05,
  0.06, 0.0667, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5,
];

/** Seconds, finer where an even cadence is won or lost: 4 ms is what counts as on time. */
const LATENESS = [0.0005, 0.001, 0.002, 0.003, 0.004, 0.006, 0.008, 0.012, 0.0167, 0.025, 0.05, 0.1, 0.25];

/** Seconds, 2 ms apart where the floor and the budget of usual rates lie. */
const ADDED = [...Array.from({ length: 40 }, (_, i) => (8 + 2 * i) / 1000), ...[0.1, 0.12, 0.15, 0.2, 0.3, 0.5, 1]];

/** All metrics, by the name the registry uses for them. */
export const CATALOGUE = {
  ...VIEWER_METRICS,
  ...TAKEN_METRICS,
  frames: {
    kind: 'counter',
    name: 'framelift_frames_total',
    help: 'Frames released to viewers of the upconverted stream, by fate: source, interpolated, extrapolated or repeated.',
    labels: ['stream', 'fate'],
  },
  lateness: {
    kind: 'histogram',
    name: 'framelift_release_lateness_seconds',
    help: 'How long after its due time the pacer released a frame of the upconverted stream.',
    labels: STREAM,
    buckets: LATENESS,
  },
  addedLatency: {
    kind: 'histogram',
    name: 'framelift_added_latency_seconds',
    help: 'From the arrival of a source frame to its own release in the upconverted stream; made and repeated frames do not count.',
    labels: STREAM,
    buckets: ADDED,
  },
  latencyBudget: {
    kind: 'gauge',
    name: 'framelift_latency_budget_seconds',
    help: 'The most that a source frame may be held back, the floor included.',
    labels: STREAM,
  },
  latencyFloor: {
    kind: 'gauge',
    name: 'framelift_latency_floor_seconds',
    help: 'The part of the latency budget that is arithmetic: waiting for the next source frame.',
    labels: STREAM,
  },
  repeats: {
    kind: 'counter',
    name: 'framelift_frames_repeated_total',
    help: 'Source frames shown again where an interpolated frame was scheduled, by reason.',
    labels: ['stream', 'reason'],
  },
  drops: {
    kind: 'counter',
    name: 'framelift_frames_dropped_total',
    help: 'Frames or packets that never reached the next stage, by stage and reason.',
    labels: ['stream', 'stage', 'reason'],
  },
  stageTime: {
    kind: 'histogram',
    name: 'framelift_stage_duration_seconds',
    help: "Time a frame spends in one stage, queueing for it included; pace: from the source frame's arrival to release.",
    labels: ['stream', 'stage'],
    buckets: LATENCY,
  },
  latency: {
    kind: 'histogram',
    name: 'framelift_latency_seconds',
    help: 'From the arrival of a source frame (of the later parent for interpolated ones) to its first packet sent.',
    labels: PUBLISHED,
    buckets: LATENCY,
  },
  fps: {
    kind: 'gauge',
    name: 'framelift_output_fps',
    help: 'Frames per second given to each published variant over the last seconds.',
    labels: PUBLISHED,
  },
  deadlineMisses: {
    kind: 'counter',
    name: 'framelift_deadline_misses_total',
    help: 'Interpolated frames that were not ready at their release time.',
    labels: STREAM,
  },
  queueDepth: {
    kind: 'gauge',
    name: 'framelift_queue_depth',
    help: 'Most items that waited in front of a stage since the last scrape; stream is empty for a queue that all streams share.',
    labels: ['stream', 'stage', 'variant'],
  },
  queueCapacity: {
    kind: 'gauge',
    name: 'framelift_queue_capacity',
    help: 'Items that may wait in front of a stage.',
    labels: ['stream', 'stage', 'variant'],
  },
  ingestLoss: {
    kind: 'counter',
    name: 'framelift_ingest_lost_packets_total',
    help: 'RTP packets of the source that never came, after reordering.',
    labels: STREAM,
  },
  reconnects: {
    kind: 'counter',
    name: 'framelift_reconnects_total',
    help: 'Times a source broke and was started again, by the code of the error.',
    labels: ['stream', 'reason'],
  },
  webrtcDrops: {
    kind: 'counter',
    name: 'framelift_webrtc_dropped_total',
    help: 'Datagrams and connections at the port of WebRTC that were dropped, by reason: stranger, malformed, integrity, not-nominated, send-full, connection.',
    labels: ['reason'],
  },
  webrtcNoPort: {
    kind: 'counter',
    name: 'framelift_webrtc_no_port_total',
    help: 'Players and publishers refused because no network port for WebRTC was open.',
    labels: [],
  },
  webrtcRefused: {
    kind: 'counter',
    name: 'framelift_webrtc_refused_total',
    help: 'DTLS records, handshake messages and media packets that changed nothing, by why: forged, out of turn, or too many.',
    labels: ['reason'],
  },
  pairs: {
    kind: 'counter',
    name: 'framelift_pairs_total',
    help: 'Decisions about two consecutive source frames.',
    labels: ['stream', 'decision'],
  },
  providerInfo: {
    kind: 'gauge',
    name: 'framelift_provider_info',
    help: '1 for the execution provider that a model runs on.',
    labels: ['model', 'provider'],
  },
  inferenceTime: {
    kind: 'histogram',
    name: 'framelift_inference_duration_seconds',
    help: 'Time of one run of the model, by model and execution provider.',
    labels: ['model', 'provider'],
    buckets: LATENCY,
  },
  inferenceJobs: {
    kind: 'counter',
    name: 'framelift_inference_jobs_total',
    help: 'Pairs that runs of the model have worked on.',
    labels: ['model', 'provider'],
  },
  inferenceBatch: {
    kind: 'histogram',
    name: 'framelift_inference_batch_pairs',
    help: 'Pairs of one run of the model, of all streams together.',
    labels: ['model', 'provider'],
    buckets: [1, 2, 3, 4, 6, 8, 12, 16],
  },
  confidence: {
    kind: 'histogram',
    name: 'framelift_confidence_ratio',
    help: 'Confidence in the worst 2 % of interpolated frames, 0 to 1; none where the model does not judge itself.',
    labels: ['stream', 'model'],
    buckets: [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1],
  },
  ladderDepth: {
    kind: 'gauge',
    name: 'framelift_ladder_depth',
    help: 'Rungs of its ladder that a stream stands below the best: 0 is everything that was asked for.',
    labels: STREAM,
  },
  ladderChanges: {
    kind: 'counter',
    name: 'framelift_ladder_changes_total',
    help: 'Changes of the rung, by the new rung and the reason: late, failed or recovered.',
    labels: ['stream', 'rung', 'reason'],
  },
  state: {
    kind: 'gauge',
    name: 'framelift_stream_state',
    help: '1 for the state a stream is in: waiting, full, degraded, pass-through or asleep.',
    labels: ['stream', 'state'],
  },
  sourceInfo: {
    kind: 'gauge',
    name: 'framelift_source_info',
    help: '1 for the codec of the source as it is now.',
    labels: ['stream', 'codec'],
  },
  sourceWidth: {
    kind: 'gauge',
    name: 'framelift_source_width_pixels',
    help: 'Width of the source.',
    labels: STREAM,
  },
  sourceHeight: {
    kind: 'gauge',
    name: 'framelift_source_height_pixels',
    help: 'Height of the source.',
    labels: STREAM,
  },
  sourceInterlaced: {
    kind: 'gauge',
    name: 'framelift_source_interlaced',
    help: '1 while the source is interlaced: each frame holds two moments, and interpolated ones show combs.',
    labels: STREAM,
  },
  sourceWait: {
    kind: 'gauge',
    name: 'framelift_source_wait_seconds',
    help: 'Time for which frames wait after their arrival because of how the source sends them, by cause: reordered or unmarked.',
    labels: ['stream', 'cause'],
  },
  sourceClock: {
    kind: 'gauge',
    name: 'framelift_source_clock_ratio',
    help: "How fast the source's timestamps run against the arrival of its frames: 1 where they agree, or there are none.",
    labels: STREAM,
  },
  latencyCuts: {
    kind: 'counter',
    name: 'framelift_latency_cuts_total',
    help: 'Times the added latency had grown beyond the budget for good and was cut by dropping what waited.',
    labels: STREAM,
  },
  loopLag: {
    kind: 'gauge',
    name: 'framelift_event_loop_lag_seconds',
    help: 'How late timers of the main thread fire, by percentile (100 = worst), over the last 10 to 20 seconds.',
    labels: ['percentile'],
  },
  memory: {
    kind: 'gauge',
    name: 'framelift_memory_bytes',
    help: 'Memory of the process: resident, used JavaScript heap, external, and frames in the arena.',
    labels: ['space'],
  },
  liveFrames: {
    kind: 'gauge',
    name: 'framelift_live_frames',
    help: 'Frame handles not released yet.',
    labels: [],
  },
  cpu: {
    kind: 'counter',
    name: 'framelift_cpu_seconds_total',
    help: 'Processor time of the process, user and system.',
    labels: [],
  },
  startTime: {
    kind: 'gauge',
    name: 'framelift_start_time_seconds',
    help: 'When the process started, seconds since the Unix epoch.',
    labels: [],
  },
  buildInfo: {
    kind: 'gauge',
    name: 'framelift_build_info',
    help: '1, with the versions of framelift and Node.',
    labels: ['version', 'node'],
  },
} as const satisfies Record<string, MetricDefinition>;
