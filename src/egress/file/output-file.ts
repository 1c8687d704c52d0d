/**
 * An output file and its names. What is being made has a name of its own beside the output, and takes the output's name only
 * when it is complete: whoever finds a file of the output's name has all of it, and what was there before stays until then.
 */
import { createHash } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
} from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { FrameliftError } from '../../errors.ts';
import { ProcessLock } from './lock.ts';
import {
  appendSegment,
  createState,
  differences,
  type Identity,
  type ResumeState,
  readState,
  type Segment,
} from './resume-state.ts';
import { FileSink, syncFolder, writeFault } from './sink.ts';

/** Options of {@link OutputFile.open}. */
export interface OutputFileOptions {
  /** Replaces an existing output, and starts again where an unfinished one is left. */
  readonly overwrite?: boolean | undefined;
  /** Goes on from an unfinished one, if there is one. */
  readonly resume?: boolean | undefined;
  /** Asked before an existing output is replaced. Default: it is not replaced. */
  readonly confirm?: ((question: string) => Promise<boolean>) | undefined;
}

/** A file with work of a run before, which is given another name. */
export interface KeptFile {
  readonly path: string;
  movedTo(path: string): void;
}

/** The names of an output `out.mp4`, beside each other in one folder. Pure. */
export function outputNames(output: string): { partial: string; kept: string; state: string } {
  const ending = extname(output);
  const stem = join(dirname(output), basename(output, ending));
  return {
    // The ending stays: players go by it.
    partial: `${stem}.partial${ending}`,
    // What a run goes on from, until it is as far itself.
    kept: `${stem}.partial-kept${ending}`,
    state: `${stem}.partial${ending}.json`,
  };
}

/** An output that this process alone is making. */
export class OutputFile implements AsyncDisposable {
  /** As people gave it. */
  readonly path: string;
  /** What an interrupted run left, if this one goes on from there. */
  readonly found: ResumeState | undefined;
  readonly #final: string;
  readonly #old: Stats | undefined;
  readonly #overwrite: boolean;
  readonly #lock: ProcessLock | undefined;
  #created = false;

  private constructor(
    path: string,
    final: string,
    old: Stats | undefined,
    state: { found?: ResumeState | undefined; overwrite: boolean; lock?: ProcessLock },
  ) {
    this.path = path;
    this.#final = final;
    this.#old = old;
    this.found = state.found;
    this.#overwrite = state.overwrite;
    this.#lock = state.lock;
  }

  /**
   * Claims an output. Nothing is created, changed or removed yet. A symbolic link is followed; pipes and devices are written as
   * they are. @throws FrameliftError `config.invalid` for a folder, where nothing may be written, for what exists already, and
   * when another process is writing the same file.
   */
  static async open(path: string, options: OutputFileOptions = {}): Promise<OutputFile> {
    const final = followed(path);
    const old = statSync(final, { throwIfNoEntry: false });
    if (old?.isDirectory()) throw refused(path, 'is a folder', 'Give the name of a file in it.');
    requireFolder(path, dirname(final));
    if (old && !old.isFile()) return new OutputFile(path, final, old, { overwrite: true });
    const lock = await ProcessLock.take(lockName(final));
    if (!lock) throw refused(path, 'is being written by another framelift', 'Wait for it, or give another name.');
    try {
      const found = await settle(path, final, old, options);
      const overwrite = options.overwrite === true || found?.overwrite === true || old !== undefined;
      return new OutputFile(path, final, old, { found, overwrite, lock });
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** False for pipes and devices, which have one name and keep nothing. */
  get isFile(): boolean {
    return this.#lock !== undefined;
  }

  /** The name that is written to. */
  get working(): string {
    return this.isFile ? outputNames(this.#final).partial : this.#final;
  }

  /** Files that hold work of runs before, to choose from. */
  get candidates(): string[] {
    const { partial, kept } = outputNames(this.#final);
    return [partial, kept].filter((name) => this.found !== undefined && existsSync(name));
  }

  /** @throws FrameliftError `config.invalid` when what was left is not of the same input, options and version. */
  requireSame(identity: Identity): void {
    if (!this.found) return;
    const changed = differences(this.found.identity, identity);
    if (changed.length === 0) return;
    const { partial } = outputNames(this.#final);
    throw refused(
      partial,
      `cannot be gone on from: ${changed.join('; ')}`,
      'Start again with --overwrite, or undo the change.',
    );
  }

  /**
   * Creates the file that is written to. @param kept what this run goes on from, one of {@link candidates}: it stays beside until
   * {@link dropKept}. @throws FrameliftError `mux.failed`.
   */
  async create(identity: Identity, kept?: KeptFile): Promise<FileSink> {
    if (!this.isFile) return FileSink.create(this.#final);
    const names = outputNames(this.#final);
    try {
      if (kept) this.#setAside(kept);
      else {
        // In this order: old packets must never stand beside a new state.
        for (const name of [names.partial, names.kept]) rmSync(name, { force: true });
        createState(names.state, identity, this.#overwrite);
      }
      rmSync(names.partial, { force: true });
      const sink = await FileSink.create(names.partial, 'wx');
      this.#created = true;
      // Who could not read the old file shall not read the new one.
      if (this.#old) chmodSync(names.partial, this.#old.mode & 0o777);
      return sink;
    } catch (error) {
      throw writeFault(names.partial, error);
    }
  }

  /** Notes how far the file is. @throws FrameliftError `mux.failed`. */
  note(segment: Segment): void {
    if (this.isFile) appendSegment(outputNames(this.#final).state, segment);
  }

  /** Removes what this run went on from: it holds all of it by now. */
  dropKept(): void {
    if (this.isFile) rmSync(outputNames(this.#final).kept, { force: true });
  }

  /** The file is whole: it takes its name. @throws FrameliftError `mux.failed`. */
  complete(): void {
    if (!this.isFile || !this.#created) return;
    const { partial, kept, state } = outputNames(this.#final);
    try {
      renameSync(partial, this.#final);
      this.#created = false;
      rmSync(state, { force: true });
      rmSync(kept, { force: true });
      syncFolder(this.#final);
    } catch (error) {
      throw writeFault(this.path, error);
    }
  }

  /** Nothing worth keeping was made: removes what this run created, not what it found. */
  discard(): void {
    if (!this.isFile || !this.#created) return;
    this.#created = false;
    const { partial, state } = outputNames(this.#final);
    rmSync(partial, { force: true });
    if (!this.found) rmSync(state, { force: true });
  }

  #setAside(file: KeptFile): void {
    const { partial, kept } = outputNames(this.#final);
    if (file.path === partial) renameSync(partial, kept);
    file.movedTo(kept);
  }

  /** Lets others write the file. Closing twice is harmless. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lock?.[Symbol.asyncDispose]();
  }
}

/** Decides what becomes of files that are there already. @returns what is gone on from. */
async function settle(
  path: string,
  final: string,
  old: Stats | undefined,
  options: OutputFileOptions,
): Promise<ResumeState | undefined> {
  const { partial, kept, state } = outputNames(final);
  const { overwrite = false, resume = false, confirm } = options;
  const found = readState(state);
  const left = [partial, kept].some((name) => existsSync(name));
  if (left && !found) {
    throw refused(
      partial,
      'is in the way, and framelift does not know it',
      'Move it, or give another name for the output.',
    );
  }
  if (left && !overwrite && !resume) {
    throw refused(
      partial,
      'is left of a run that did not finish',
      'Go on from there with --resume, or start again with --overwrite.',
    );
  }
  const goesOn = resume && left;
  if (old) await requireConsent(path, final, overwrite || (goesOn && found?.overwrite === true), confirm);
  return goesOn ? found : undefined;
}

async function requireConsent(
  path: string,
  final: string,
  overwrite: boolean,
  confirm: OutputFileOptions['confirm'],
): Promise<void> {
  if (!overwrite && !(await confirm?.(`"${path}" exists already. Replace it once the new one is complete?`))) {
    throw refused(
      path,
      'exists already',
      'Give another name, or --overwrite to replace it once the new file is complete.',
    );
  }
  if (!may(final, constants.W_OK))
    throw refused(path, 'is write-protected', 'Give another name, or lift its protection.');
}

/** Where a symbolic link leads, also if nothing is there yet. */
function followed(path: string): string {
  const full = resolve(path);
  if (existsSync(full)) return realpathSync(full);
  const link = lstatSync(full, { throwIfNoEntry: false });
  if (link?.isSymbolicLink()) return followed(resolve(dirname(full), readlinkSync(full)));
  return existsSync(dirname(full)) ? join(realpathSync(dirname(full)), basename(full)) : full;
}

function requireFolder(path: string, folder: string): void {
  if (!existsSync(folder))
    throw refused(path, `cannot be written: the folder ${folder} does not exist`, 'Make it first.');
  if (!may(folder, constants.W_OK | constants.X_OK)) {
    throw refused(
      path,
      `cannot be written: the folder ${folder} is not open to you for writing`,
      'Give a name in another folder.',
    );
  }
}

function may(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/** The same for all ways to write one file's name. */
function lockName(final: string): string {
  const { dev, ino } = statSync(dirname(final));
  return createHash('sha256')
    .update(`${dev}:${ino}:${basename(final)}`)
    .digest('hex')
    .slice(0, 32);
}

function refused(path: string, why: string, remedy: string): FrameliftError {
  return new FrameliftError('config.invalid', `"${path}" ${why}`, { remedy });
}
