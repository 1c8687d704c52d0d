/**
 * The chapters of a container. An adapter of node-av, which gives them in one form only: FFmpeg's
 * description of an open file in its log.
 */
import { AV_LOG_FATAL, AV_LOG_INFO, type FormatContext, Log } from 'node-av';
import { type Clock, fromMs, type Micros, micros, plus } from '../../time.ts';

/** One chapter, on the timeline of the file's packets. */
export interface Chapter {
  readonly start: Micros;
  readonly end: Micros;
  /** Its title, language and whatever else the container says of it. */
  readonly tags: Readonly<Record<string, string>>;
}

/** Stands after the description: the log arrives late, and in order. */
const END_OF_DESCRIPTION = 'framelift: end of description';
const LOG_INTERVAL = fromMs(2);
/**
 * The chapters of an open input. Nothing else may use FFmpeg at the same time: its log is one for
 * all.
 */
export async function readChapters(context: FormatContext, clock: Clock): Promise<Chapter[]> {
  const pieces: string[] = [];
  const level = Log.getLevel();
  try {
    let complete = false;
    Log.setCallback(
      (_, message) => {
        if (message === END_OF_DESCRIPTION) complete = true;
        else if (!complete) pieces.push(message);
      },
      { maxLevel: AV_LOG_INFO },
    );
    Log.setLevel(AV_LOG_INFO);
    context.dumpFormat(0, '', false);
    Log.log(AV_LOG_INFO, END_OF_DESCRIPTION);
    // The log's queue does not keep the process running; waiting for it does.
    while (!complete) await new Promise<void>((done) => clock.at(plus(clock.now(), LOG_INTERVAL), done));
  } finally {
    Log.resetCallback();
    Log.setLevel(level ?? AV_LOG_FATAL);
  }
  return parseChapters(pieces);
}

const CHAPTER = /^ {4}Chapter #\d+:\d+: $/;
const START = /^start (-?\d+\.\d+), $/;
const END = /^end (-?\d+\.\d+)$/;
const TAG = /^ {8}(\S.{0,15}\S|\S) *: $/;
const CONTINUED = /^ {8} {16}: $/;

/**
 * The chapters in FFmpeg's description of a file, which comes in the pieces that it prints: a
 * chapter's head, its times, then for each tag the name and the value line by line.
 */
export function parseChapters(pieces: readonly string[]): Chapter[] {
  const chapters: { start: number; end: number; tags: Record<string, string> }[] = [];
  let chapter: (typeof chapters)[number] | undefined;
  let key: string | undefined;
  for (const piece of pieces) {
    if (CHAPTER.test(piece)) {
      chapter = { start: 0, end: 0, tags: {} };
      chapters.push(chapter);
      key = undefined;
    } else if (!chapter) {
    } else if (key === undefined && START.test(piece)) {
      chapter.start = Number(START.exec(piece)?.[1]);
    } else if (key === undefined && END.test(piece)) {
      chapter.end = Number(END.exec(piece)?.[1]);
    } else if (CONTINUED.test(piece) && key !== undefined) {
      chapter.tags[key] += '\n';
    } else if (TAG.test(piece)) {
      key = TAG.exec(piece)?.[1] ?? '';
      chapter.tags[key] = '';
    } else if (/^ {2}(Stream (group )?#|Program \d)/.test(piece)) {
      break;
    } else if (key !== undefined) {
      chapter.tags[key] += piece;
    }
  }
  return chapters.map(({ start, end, tags }) => ({ start: micros(start * 1e6), end: micros(end * 1e6), tags }));
}
