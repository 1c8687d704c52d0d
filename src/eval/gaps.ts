/** The gaps of an item: two frames that are given, and the removed ones between them. Holds one gap of a clip at a time. */

import { FrameliftError } from '../errors.ts';
import { openVideoFile } from '../ingest/file/video-file.ts';
import type { Arena } from '../media/arena.ts';
import { Frame, SOURCE } from '../media/frame.ts';
import { noEvents } from '../metrics/events.ts';
import { type Clock, micros } from '../time.ts';
import { PictureFilter } from './filter.ts';
import type { FramesItem, Item } from './items.ts';
import { readPng } from './png.ts';
import { evalSize, timestepsOf } from './protocol.ts';
import { fillDeepFromRgba, fillFromRgba, RGB_FORM } from './rgb.ts';
import { viewOf } from './set/view.ts';

/** Two kept frames and what lay between them. Whoever takes a gap owns its frames: {@link releaseGap}. */
export interface Gap {
  /** Number within the item, from 0. */
  readonly index: number;
  readonly a: Frame;
  readonly b: Frame;
  /** Times of `truths` between `a` and `b`. */
  readonly timesteps: readonly number[];
  readonly truths: readonly Frame[];
  /** What `a` and `b` should look like, when the truth is another clip. */
  readonly ends?: readonly [Frame, Frame];
}

/** Options of {@link readGaps}. */
export interface GapOptions {
  readonly arena: Arena;
  readonly clock: Clock;
  /** Of so many frames of a clip one is kept. */
  readonly factor: number;
  /** Frames of a clip that are read at most. */
  readonly frames: number;
  /** Lines of a clip at most. */
  readonly height: number;
}

/** Smaller pictures have too few SSIM windows to mean anything, and clips are measured at multiples of it. */
const SMALLEST = 16;

/** Gives up all frames of a gap. */
export function releaseGap(gap: Gap): void {
  for (const frame of [gap.a, gap.b, ...gap.truths, ...(gap.ends ?? [])]) frame.release();
}

/**
 * The gaps of an item, in order.
 * @throws FrameliftError what opening and decoding throw; `source.protocol` for pictures of different sizes; `config.invalid`
 * for a clip that is too short or too small.
 */
export function readGaps(item: Item, options: GapOptions): AsyncGenerator<Gap, void, void> {
  return item.kind === 'frames' ? framesGap(item, options) : clipGaps(item, options);
}

async function* framesGap(
  { files, view = 'whole', rgb }: FramesItem,
  { arena, clock }: GapOptions,
): AsyncGenerator<Gap, void, void> {
  const frames: Frame[] = [];
  try {
    for (const [i, path] of files.entries()) {
      const { width, height, rgba } = viewOf(await readPng(path), view);
      const [first] = frames;
      if (first && (first.width !== width || first.height !== height)) {
        throw new FrameliftError(
          'source.protocol',
          `${path} is ${width}x${height}, but ${files[0]} is ${first.width}x${first.height}`,
          { remedy: 'All pictures of a folder must have one size.' },
        );
      }
      checkSmallest(path, width, height);
      const arrival = clock.now();
      const info = { pts: micros(i * 10_000), arrival, capture: arrival, discontinuity: false, provenance: SOURCE };
      const frame = Frame.allocate(arena, width, height, info, rgb ? RGB_FORM : undefined);
      frames.push(frame);
      fillFromRgba(frame.bytes, frame.layout, rgba);
      if (frame.deep) fillDeepFromRgba(frame.deep.bytes, frame.deep.layout, rgba);
    }
    yield gapOf(0, frames, frames);
  } finally {
    for (const frame of frames) frame.release();
  }
}

async function* clipGaps(
  { path, truth }: { readonly path: string; readonly truth?: string },
  options: GapOptions,
): AsyncGenerator<Gap, void, void> {
  const { factor } = options;
  const inputs = scaledFrames(path, options);
  const others = truth === undefined ? undefined : scaledFrames(truth, options);
  const held: Frame[] = [];
  const heldOthers: Frame[] = [];
  let [read, index] = [0, 0];
  try {
    for (; read < options.frames; read++) {
      const next = await inputs.next();
      if (next.done) break;
      held.push(next.value);
      if (others && truth !== undefined) {
        const other = await others.next();
        if (other.done) {
          throw new FrameliftError('config.invalid', `${truth} ends after ${read} frames, before ${path}`, {
            remedy: 'The truth must have the frames of the clip, one for one; or measure fewer with --frames.',
          });
        }
        heldOthers.push(other.value);
        checkTruth(path, next.value, truth, other.value);
      }
      if (held.length <= factor) continue;
      yield gapOf(index, held, others ? heldOthers : held);
      index += 1;
      for (const frame of [...held.splice(0, factor), ...heldOthers.splice(0, factor)]) frame.release();
    }
    if (index === 0) throw tooShort(path, read, options);
  } finally {
    for (const frame of [...held, ...heldOthers]) frame.release();
    await inputs.return();
    await others?.return();
  }
}

function tooShort(path: string, read: number, { factor, frames }: GapOptions): FrameliftError {
  const cut = read === frames ? ` (--frames ${frames})` : '';
  return new FrameliftError(
    'config.invalid',
    `${path} has ${read} frames${cut}; factor ${factor} needs ${factor + 1} at least`,
    { remedy: cut ? 'Raise --frames, or lower --factor.' : 'Give a longer clip, or a lower --factor.' },
  );
}

function gapOf(index: number, given: readonly Frame[], truth: readonly Frame[]): Gap {
  const [a, b, start, end] = [given[0], given.at(-1), truth[0], truth.at(-1)];
  if (!a || !b || !start || !end) throw new FrameliftError('frame.misuse', 'a gap needs its two ends');
  return {
    index,
    a: a.share(),
    b: b.share(),
    timesteps: timestepsOf(given.length - 1),
    truths: truth.slice(1, -1).map((frame) => frame.share()),
    ...(given === truth ? {} : { ends: [start.share(), end.share()] as const }),
  };
}

function checkTruth(path: string, frame: Frame, truth: string, other: Frame): void {
  if (frame.width === other.width && frame.height === other.height) return;
  throw new FrameliftError(
    'config.invalid',
    `${truth} is measured at ${other.width}x${other.height}, but ${path} at ${frame.width}x${frame.height}`,
    { remedy: 'The truth must have the size of the clip.' },
  );
}

function checkSmallest(path: string, width: number, height: number): void {
  if (width >= SMALLEST && height >= SMALLEST) return;
  throw new FrameliftError('config.invalid', `${path} is ${width}x${height}, smaller than ${SMALLEST}x${SMALLEST}`, {
    remedy: 'Give larger pictures.',
  });
}

/** The frames of a clip at the size at which it is measured. Closes the file at its end or when the caller returns. */
async function* scaledFrames(
  path: string,
  { arena, clock, height: lines }: GapOptions,
): AsyncGenerator<Frame, void, void> {
  await using video = await openVideoFile({ path, stream: 'eval', arena, clock, events: noEvents, offline: true });
  // The rule about lines is about the picture as people see it.
  const turned = video.info.rotation % 180 !== 0;
  let filter: PictureFilter | undefined;
  let first: { width: number; height: number } | undefined;
  let count = 0;
  try {
    for await (const frame of video.frames()) {
      let out: Frame | undefined = frame;
      try {
        const { width, height } = frame;
        first ??= { width, height };
        if (first.width !== width || first.height !== height) {
          throw new FrameliftError(
            'source.protocol',
            `${path}: the picture changes its size from ${first.width}x${first.height} to ${width}x${height}`,
            { remedy: 'Measure the parts one by one.' },
          );
        }
        const size = turned ? swap(evalSize(height, width, lines)) : evalSize(width, height, lines);
        checkSmallest(path, size.width, size.height);
        if (size.width !== width || size.height !== height) {
          // Area averaging, as the trainer's evaluation scales.
          const args = `${size.width}:${size.height}:flags=area`;
          filter ??= await PictureFilter.open({ arena, width, height, filter: 'scale', args });
          const [scaled] = await filter.push(frame, count);
          if (!scaled) throw new FrameliftError('ffmpeg.failed', `${path}: frame ${count} was not scaled`);
          const { pts, arrival, capture } = frame;
          out = scaled.frame.share({ pts, arrival, capture });
          scaled.frame.release();
          frame.release();
        }
        count += 1;
      } catch (error) {
        if (out === frame) frame.release();
        throw error;
      }
      yield out;
    }
  } finally {
    filter?.[Symbol.dispose]();
  }
}

function swap({ width, height }: { width: number; height: number }): { width: number; height: number } {
  return { width: height, height: width };
}
