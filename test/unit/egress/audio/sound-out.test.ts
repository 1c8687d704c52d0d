import { describe, expect, it } from 'vitest';
import { SoundOut, type SoundUnit } from '../../../../src/egress/audio/sound-out.ts';
import type { SoundPacket } from '../../../../src/media/sound.ts';
import type { MetricEvent } from '../../../../src/metrics/events.ts';
import { fromMs, ManualClock, toMs } from '../../../../src/time.ts';

function rig() {
  const clock = new ManualClock(fromMs(10_000));
  const events: MetricEvent[] = [];
  const sent: { unit: SoundUnit; atMs: number }[] = [];
  const state = { heard: true };
  const out = new SoundOut({
    stream: 's',
    variant: 'upconverted',
    clock,
    events: { emit: (event) => events.push(event) },
    heard: () => state.heard,
    send: (unit) => sent.push({ unit, atMs: toMs(clock.now()) }),
  });
  const packet = (ms: number, fields: Partial<SoundPacket> = {}): SoundPacket => ({
    codec: 'opus',
    data: Uint8Array.of(1),
    pts: fromMs(ms),
    timestamp: ms * 48,
    fresh: false,
    ...fields,
  });
  const drops = (): string[] => events.flatMap((event) => (event.type === 'sound-drop' ? [event.reason] : []));
  /** Pictures and sound from one time to another, both of that moment. */
  const play = (from: number, to: number, delayMs: number, fields: Partial<SoundPacket> = {}): void => {
    for (let ms = from; ms < to; ms += 20) {
      clock.advance(fromMs(Math.max(0, ms - toMs(clock.now()))));
      out.picture(fromMs(ms), fromMs(ms + delayMs));
      out.push(packet(ms, fields));
    }
  };
  return { clock, out, sent, state, packet, play, drops };
}

describe('SoundOut', () => {
  it('sends each piece when the picture of its moment leaves', () => {
    const { clock, sent, play, drops } = rig();
    play(10_000, 12_000, 45);
    clock.advance(fromMs(100));
    expect(sent).toHaveLength(100);
    for (const [i, { atMs }] of sent.entries()) expect(atMs).toBeCloseTo(10_000 + 20 * i + 45, 1);
    expect(drops()).toEqual([]);
  });

  it('numbers it by samples, and says how far that is from its time while the delay moves', () => {
    const { clock, sent, play } = rig();
    play(10_000, 11_000, 40);
    play(11_000, 15_000, 70);
    clock.advance(fromMs(200));
    const units = sent.map(({ unit }) => unit);
    expect(units.slice(1).every(({ ticks }, i) => ticks - (units[i]?.ticks ?? 0) === 960)).toBe(true);
    for (const { ticks, due, error } of units) expect(ticks - error).toBe(Math.round((due / 1e6) * 48_000));
    expect(units.at(-1)?.error).toBeLessThan(-0.015 * 48_000);
    expect(units.map(({ first }) => first)).toEqual([true, ...Array<boolean>(units.length - 1).fill(false)]);
  });

  it('carries over what the source left out', () => {
    const { clock, out, sent, play, packet } = rig();
    play(10_000, 10_100, 40);
    out.push(packet(10_500));
    clock.advance(fromMs(1000));
    const [before, after] = sent.slice(-2).map(({ unit }) => unit.ticks);
    expect((after ?? 0) - (before ?? 0)).toBe(48 * 420);
  });

  it('waits for the first picture, and gives up sound that has none', () => {
    const { clock, out, sent, packet, drops } = rig();
    out.push(packet(10_000));
    clock.advance(fromMs(500));
    expect(sent).toEqual([]);
    out.picture(fromMs(10_010), fromMs(10_480));
    expect(sent).toHaveLength(1);
    out.push(packet(99_000));
    clock.advance(fromMs(3000));
    out.push(packet(99_020));
    expect(drops()).toEqual(['no-picture']);
  });

  it('goes on when the picture ceases, and says nothing when sound does', () => {
    const { clock, out, sent, packet } = rig();
    out.picture(fromMs(10_000), fromMs(10_040));
    for (let ms = 10_000; ms < 16_000; ms += 20) {
      clock.advance(fromMs(20));
      out.push(packet(ms));
    }
    clock.advance(fromMs(100));
    expect(sent).toHaveLength(300);
    for (let ms = 16_000; ms < 20_000; ms += 20) out.picture(fromMs(ms), fromMs(ms + 40));
    clock.advance(fromMs(4000));
    expect(sent).toHaveLength(300);
  });

  it('sends nothing twice, and nothing late, after time has jumped back', () => {
    const { clock, sent, play, drops } = rig();
    play(10_000, 11_000, 400);
    play(11_000, 13_000, 40);
    clock.advance(fromMs(500));
    const ticks = sent.map(({ unit }) => unit.ticks);
    expect(ticks.every((at, i) => i === 0 || at > (ticks[i - 1] ?? 0))).toBe(true);
    expect(new Set(drops())).toEqual(new Set(['late']));
    expect(sent.at(-1)?.unit.error).toBe(0);
  });

  it('bounds what waits', () => {
    const { out, packet, drops } = rig();
    for (let i = 0; i < 300; i += 1) out.push(packet(10_000 + 20 * i));
    expect(drops()).toEqual(Array<string>(44).fill('queue-full'));
  });

  it('begins anew where the codec changes', () => {
    const { clock, sent, play } = rig();
    play(10_000, 10_200, 40);
    play(10_200, 10_400, 40, { codec: 'pcma' });
    clock.advance(fromMs(200));
    const first = sent.filter(({ unit }) => unit.first).map(({ unit }) => unit.codec);
    expect(first).toEqual(['opus', 'pcma']);
  });

  it('sends nothing once it is closed', () => {
    const { clock, out, sent, packet, drops } = rig();
    out.picture(fromMs(10_000), fromMs(10_040));
    out.push(packet(10_000));
    out.close();
    out.close();
    out.push(packet(10_020));
    clock.advance(fromMs(1000));
    expect(sent).toEqual([]);
    expect(drops()).toEqual(['stopped']);
  });
});
