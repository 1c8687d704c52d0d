/** Makes the outputs of a stream from its configuration. */
import type { OutputConfig } from '../config/outputs.ts';
import { fromVariable } from '../config/secrets.ts';
import { outputAddress, shownWords } from '../egress/push/address.ts';
import { ffmpegPush } from '../egress/push/ffmpeg.ts';
import type { Push } from '../egress/push/push.ts';
import { whipPush } from '../egress/push/whip.ts';
import { findFfmpeg } from '../ingest/ffmpeg/binary.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../time.ts';
import type { TransportSettings } from '../webrtc/transport.ts';
import type { OutputSettings } from './outputs.ts';

/** What an output needs beside its configuration. */
export interface OutputContext {
  readonly stream: string;
  readonly clock: Clock;
  readonly log: Log;
  /** How WHIP servers are connected to. */
  readonly transport: TransportSettings;
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

function makePush({ url, audio, token }: OutputConfig, output: string, context: OutputContext): Push {
  const { stream, clock, log, env, transport } = context;
  const address = outputAddress(url);
  if (address.kind === 'whip') {
    const key = `stream "${stream}": the token of output "${output}"`;
    const bearer = typeof token === 'object' ? fromVariable(token.env, env, key) : token;
    return whipPush({ address, token: bearer, audio, clock, transport });
  }
  return ffmpegPush({
    ...{ address, audio, clock, program: () => findFfmpeg(env).path },
    onLine: (line) => log.debug({ stream, output }, `ffmpeg: ${shownWords(line, url)}`),
  });
}
