import { expect, it } from 'vitest';
import { pushFault } from '../../../../src/egress/push/fault.ts';

const URL = 'rtsp://user:secret@host/x';

it.each([
  [['[rtsp @ 0x55] method ANNOUNCE failed: 401 Unauthorized'], 'output.unauthorized', false],
  [
    ['[tcp @ 0x1] Connection to tcp://h:1 failed: Connection refused', `${URL}: Connection refused`],
    'output.unreachable',
    true,
  ],
  [['[error] Failed to resolve hostname nowhere: Name or service not known'], 'output.unreachable', true],
  [['[rtmp @ 0x1] Server error: Publish failed'], 'output.refused', true],
  [['[error] method ANNOUNCE failed: 404 Not Found'], 'output.refused', true],
  [['[tls @ 0x1] error:0A000086:SSL routines::certificate verify failed'], 'output.unauthorized', false],
  [['[tls @ 0x1] Peer certificate failed verification', '[error] x: Input/output error'], 'output.unauthorized', false],
  [['[error] av_interleaved_write_frame(): Broken pipe'], 'output.refused', true],
  [['[fatal] Unrecognized option "tls_verify".'], 'output.failed', false],
  [['[error] something new'], 'output.failed', true],
  [[], 'output.failed', true],
] as const)('%j is %s', (lines, code, recoverable) => {
  const error = pushFault(lines, 1, URL);
  expect(error).toMatchObject({ code, recoverable });
  expect(error.message).not.toContain('secret');
});
