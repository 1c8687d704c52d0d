/** A log that remembers. */
import type { Log } from '../../src/log.ts';

/** Lines of all levels, as `level message`, with their fields. */
export class LogLines implements Log {
  readonly lines: { readonly level: string; readonly message: string; readonly fields: object }[] = [];

  /** `level message` of each line, in order. */
  get texts(): readonly string[] {
    return this.lines.map(({ level, message }) => `${level} ${message}`);
  }

  trace(fields: object, message: string): void {
    this.lines.push({ level: 'trace', message, fields });
  }

  debug(fields: object, message: string): void {
    this.lines.push({ level: 'debug', message, fields });
  }

  info(fields: object, message: string): void {
    this.lines.push({ level: 'info', message, fields });
  }

  warn(fields: object, message: string): void {
    this.lines.push({ level: 'warn', message, fields });
  }

  error(fields: object, message: string): void {
    this.lines.push({ level: 'error', message, fields });
  }

  enabled(): boolean {
    return true;
  }
}
