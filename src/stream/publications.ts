/** What a stream publishes: its upconverted variant, and its source. */
import { Publication } from '../egress/publication.ts';
import type { Variant } from '../metrics/events.ts';
import type { StreamContext, StreamSettings } from './settings.ts';

/** Frames per second that an encoder takes for granted until it has measured them. */
const USUAL_FPS = 30;

/**
 * The two publications of a stream; the caller disposes of them.
 * @param onPresence as {@link PublicationOptions.onPresence}.
 */
export function publicationsOf(
  settings: StreamSettings,
  context: StreamContext,
  onPresence: (variant: Variant, present: boolean) => void,
): Record<Variant, Publication> {
  const {
    name: stream,
    source,
    target,
    sourceVariant: choice = 'encode',
    bitrate,
    maxViewers,
    peer,
    onDemand,
  } = settings;
  const { clock, events, arena, log, encoder } = context;
  const passing = choice === 'encode' ? undefined : { choice, askSource: () => source.requestKeyframe?.() ?? false };
  const publish = (variant: Variant): Publication =>
    new Publication({
      ...{ stream, variant, clock, events, arena, onDemand },
      onPresence: (present) => onPresence(variant, present),
      even: variant === 'upconverted',
      onError: ({ code, message }) => log.warn({ stream, variant, code }, `encoding failed: ${message}`),
      ...(variant === 'source' && passing ? { passing } : {}),
      fps: variant === 'source' || target.kind === 'factor' ? USUAL_FPS : target.fps,
      ...(encoder === undefined ? {} : { encoder }),
      ...(bitrate === undefined ? {} : { bitrate }),
      ...(maxViewers === undefined ? {} : { maxViewers }),
      ...(peer === undefined ? {} : { peer }),
    });
  return { upconverted: publish('upconverted'), source: publish('source') };
}
