/// <reference lib="dom" />
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { StateFeed } from '../../../../src/web/connection/state-feed.js';

/** A WebSocket without a network. */
class FakeSocket {
  static opened: FakeSocket[] = [];
  closed = false;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;

  constructor() {
    FakeSocket.opened.push(this);
  }

  close(): void {
    this.closed = true;
  }

  /** The server speaks. */
  say(): void {
    this.onmessage?.({ data: JSON.stringify({ type: 'state', streams: [] }) });
  }
}

let polls = 0;
let feed: StateFeed;
const states: unknown[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', FakeSocket);
  vi.stubGlobal('fetch', async () => {
    polls += 1;
    return Response.json({ streams: [] });
  });
  polls = 0;
  states.length = 0;
  FakeSocket.opened = [];
  feed = new StateFeed({
    token: { headers: () => ({}), subprotocols: () => ['framelift'] },
    onState: (state) => states.push(state),
    onUnreachable: () => states.push('unreachable'),
  });
  feed.start();
});

afterEach(() => {
  feed.stop();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

it('keeps a socket that speaks once a second, and does not poll beside it', async () => {
  for (let second = 0; second < 120; second += 1) {
    FakeSocket.opened[0]?.say();
    await vi.advanceTimersByTimeAsync(1000);
  }
  expect([FakeSocket.opened.length, polls, states.length]).toEqual([1, 0, 120]);
});

it('gives up a socket that is silent, and polls meanwhile', async () => {
  FakeSocket.opened[0]?.say();
  await vi.advanceTimersByTimeAsync(3500);
  expect(FakeSocket.opened[0]?.closed).toBe(false);
  await vi.advanceTimersByTimeAsync(1000);
  expect(FakeSocket.opened[0]?.closed).toBe(true);
  expect(polls).toBeGreaterThan(0);
});

it('keeps it where timers come once a minute, as in a hidden tab, or once after an hour of sleep', async () => {
  const clock = vi.spyOn(performance, 'now');
  let nowMs = 0;
  clock.mockImplementation(() => nowMs);
  for (const sleptMs of [60_000, 60_000, 60_000, 3_600_000, 60_000]) {
    // The timer that was due comes first, then what was said meanwhile is read.
    nowMs += sleptMs;
    await vi.advanceTimersByTimeAsync(1000);
    FakeSocket.opened[0]?.say();
  }
  expect(FakeSocket.opened.map(({ closed }) => closed)).toEqual([false]);
  clock.mockRestore();
});
