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

/** A server that breaks the connection so often when it is asked for its sound is played without. */
const MAX_SOUND_BROKE = 2;

/**
 * An RTSP source.
 * @throws FrameliftError at once: `config.invalid` when the URL is malformed, `source.forbidden` by
 * its address.
 */
export function rtspSource(options: RtspOptions): Source {
  (options.guard ?? OPERATORS_GUARD).checkLiteral(parseRtspUrl(options.url).host);
  let soundBroke = 0;
  const soundSettled = (lived: boolean): void => {
    soundBroke = lived ? 0 : soundBroke + 1;
    if (soundBroke !== MAX_SOUND_BROKE) return;
    const { stream, log } = options;
    log?.warn({ stream }, 'the connection breaks whenever the sound is asked for: the picture is played without');
  };
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
      const sound = options.sound === true && soundBroke < MAX_SOUND_BROKE;
      const own = { ...options, sound, soundSettled };
      try {
        const end = await play(own, sink, signal);
        if (end === 'blocked' && !signal.aborted) await play({ ...own, transport: 'tcp' }, sink, signal);
      } catch (error) {
        if (signal.aborted) return;
        throw asFrameliftError(error, 'source.protocol');
      } finally {
        current = undefined;
      }
    },
  };
}
