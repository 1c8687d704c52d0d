import { expect, it } from 'vitest';
import { fromMs, ManualClock } from '../../../src/time.ts';
import { TransportWatch } from '../../../src/webrtc/watch.ts';
import { Told } from '../../support/told.ts';

class Rig {
  readonly clock = new ManualClock();
  readonly dtls = new Told<string>();
  readonly heard = { at: this.clock.now() };
  readonly told: string[] = [];
  seconds = 0;
  readonly watch = new TransportWatch(
    { dtls: { onStateChange: this.dtls }, heard: this.heard },
    this.clock,
    { connected: () => void this.told.push('connected'), broken: (reason) => void this.told.push(reason) },
    () => {
      this.seconds += 1;
    },
  );
}

it('gives up a peer that does not connect within eight seconds, once', () => {
  const rig = new Rig();
  rig.clock.advance(fromMs(7999));
  expect(rig.told).toEqual([]);
  rig.clock.advance(fromMs(1));
  rig.dtls.tell('failed');
  expect(rig.told).toEqual(['not connected in time']);
  expect(rig.seconds).toBe(0);
});

it('takes a connected peer for gone when it is silent for ten seconds, and not while it is heard of', () => {
  const rig = new Rig();
  rig.dtls.tell('connected');
  for (let second = 0; second < 30; second += 1) {
    rig.heard.at = rig.clock.now();
    rig.clock.advance(fromMs(1000));
  }
  expect(rig.told).toEqual(['connected']);
  expect(rig.seconds).toBe(30);
  rig.clock.advance(fromMs(11_000));
  expect(rig.told).toEqual(['connected', 'peer fell silent']);
});

it.each(['failed', 'closed'])('says that DTLS %s, once, and is silent afterwards', (state) => {
  const rig = new Rig();
  rig.dtls.tell('connected');
  rig.dtls.tell(state);
  rig.dtls.tell('closed');
  rig.clock.advance(fromMs(60_000));
  expect(rig.told).toEqual(['connected', `DTLS ${state}`]);
});

it('does not wait for data channels: media flows with DTLS', () => {
  const rig = new Rig();
  rig.dtls.tell('connecting');
  expect(rig.told).toEqual([]);
  rig.dtls.tell('connected');
  rig.dtls.tell('connected');
  expect(rig.told).toEqual(['connected']);
});

it('says nothing once it was stopped', () => {
  const rig = new Rig();
  rig.watch.stop();
  rig.dtls.tell('connected');
  rig.dtls.tell('closed');
  rig.clock.advance(fromMs(60_000));
  expect(rig.told).toEqual([]);
});

it('does not take for gone who sent while this process stood still: what waited is read first', () => {
  const rig = new Rig();
  rig.dtls.tell('connected');
  rig.clock.advance(fromMs(3000));
  rig.heard.at = rig.clock.now();
  rig.clock.standStill(fromMs(12_000));
  // Timers come before sockets: nothing of what waited has been read yet.
  rig.clock.advance(fromMs(0));
  expect(rig.told).toEqual(['connected']);
  expect(rig.watch.silence).toBeLessThanOrEqual(fromMs(1000));
  rig.heard.at = rig.clock.now();
  rig.clock.advance(fromMs(9000));
  expect(rig.told).toEqual(['connected']);
});

it('still ends who sends nothing after this process stood still', () => {
  const rig = new Rig();
  rig.dtls.tell('connected');
  rig.clock.standStill(fromMs(12_000));
  rig.clock.advance(fromMs(11_000));
  expect(rig.told).toEqual(['connected', 'peer fell silent']);
});

it('gives a peer that is connecting the time that this process stood still', () => {
  const rig = new Rig();
  rig.clock.advance(fromMs(1000));
  rig.clock.standStill(fromMs(12_000));
  rig.clock.advance(fromMs(5000));
  expect(rig.told).toEqual([]);
  rig.clock.advance(fromMs(4000));
  expect(rig.told).toEqual(['not connected in time']);
});

it('knows whether the peer was ever reached, and how long it has been silent', () => {
  const rig = new Rig();
  rig.clock.advance(fromMs(100));
  expect([rig.watch.reached, rig.watch.silence]).toEqual([false, 0]);
  rig.heard.at = rig.clock.now();
  expect(rig.watch.reached).toBe(true);
  rig.dtls.tell('connected');
  rig.clock.advance(fromMs(2500));
  expect(rig.watch.silence).toBe(fromMs(2500));
  rig.clock.standStill(fromMs(12_000));
  expect(rig.watch.silence).toBeLessThanOrEqual(fromMs(3000));
});
