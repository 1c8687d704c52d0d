/** An encoder's self-test without an encoder: what happens is its name. */
import type { EncoderProbeReply, EncoderProbeRequest } from '../../src/egress/codec/hardware/trial.ts';

process.once('message', ({ encoder }: EncoderProbeRequest) => {
  if (encoder === 'vaapi') process.kill(process.pid, 'SIGSEGV');
  if (encoder === 'qsv') {
    setInterval(() => {}, 1000);
    return;
  }
  const reply: EncoderProbeReply =
    encoder === 'nvenc' ? { frameMs: 1.25 } : { failure: 'its picture is 9.0 dB like what it was given' };
  process.stderr.write('[h264 @ 0x1] A driver speaks.\n', () => process.send?.(reply, () => process.exit()));
});
