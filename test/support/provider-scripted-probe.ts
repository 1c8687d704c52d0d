/** A provider's self-test without a provider: what happens is the model's id. The CPU always gives a grey picture. */
import type { ProbeReply, ProbeRequest } from '../../src/interp/providers/trial.ts';

function picture(value: number): ProbeReply {
  const planes = [64, 16, 16].map((size) => new Uint8Array(size).fill(value));
  return { sample: { planes, confidence: undefined, pairMs: process.pid } };
}

process.once('message', ({ provider, model }: ProbeRequest) => {
  if (provider !== 'cpu' && model.id === 'crash') process.kill(process.pid, 'SIGSEGV');
  if (provider !== 'cpu' && model.id === 'hang') {
    setInterval(() => {}, 1000);
    return;
  }
  const reply = picture(provider !== 'cpu' && model.id === 'wrong' ? 90 : 128);
  process.send?.(reply, () => process.exit());
});
