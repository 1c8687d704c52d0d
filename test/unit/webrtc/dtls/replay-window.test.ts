import { expect, it } from 'vitest';
import { ReplayWindow } from '../../../../src/webrtc/dtls/replay-window.ts';
import { seededRandom } from '../../../support/random.ts';

it('lets each number in once, unless it is too old to tell', () => {
  for (let seed = 1; seed <= 100; seed += 1) {
    const random = seededRandom(seed);
    const window = new ReplayWindow(64);
    const come = new Set<number>();
    let last = -1;
    for (let i = 0; i < 500; i += 1) {
      const jump = random() < 0.02 ? 1000 : 0;
      const number = Math.max(0, last + jump + Math.floor(random() * 90) - 70);
      expect(window.has(number)).toBe(come.has(number) || number <= last - 64);
      if (window.has(number)) continue;
      window.note(number);
      come.add(number);
      last = Math.max(last, number);
    }
  }
});
