/** Who begins the DTLS handshake, in both directions: real handshakes with each of the three offers (RFC 8842). */
import { beforeAll, describe, expect, it } from 'vitest';
import { Publication } from '../../src/egress/publication.ts';
import { Arena } from '../../src/media/arena.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { systemClock } from '../../src/time.ts';
import { WhepClient } from '../support/whep-client.ts';
import { MovingPicture, WhepSite } from '../support/whep-site.ts';
import { type CodedUnit, vp8Units, WhipPublisher } from '../support/whip-publisher.ts';
import { until, WhipRig } from '../support/whip-rig.ts';

let units: CodedUnit[];

beforeAll(() => {
  units = vp8Units('160x96', 30);
});

const setupsOf = (sdp: string): string[] => [...sdp.matchAll(/^a=setup:(\w+)/gm)].map(([, setup = '']) => setup);

describe.each([
  ['actpass', 'active'],
  ['active', 'passive'],
  ['passive', 'active'],
])('an offer of a=setup:%s is answered a=setup:%s', (offered, answered) => {
  it('and a player connects and is sent video', async () => {
    const arena = new Arena(16);
    await using publication = new Publication({
      ...{ stream: 'cam', variant: 'upconverted', clock: systemClock, events: noEvents, fps: 30, maxViewers: 2 },
    });
    await using site = new WhepSite({ upconverted: publication });
    await site.listen();
    const picture = new MovingPicture(publication, arena, systemClock, 30, 160, 96);
    await using client = await WhepClient.play(`${site.url}/whep/cam`, undefined, {}, offered);
    expect(setupsOf(client.answer)).toEqual([answered]);
    await until('video', () => client.packets.length > 10);
    picture.stop();
  });

  it('and a publisher connects and is decoded', async () => {
    await using rig = await WhipRig.start();
    await using publisher = await WhipPublisher.publish(rig.url, { codec: 'VP8', units, setup: offered });
    expect(setupsOf(publisher.answer)).toEqual([answered]);
    publisher.start();
    await rig.untilFrames(10);
    publisher.stop();
  });
});
