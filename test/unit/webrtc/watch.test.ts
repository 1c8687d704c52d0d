import { expect, it } from 'vitest';
import { fromMs, ManualClock } from '../../../src/time.ts';
import { watchTransport } from '../../../src/webrtc/watch.ts';
import { Told } from '../../support/told.ts';

class Rig {
  readonly clock = new ManualClock();
  readonly dtls = new Told<string>();
  readonly heard = { at: this.clock.now() };
  readonly told: string[] = [];
  seconds = 0;
  readonly stop = watchTransport(
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
  expect(rig.seconds).toBe(31);
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
  rig.stop();
  rig.dtls.tell('connected');
  rig.dtls.tell('closed');
  rig.clock.advance(fromMs(60_000));
  expect(rig.told).toEqual([]);
});
