/** The log: pino, with repeated faults folded into one line a second. */
import { pino } from 'pino';
import { redactUrls } from './errors.ts';
import type { StreamLog } from './pipeline.ts';
import { type Clock, fromMs, type Micros, minus } from './time.ts';

/** Levels of the log, loudest first. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

const FOLD = fromMs(1000);

/** Makes the log. JSON lines on standard error, which people read through any JSON viewer and machines as they are. */
export function makeLog(level: LogLevel, clock: Clock): StreamLog {
  // Messages have no credentials; those of foreign errors may.
  const hooks = { streamWrite: redactUrls };
  const log = pino({ level, base: null, hooks }, pino.destination({ dest: 2, sync: true }));
  const seen = new Map<string, { at: Micros; folded: number }>();
  return {
    info: (fields, message) => log.info(fields, message),
    warn(fields, message) {
      const now = clock.now();
      const key = 'stream' in fields ? `${fields.stream} ${message}` : message;
      const last = seen.get(key);
      if (last && minus(now, last.at) < FOLD) {
        last.folded += 1;
        return;
      }
      if (seen.size > 256) seen.clear();
      seen.set(key, { at: now, folded: 0 });
      log.warn(last?.folded ? { ...fields, repeated: last.folded } : fields, message);
    },
  };
}
