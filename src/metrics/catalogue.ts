/** Every metric of framelift: name, help, labels, buckets. Data only: `instruments.ts` makes Prometheus metrics of it. */

/** What one metric is. */
export interface MetricDefinition {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** With the `framelift_` prefix and the unit as suffix. */
  readonly name: string;
  readonly help: string;
  readonly labels: readonly LabelName[];
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
}

/** The only labels there are. Never a viewer's id or address. */
export type LabelName = keyof typeof LABEL_LIMITS;

/** How many values a label may take; the next ones become `other`. */
export const LABEL_LIMITS = {
  stream: 64,
  variant: 2,
  rendition: 4,
  output: 64,
  stage: 7,
  fate: 4,
  reason: 40,
  cause: 5,
  decision: 5,
  state: 9,
  rung: 24,
  codec: 12,
  model: 16,
  provider: 8,
  percentile: 4,
  space: 4,
  version: 1,
  node: 1,
} as const;

/** Seconds, from well under a frame at 240 fps to half a second, a fifth apart where the frame intervals of usual rates lie. */
const LATENCY = [
  0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.008, 0.01, 0.012, 0.014, 0.0167, 0.02, 0.025, 0.03, 0.0333, 0.04, 0.05,
  0.06, 0.0667, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5,
];

/** Seconds, finer where an even cadence is won or lost: 4 ms is what counts as on time. */
const LATENESS = [0.0005, 0.001, 0.002, 0.003, 0.004, 0.006, 0.008, 0.012, 0.0167, 0.025, 0.05, 0.1, 0.25];

/** Seconds, 2 ms apart where the floor and the budget of usual rates lie. */
const ADDED = [...Array.from({ length: 40 }, (_, i) => (8 + 2 * i) / 1000), ...[0.1, 0.12, 0.15, 0.2, 0.3, 0.5, 1]];

const STREAM = ['stream'] as const;
const PUBLISHED = ['stream', 'variant'] as const;

/** All metrics, by the name the registry uses for them. */
export const CATALOGUE = {
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
  viewers: {
    kind: 'gauge',
    name: 'framelift_viewers',
    help: 'Viewers connected now.',
    labels: PUBLISHED,
  },
  passedViewers: {
    kind: 'gauge',
    name: 'framelift_viewers_passed',
    help: "Viewers of the source variant that are sent the source's own access units, not encoded again.",
    labels: ['stream'],
  },
  sentBytes: {
    kind: 'counter',
    name: 'framelift_sent_bytes_total',
    help: 'RTP bytes sent to all viewers.',
    labels: PUBLISHED,
  },
  sentPackets: {
    kind: 'counter',
    name: 'framelift_sent_packets_total',
    help: 'RTP packets sent to all viewers.',
    labels: PUBLISHED,
  },
  bitrate: {
    kind: 'gauge',
    name: 'framelift_sent_bytes_per_second',
    help: 'RTP bytes sent to all viewers each second over the last seconds.',
    labels: PUBLISHED,
  },
  encoderTarget: {
    kind: 'gauge',
    name: 'framelift_encoder_target_bytes_per_second',
    help: 'Rate that the encoder is told to keep.',
    labels: PUBLISHED,
  },
  keyframeRequests: {
    kind: 'counter',
    name: 'framelift_keyframe_requests_total',
    help: 'Requests for a keyframe, by cause: pli, fir or join.',
    labels: ['stream', 'variant', 'cause'],
  },
  keyframes: {
    kind: 'counter',
    name: 'framelift_keyframes_total',
    help: 'Keyframes encoded.',
    labels: PUBLISHED,
  },
  retransmits: {
    kind: 'counter',
    name: 'framelift_retransmitted_packets_total',
    help: 'RTP packets sent again because a viewer missed them.',
    labels: PUBLISHED,
  },
  viewerPath: {
    kind: 'histogram',
    name: 'framelift_viewer_path_bytes_per_second',
    help: 'What the path of a viewer was estimated to carry, looked at once a second; of viewers whose player tells.',
    labels: PUBLISHED,
    buckets: [25e3, 50e3, 100e3, 150e3, 200e3, 300e3, 400e3, 600e3, 800e3, 1.2e6, 2e6, 4e6],
  },
  viewerRoundTrip: {
    kind: 'histogram',
    name: 'framelift_viewer_round_trip_seconds',
    help: 'Way of a packet to a viewer and back, by RTCP.',
    labels: PUBLISHED,
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1],
  },
  viewerAsked: {
    kind: 'counter',
    name: 'framelift_viewer_nacked_packets_total',
    help: 'Packets that viewers asked for again (NACK).',
    labels: PUBLISHED,
  },
  viewerRate: {
    kind: 'histogram',
    name: 'framelift_viewer_presented_fps',
    help: 'Frames per second that a viewer was shown, by its player, each second; of our own page alone.',
    labels: PUBLISHED,
    buckets: [1, 5, 10, 14, 20, 24, 28, 30, 45, 48, 57, 60, 90, 115, 120, 240],
  },
  viewerFreezes: {
    kind: 'counter',
    name: 'framelift_viewer_freezes_total',
    help: 'Times that the picture of a viewer stood still, by its player; of our own page alone.',
    labels: PUBLISHED,
  },
  viewerFrozen: {
    kind: 'counter',
    name: 'framelift_viewer_frozen_seconds_total',
    help: 'How long pictures of viewers stood still, by their players; of our own page alone.',
    labels: PUBLISHED,
  },
  viewerLatency: {
    kind: 'histogram',
    name: 'framelift_viewer_display_latency_seconds',
    help: 'From the capture of a frame to its presentation, by the player, each second; where browser and source tell.',
    labels: PUBLISHED,
    buckets: [0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5],
  },
  viewerLoss: {
    kind: 'histogram',
    name: 'framelift_viewer_loss_ratio',
    help: 'Share of packets that the path of a viewer lost, looked at once a second, 0 to 1.',
    labels: PUBLISHED,
    buckets: [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5],
  },
  renditionViewers: {
    kind: 'gauge',
    name: 'framelift_rendition_viewers',
    help: 'Viewers that are sent another rendition than the full one: reduced or small because of their paths, vp8 where they take no H.264.',
    labels: ['stream', 'variant', 'rendition'],
  },
  renditionRate: {
    kind: 'gauge',
    name: 'framelift_rendition_target_bytes_per_second',
    help: 'Rate that the encoder of a rendition is told to keep; 0 while nobody is sent it.',
    labels: ['stream', 'variant', 'rendition'],
  },
  renditionChanges: {
    kind: 'counter',
    name: 'framelift_rendition_changes_total',
    help: 'Times a viewer was sent another rendition, by the new one: full, reduced or small.',
    labels: ['stream', 'variant', 'rendition'],
  },
  recordingState: {
    kind: 'gauge',
    name: 'framelift_recording_state',
    help: 'Where the recording of a variant stands: 1 for the state that holds, 0 for the others; disk-full and failed: nothing is written.',
    labels: ['stream', 'variant', 'state'],
  },
  recordingBytes: {
    kind: 'counter',
    name: 'framelift_recording_bytes_total',
    help: 'Bytes of segments written.',
    labels: PUBLISHED,
  },
  recordingSegments: {
    kind: 'counter',
    name: 'framelift_recording_segments_total',
    help: 'Segments begun.',
    labels: PUBLISHED,
  },
  recordingDrops: {
    kind: 'counter',
    name: 'framelift_recording_frames_dropped_total',
    help: 'Frames that are in no segment because the disk was too slow, whole groups from keyframe to keyframe.',
    labels: PUBLISHED,
  },
  recordingRemoved: {
    kind: 'counter',
    name: 'framelift_recording_segments_removed_total',
    help: 'Segments deleted, by reason: age, size, disk-full, or asked by the API.',
    labels: ['stream', 'reason'],
  },
  recordingKeptBytes: {
    kind: 'gauge',
    name: 'framelift_recording_kept_bytes',
    help: 'Bytes of all segments of a stream on the disk.',
    labels: STREAM,
  },
  recordingKeptSegments: {
    kind: 'gauge',
    name: 'framelift_recording_kept_segments',
    help: 'Segments of a stream on the disk.',
    labels: STREAM,
  },
  rtspReaders: {
    kind: 'gauge',
    name: 'framelift_rtsp_readers',
    help: 'Readers that are sent the stream by RTSP.',
    labels: PUBLISHED,
  },
  outputLive: {
    kind: 'gauge',
    name: 'framelift_output_live',
    help: '1 while another server takes the stream from an output, by the name or number of the output.',
    labels: ['stream', 'output'],
  },
  outputBytes: {
    kind: 'counter',
    name: 'framelift_output_sent_bytes_total',
    help: 'Bytes handed on by an output.',
    labels: ['stream', 'output'],
  },
  outputRestarts: {
    kind: 'counter',
    name: 'framelift_output_restarts_total',
    help: 'Times an output failed and was started anew, by reason.',
    labels: ['stream', 'output', 'reason'],
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
  soundPackets: {
    kind: 'counter',
    name: 'framelift_sound_packets_total',
    help: 'Pieces of sound that left for the viewers of a variant, some 20 ms each; counted once for all of them.',
    labels: PUBLISHED,
  },
  soundDrops: {
    kind: 'counter',
    name: 'framelift_sound_drops_total',
    help: 'Pieces of sound that reached no viewer, by reason: loss, late, queue-full, no-picture or decode-failed.',
    labels: ['stream', 'reason'],
  },
  soundSkew: {
    kind: 'gauge',
    name: 'framelift_sound_skew_seconds',
    help: 'How much later than its picture sound leaves: other than 0 while it is slewed after a change of the delay.',
    labels: PUBLISHED,
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
