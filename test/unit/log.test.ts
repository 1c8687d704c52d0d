import { describe, expect, it } from 'vitest';
import { type LogFormat, makeLog } from '../../src/log.ts';
import { fromMs, ManualClock } from '../../src/time.ts';

function record(format: LogFormat, colour = false) {
  const lines: string[] = [];
  const clock = new ManualClock();
  const destination = { write: (line: string): void => void lines.push(line) };
  return { lines, clock, log: makeLog({ level: 'info', format, colour, clock, destination }) };
}

describe('the log', () => {
  it('writes JSON for programs: one object a line, its time in milliseconds', () => {
    const { lines, log } = record('json');
    log.info({ stream: 'cam', fps: 30 }, 'source connected');
    log.debug({}, 'not written');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^\{.*\}\n$/);
    const line: unknown = JSON.parse(lines[0] ?? '');
    expect(line).toEqual({ level: 30, time: expect.any(Number), stream: 'cam', fps: 30, msg: 'source connected' });
  });

  it('writes for people: local time, level, message and then the fields, on one line', () => {
    const { lines, log } = record('pretty');
    log.warn({ stream: 'cam', error: 'gone' }, 'source lost');
    expect(lines).toEqual([
      expect.stringMatching(/^\[\d\d:\d\d:\d\d\.\d{3}\] WARN: source lost \{"stream":"cam","error":"gone"\}\n$/),
    ]);
  });

  it('has colours only where they are asked for', () => {
    const [plain, coloured] = [record('pretty'), record('pretty', true)];
    for (const { log } of [plain, coloured]) log.info({}, 'hello');
    const escapeCode = String.fromCharCode(27);
    expect([plain, coloured].map(({ lines }) => lines[0]?.includes(escapeCode))).toEqual([false, true]);
  });

  it.each<LogFormat>(['json', 'pretty'])('shows no credentials: %s', (format) => {
    const { lines, log } = record(format);
    log.error({ error: 'rtsp://nurse:hunter22@camera/1: refused' }, 'rtsp://nurse:hunter22@camera/1 failed');
    expect(lines.join('')).not.toContain('hunter22');
    expect(lines.join('')).toContain('camera/1: refused');
  });

  it('folds a fault that repeats within a second into the next line', () => {
    const { lines, log, clock } = record('json');
    for (let i = 0; i < 5; i += 1) log.warn({ stream: 'cam' }, 'lost');
    log.warn({ stream: 'other' }, 'lost');
    clock.advance(fromMs(1000));
    log.warn({ stream: 'cam' }, 'lost');
    // Our own JSON.
    const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(parsed.map(({ stream, repeated }) => [stream, repeated])).toEqual([
      ['cam', undefined],
      ['other', undefined],
      ['cam', 4],
    ]);
  });
});
