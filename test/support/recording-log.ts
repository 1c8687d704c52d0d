/** A log that keeps its lines, at every level. */
import type { Log, LogLevel } from '../../src/log.ts';

const LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error'];

/** One line. */
export interface LogLine {
  readonly level: LogLevel;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** Keeps what is written at `level` and above. */
export class RecordingLog implements Log {
  readonly lines: LogLine[] = [];
  readonly #level: number;

  constructor(level: LogLevel) {
    this.#level = LEVELS.indexOf(level);
  }

  trace(fields: object, message: string): void {
    this.#keep('trace', fields, message);
  }

  debug(fields: object, message: string): void {
    this.#keep('debug', fields, message);
  }

  info(fields: object, message: string): void {
    this.#keep('info', fields, message);
  }

  warn(fields: object, message: string): void {
    this.#keep('warn', fields, message);
  }

  error(fields: object, message: string): void {
    this.#keep('error', fields, message);
  }

  enabled(level: LogLevel): boolean {
    return LEVELS.indexOf(level) >= this.#level;
  }

  /** The messages of a level, in order. */
  messages(level: LogLevel): string[] {
    return this.lines.filter((line) => line.level === level).map(({ message }) => message);
  }

  /** The first line with this message. @throws Error when there is none. */
  find(message: string): LogLine {
    const found = this.lines.find((line) => line.message === message);
    if (!found) throw new Error(`no "${message}" among ${this.lines.map((line) => line.message).join(' | ')}`);
    return found;
  }

  #keep(level: LogLevel, fields: object, message: string): void {
    if (this.enabled(level)) this.lines.push({ level, fields: { ...fields }, message });
  }
}
