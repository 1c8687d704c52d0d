/** Metrics of those beside viewers who take a stream: recordings, outputs, RTSP readers. */
import { type MetricDefinition, PUBLISHED, STREAM } from './definition.ts';

/** By the names that the recorder knows them by. */
export const TAKEN_METRICS = {
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
} as const satisfies Record<string, MetricDefinition>;
