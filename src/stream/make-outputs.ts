/** Makes the outputs of a stream from its configuration. */
import type { OutputConfig } from '../config/outputs.ts';
import { outputAddress, shownWords } from '../egress/push/address.ts';
import { ffmpegPush } from '../egress/push/ffmpeg.ts';
import type { Push } from '../egress/push/push.ts';
import { FrameliftError } from '../errors.ts';
import { findFfmpeg } from '../ingest/ffmpeg/binary.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../time.ts';
import type { OutputSettings } from './outputs.ts';

/** What an output needs beside its configuration. */
export interface OutputContext {
  readonly stream: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Where tokens, FFMPEG_PATH and PATH are looked up. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** @throws FrameliftError `config.invalid` for a token that is not there. */
export function makeOutputs(outputs: readonly OutputConfig[], context: OutputContext): OutputSettings[] {
  return outputs.map((output, index) => {
    const name = output.name ?? String(index);
    return { name, variant: output.variant, push: makePush(output, name, context) };
  });
}

function makePush({ url, audio }: OutputConfig, output: string, { stream, clock, log, env }: OutputContext): Push {
  const address = outputAddress(url);
  if (address.kind === 'whip') throw new FrameliftError('config.invalid', 'WHIP outputs are not supported yet');
  return ffmpegPush({
    ...{ address, audio, clock, program: () => findFfmpeg(env).path },
    onLine: (line) => log.debug({ stream, output }, `ffmpeg: ${shownWords(line, url)}`),
  });
}
