/** The log: pino, with repeated faults folded into one line a second. */
import { type DestinationStream, type Level, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { redactUrls } from './errors.ts';
import { type Clock, fromMs, type Micros, minus } from './time.ts';

/** Levels of the log, from everything to nothing. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

/**
 * Where the parts report to people: structured, one call a line. `error` is for what ends a stream or the process, `warn` for faults that
 * are recovered from, `debug` for dialogues and decisions, `trace` for sampled packets and pairs.
 */
export interface Log {
  trace(fields: object, message: string): void;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** Whether a line of this level would be written: to be asked where making its fields costs something. */
  enabled(level: Exclude<LogLevel, 'silent'>): boolean;
}

/** Writes nothing. */
export const SILENT_LOG: Log = {
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
  enabled: () => false,
};

const STDERR = pino.destination({ dest: 2, sync: true });

/** A fault that repeats is written once within this time. */
const FOLD = fromMs(1000);

/** How lines look: text for a person at a terminal, or JSON (time in ms since 1970) for programs. */
export type LogFormat = 'pretty' | 'json';

/** Options of {@link makeLog}. */
export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Colours in `pretty` lines. Default false. */
  readonly colour?: boolean;
  readonly clock: Clock;
  /** Takes the lines. Default: standard error. */
  readonly destination?: DestinationStream;
}

/** Makes the log: one line a call. */
export function makeLog({ level, format, colour = false, clock, destination = STDERR }: LogOptions): Log {
  const prettify = prettyFactory({
    colorize: colour,
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
    errorLikeObjectKeys: [],
  });
  // Messages have no credentials; those of foreign errors may.
  const streamWrite = format === 'json' ? redactUrls : (line: string): string => prettify(redactUrls(line));
  const log = pino({ level, base: null, hooks: { streamWrite } }, destination);
  const seen = new Map<string, { at: Micros; folded: number }>();
  const fold = (at: Level, fields: object, message: string): void => {
    const now = clock.now();
    const key = 'stream' in fields ? `${fields.stream} ${message}` : message;
    const last = seen.get(key);
    if (last && minus(now, last.at) < FOLD) {
      last.folded += 1;
      return;
    }
    if (seen.size > 256) seen.clear();
    seen.set(key, { at: now, folded: 0 });
    log[at](last?.folded ? { ...fields, repeated: last.folded } : fields, message);
  };
  return {
    trace: (fields, message) => log.trace(fields, message),
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => fold('warn', fields, message),
    error: (fields, message) => fold('error', fields, message),
    enabled: (asked) => log.isLevelEnabled(asked),
  };
}
