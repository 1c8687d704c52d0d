/** What is remembered beside an unfinished output: what it was made of, and how far it is. Pure but for its two calls on files. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { writeFault } from './sink.ts';

/** What must be the same for a run to go on from another one's work: named in words for people. */
export type Identity = Readonly<Record<string, string | number | boolean | null>>;

/** Counts of a conversion, by name. */
export type Counts = Readonly<Record<string, number>>;

/** Where an encoder was flushed and the next one began. */
export interface Segment {
  /** Frames of the output before it. */
  readonly frames: number;
  readonly counts: Counts;
}

/** What the file beside an unfinished output says. */
export interface ResumeState {
  readonly identity: Identity;
  /** The existing output may be replaced: it was asked for. */
  readonly overwrite: boolean;
  /** In the order of the output. */
  readonly segments: readonly Segment[];
}

/** Starts the file. @throws FrameliftError `mux.failed`. */
export function createState(path: string, identity: Identity, overwrite: boolean): void {
  attempt(path, () => writeFileSync(path, `${JSON.stringify({ identity, overwrite })}\n`));
}

/** Notes the end of a segment. @throws FrameliftError `mux.failed`. */
export function appendSegment(path: string, segment: Segment): void {
  attempt(path, () => appendFileSync(path, `${JSON.stringify(segment)}\n`));
}

/** Reads the file; undefined if there is none, or none of ours. */
export function readState(path: string): ResumeState | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  return parseState(text);
}

/** The state in a text; undefined for anything else. A last line that was cut off counts for nothing. Pure. */
export function parseState(text: string): ResumeState | undefined {
  const [head, ...rest] = text.split('\n').map(parsed);
  if (!isRecord(head) || !isRecord(head.identity)) return undefined;
  const segments = new Map<number, Segment>();
  for (const line of rest) {
    if (isRecord(line) && typeof line.frames === 'number' && isRecord(line.counts)) {
      segments.set(line.frames, { frames: line.frames, counts: line.counts as Counts }); // our own JSON
    }
  }
  return {
    identity: head.identity as Identity, // our own JSON
    overwrite: head.overwrite === true,
    segments: [...segments.values()].sort((a, b) => a.frames - b.frames),
  };
}

/** What differs between two identities, in words; empty if nothing does. Pure. */
export function differences(before: Identity, now: Identity): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...names]
    .filter((name) => (before[name] ?? null) !== (now[name] ?? null))
    .map((name) => `${name} was ${said(before[name])}, is ${said(now[name])}`);
}

/** The last segment end that `frames` frames of the output reach. Pure. */
export function lastSegment(segments: readonly Segment[], frames: number): Segment | undefined {
  return segments.findLast((segment) => segment.frames <= frames);
}

function said(value: Identity[string] | undefined): string {
  return value === undefined || value === null ? 'not given' : String(value);
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function attempt(path: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    throw writeFault(path, error);
  }
}
