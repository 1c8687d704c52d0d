import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { StopSignal } from '../../../src/commands/stop-signal.ts';

describe('StopSignal', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s aborts, and exits with %i; a second one ends at once', (signal, code) => {
    const exits: number[] = [];
    const process = Object.assign(new EventEmitter(), { exit: (with_: number) => exits.push(with_) });
    const stop = new StopSignal(process);
    expect([stop.signal.aborted, stop.exitCode]).toEqual([false, 0]);
    process.emit(signal);
    expect([stop.signal.aborted, stop.exitCode, exits]).toEqual([true, code, []]);
    process.emit('SIGINT');
    expect(exits).toEqual([130]);
  });
});
