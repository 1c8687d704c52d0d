/** Entry of a child process that tries one encoder. A process of its own: a driver may end the one it is in. */
import { asFrameliftError } from '../../../errors.ts';
import { testEncoder } from './self-test.ts';
import type { EncoderProbeReply, EncoderProbeRequest } from './trial.ts';

async function probe({ encoder }: EncoderProbeRequest): Promise<EncoderProbeReply> {
  try {
    return { frameMs: await testEncoder(encoder) };
  } catch (thrown) {
    return { failure: asFrameliftError(thrown, 'encode.failed').message };
  }
}

process.once('message', (request: EncoderProbeRequest) => {
  // The answer is on its way once the callback runs.
  void probe(request).then((reply) => process.send?.(reply, () => process.exit()));
});
// Nobody waits for the answer any more.
process.once('disconnect', () => process.exit());
