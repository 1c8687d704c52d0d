import { describe, expect, it } from 'vitest';
import { Audience } from '../../../src/egress/audience.ts';
import { asFrameliftError } from '../../../src/errors.ts';
import { fromMs, ManualClock, type Micros, plus } from '../../../src/time.ts';
import { tell } from '../../../src/webrtc/resource.ts';
import { FakeViewer } from '../../support/fake-viewer.ts';
import { seededRandom } from '../../support/random.ts';

/** Players that come by HTTP, on a clock of their own: what became of each. */
class Crowd {
  readonly clock = new ManualClock();
  readonly audience: Audience;
  readonly random = seededRandom(31);
  readonly refused: string[] = [];
  readonly connectedAt: Micros[] = [];
  readonly #connectMs: () => number;

  /** @param connectMs from the offer to the first media. */
  constructor(maxViewers: number, connectMs: () => number) {
    this.audience = new Audience({ stream: 'cam', clock: this.clock, maxViewers });
    this.#connectMs = connectMs;
  }

  after(ms: number, fn: () => void): void {
    this.clock.at(plus(this.clock.now(), fromMs(ms)), fn);
  }

  /** Posts an offer and never does ICE. */
  stranger(address: string): void {
    try {
      this.#enter(address);
    } catch {
      // That is what it is for.
    }
  }

  /** Posts an offer, and does as it is told when it is refused. */
  honest(address: string): void {
    let viewer: FakeViewer;
    try {
      viewer = this.#enter(address);
    } catch (thrown) {
      const { code, retryAfter } = tell(asFrameliftError(thrown, 'server.failed'), this.random());
      this.refused.push(code);
      this.after((retryAfter ?? 1) * 1000, () => this.honest(address));
      return;
    }
    this.after(50 + 250 * this.random(), () => {
      viewer.reached = true;
    });
    this.after(this.#connectMs(), () => {
      if (viewer.closed !== undefined) this.refused.push(viewer.closed);
      else viewer.connect();
      this.connectedAt.push(this.clock.now());
    });
  }

  #enter(address: string): FakeViewer {
    const member = this.audience.enter(address, () => {});
    const viewer = new FakeViewer({
      keyframeNeeded: () => this.audience.admit(member),
      sent: () => {},
      asked: () => {},
      roundTrip: () => {},
      seen: () => {},
      retransmitted: () => {},
      dropped: () => {},
      ended: () => this.audience.leave(member),
    });
    member.viewer = viewer;
    return viewer;
  }
}

describe('a crowd', () => {
  it.each([
    ['the stranger has an address of its own', '198.51.100.9'],
    ['a proxy hides who is who', '192.0.2.1'],
  ])('48 offers a second without ICE keep no honest player out: %s', (_, address) => {
    const crowd = new Crowd(100, () => 400 + 1000 * crowd.random());
    for (let post = 0; post < 48 * 62; post += 1) crowd.after((post * 1000) / 48, () => crowd.stranger(address));
    for (let player = 0; player < 62; player += 1) crowd.after(player * 1000, () => crowd.honest('192.0.2.1'));
    crowd.clock.advance(fromMs(70_000));
    expect(crowd.refused).toEqual([]);
    expect(crowd.audience.connected).toBe(62);
  });

  it.each([30, 100])('%d viewers that come back at once are all in within 5 s', (viewers) => {
    // Each handshake takes 30 ms of the one main thread.
    let free = 0;
    const crowd = new Crowd(viewers, () => {
      free = Math.max(free, crowd.clock.now() / 1000) + 30;
      return Math.max(300, free - crowd.clock.now() / 1000);
    });
    for (let viewer = 0; viewer < viewers; viewer += 1) crowd.honest('192.0.2.1');
    crowd.clock.advance(fromMs(5000));
    expect(crowd.audience.connected).toBe(viewers);
    // Whoever had to wait was told why.
    expect(new Set(crowd.refused)).toEqual(new Set(viewers > 32 ? ['webrtc.busy'] : []));
  });
});
