import { describe, expect, it } from 'vitest';
import { SoundPlacement } from '../../../../src/ingest/audio/placement.ts';
import { fromMs, type Micros, micros, minus, plus, toMs } from '../../../../src/time.ts';

const UNIX = micros(1_800_000_000_000_000);
/** A picture whose timeline stands `shift` after the sender's clock. */
const pictureAt = (shift: Micros, lag: Micros | undefined) => ({
  at: (unix: Micros): Micros => plus(minus(unix, UNIX), shift),
  lag,
});
const unknown = (lag: Micros | undefined) => ({ at: () => undefined, lag });

describe('SoundPlacement', () => {
  it('stands where the sender reports say, whatever the network does', () => {
    const placement = new SoundPlacement(48_000);
    placement.senderReport(1000, UNIX);
    const picture = pictureAt(fromMs(7000), fromMs(30));
    const places = Array.from({ length: 50 }, (_, i) => {
      const arrival = plus(fromMs(7000 + 20 * i), fromMs((i * 13) % 90));
      return toMs(placement.place(1000 + 960 * i, arrival, picture).pts);
    });
    expect(places).toEqual(Array.from({ length: 50 }, (_, i) => 7000 + 20 * i));
  });

  it('stands beside the picture by its arrival while there are no reports', () => {
    const placement = new SoundPlacement(8000);
    const places = Array.from({ length: 200 }, (_, i) =>
      placement.place(160 * i, plus(fromMs(5000 + 20 * i), fromMs(i % 3)), unknown(fromMs(40))),
    );
    for (const [i, { pts }] of places.entries()) expect(Math.abs(toMs(pts) - (4960 + 20 * i))).toBeLessThan(3);
    expect(places.map(({ fresh }) => fresh)).toEqual([true, ...Array<boolean>(199).fill(false)]);
  });

  it('goes over to the reports at once when they come, and says so once', () => {
    const placement = new SoundPlacement(48_000);
    const picture = unknown(fromMs(0));
    placement.place(0, fromMs(1000), picture);
    placement.place(960, fromMs(1020), picture);
    placement.senderReport(0, UNIX);
    const known = pictureAt(fromMs(960), fromMs(0));
    const first = placement.place(1920, fromMs(1040), known);
    const second = placement.place(2880, fromMs(1060), known);
    expect([toMs(first.pts), first.fresh, toMs(second.pts), second.fresh]).toEqual([1000, true, 1020, false]);
  });

  it('does not believe reports of two clocks', () => {
    const placement = new SoundPlacement(48_000);
    placement.senderReport(0, UNIX);
    const far = pictureAt(fromMs(3_600_000), fromMs(0));
    expect(toMs(placement.place(0, fromMs(1000), far).pts)).toBe(1000);
  });

  it('begins anew with another sender, and where its stamps jump', () => {
    const placement = new SoundPlacement(48_000);
    const picture = unknown(fromMs(0));
    placement.place(0, fromMs(1000), picture);
    expect(placement.place(480_000, fromMs(1020), picture)).toEqual({ pts: fromMs(1020), fresh: true });
    placement.newSender();
    expect(placement.place(77, fromMs(1040), picture)).toEqual({ pts: fromMs(1040), fresh: true });
  });
});
