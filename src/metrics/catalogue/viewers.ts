/** Metrics of viewers: what they are sent, what their paths carry, what they see. */
import { type MetricDefinition, PUBLISHED } from './definition.ts';

/** By the names that the recorder knows them by. */
export const VIEWER_METRICS = {
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
} as const satisfies Record<string, MetricDefinition>;
