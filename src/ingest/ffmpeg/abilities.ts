/** What an ffmpeg program knows. Asked of it, since builds of the same version number differ. */
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { FrameliftError, messageOf } from '../../errors.ts';

/** The options by which frames are neither repeated nor dropped: 5.1 brought one, 9.0 dropped the other. */
export type PassThrough = '-fps_mode' | '-vsync';

const TIMEOUT_MS = 10_000;
const MAX_ANSWER = 4 << 20;
/** Programs that were asked, with the time of their file: it may be replaced while we run. */
const asked = new Map<string, { readonly changed: number; readonly answer: Promise<PassThrough> }>();

/**
 * Asks a program once for its options.
 * @throws FrameliftError `ffmpeg.failed` when it cannot be started, or knows neither option.
 */
export async function passThroughOption(path: string): Promise<PassThrough> {
  const changed = await stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  const known = asked.get(path);
  if (known?.changed === changed) return known.answer;
  const answer = ask(path);
  asked.set(path, { changed, answer });
  answer.catch(() => asked.delete(path));
  return answer;
}

async function ask(path: string): Promise<PassThrough> {
  let help: string;
  try {
    ({ stdout: help } = await promisify(execFile)(path, ['-hide_banner', '-h', 'long'], {
      timeout: TIMEOUT_MS,
      maxBuffer: MAX_ANSWER,
    }));
  } catch (thrown) {
    throw new FrameliftError('ffmpeg.failed', `${path} cannot be started: ${messageOf(thrown)}`, { cause: thrown });
  }
  const found = passThroughOf(help);
  if (found) return found;
  throw new FrameliftError('ffmpeg.failed', `${path} lists neither -fps_mode nor -vsync among its options`, {
    remedy: 'Use an ffmpeg from 4.4 on (FFMPEG_PATH).',
  });
}

/** Which of the options a program lists in its help; undefined when none. Pure. */
export function passThroughOf(help: string): PassThrough | undefined {
  if (/^-fps_mode\b/m.test(help)) return '-fps_mode';
  return /^-vsync\b/m.test(help) ? '-vsync' : undefined;
}
