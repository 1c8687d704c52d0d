/**
 * RTSP sources: packets to frames by the shortest way. An access unit is decoded the moment its
 * last packet arrives.
 *
 * The client is our own. Axis' media-stream-library, read at 13.1.1, has no H.265, no UDP, no TLS,
 * no keep-alive and no SHA-256 digest on Node, and ends in an MP4 muxer; what would remain of it is
 * a parser of responses.
 */

import { asFrameliftError, redactUrl } from '../../errors.ts';
import { OPERATORS_GUARD } from '../address-guard.ts';
import type { FrameSink, Source } from '../source.ts';
import { type RtspOptions, RtspRun, type RunEnd } from './run.ts';
import { parseRtspUrl } from './url.ts';

export type { RtspOptions } from './run.ts';

/**
 * An RTSP source.
 * @throws FrameliftError at once: `config.invalid` when the URL is malformed, `source.forbidden` by
 * its address.
 */
export function rtspSource(options: RtspOptions): Source {
  (options.guard ?? OPERATORS_GUARD).checkLiteral(parseRtspUrl(options.url).host);
  const label = `rtsp ${redactUrl(options.url)}`;
  let current: RtspRun | undefined;
  const play = async (settings: RtspOptions, sink: FrameSink, signal: AbortSignal): Promise<RunEnd> => {
    await using run = new RtspRun(settings, sink);
    current = run;
    await run.start(signal);
    return await run.untilBroken(signal);
  };
  return {
    label,
    requestKeyframe: () => current?.requestKeyframe() ?? false,
    run: async (sink, signal) => {
      if (signal.aborted) return;
      try {
        const end = await play(options, sink, signal);
        if (end === 'blocked' && !signal.aborted) await play({ ...options, transport: 'tcp' }, sink, signal);
      } catch (error) {
        if (signal.aborted) return;
        throw asFrameliftError(error, 'source.protocol');
      } finally {
        current = undefined;
      }
    },
  };
}
