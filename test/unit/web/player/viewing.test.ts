import { expect, it } from 'vitest';
import { ViewingLog } from '../../../../src/web/player/viewing.js';

it('tells what is new since the last time, and begins anew with a connection', () => {
  const log = new ViewingLog();
  expect(log.next({ freezes: 1, frozenSeconds: 0.4 }, 59.96, 83.4)).toEqual({
    ...{ fps: 60, freezes: 1, frozenMs: 400, latencyMs: 83 },
  });
  expect(log.next({ freezes: 1, frozenSeconds: 0.4 }, 60, undefined)).toEqual({ fps: 60, freezes: 0, frozenMs: 0 });
  expect(log.next({ freezes: 3, frozenSeconds: 1 }, 12.34, undefined)).toEqual({
    fps: 12.3,
    freezes: 2,
    frozenMs: 600,
  });
  log.restart();
  expect(log.next({ freezes: 1, frozenSeconds: 0.2 }, 60, undefined)).toEqual({ fps: 60, freezes: 1, frozenMs: 200 });
});

it('tells the rate alone in browsers that count no freezes', () => {
  const unknown = { freezes: undefined, frozenSeconds: undefined };
  expect(new ViewingLog().next(unknown, 30, undefined)).toEqual({ fps: 30, freezes: 0, frozenMs: 0 });
});
