/** A log that remembers its lines. */
import type { Log, LogLevel } from '../../src/log.ts';

type Level = Exclude<LogLevel, 'silent'>;

/** A line: its level and message, with its fields beside them. */
export interface LogLine {
  readonly level: Level;
  readonly message: string;
  readonly [field: string]: unknown;
}

const LEVELS: readonly Level[] = ['trace', 'debug', 'info', 'warn', 'error'];

/** Remembers what is written at `level` and above. Default: everything. */
export class RecordedLog implements Log {
  readonly lines: LogLine[] = [];
  readonly #from: number;

  constructor(level: Level = 'trace') {
    this.#from = LEVELS.indexOf(level);
  }

  readonly trace: Log['trace'] = (fields, message) => this.#add('trace', fields, message);
  readonly debug: Log['debug'] = (fields, message) => this.#add('debug', fields, message);
  readonly info: Log['info'] = (fields, message) => this.#add('info', fields, message);
  readonly warn: Log['warn'] = (fields, message) => this.#add('warn', fields, message);
  readonly error: Log['error'] = (fields, message) => this.#add('error', fields, message);
  readonly enabled: Log['enabled'] = (level) => LEVELS.indexOf(level) >= this.#from;

  /** The messages written at `level`, in order. */
  messages(level: Level): string[] {
    return this.lines.filter((line) => line.level === level).map(({ message }) => message);
  }

  /** The first line with this message. @throws Error when there is none, naming those there are. */
  find(message: string): LogLine {
    const found = this.lines.find((line) => line.message === message);
    if (!found) throw new Error(`no "${message}" among ${this.lines.map((line) => line.message).join(' | ')}`);
    return found;
  }

  /** The lines with this message. */
  of(message: string): LogLine[] {
    return this.lines.filter((line) => line.message === message);
  }

  #add(level: Level, fields: object, message: string): void {
    if (this.enabled(level)) this.lines.push({ ...fields, level, message });
  }
}
