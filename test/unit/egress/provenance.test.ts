import { describe, expect, it } from 'vitest';
import { ProvenanceFeed, provenanceRecord, shownAgain } from '../../../src/egress/provenance.ts';
import { type Provenance, SOURCE } from '../../../src/media/frame.ts';
import { micros } from '../../../src/time.ts';

const MADE: Provenance = { kind: 'synthetic', t: 0.5, model: 'flow-s', hash: '4a6f007e2e1ddfb3', confidence: 0.91234 };

/** A data channel that takes messages while it is open. */
class Channel {
  readonly messages: unknown[] = [];
  open = true;

  send(message: string): boolean {
    if (this.open) this.messages.push(JSON.parse(message));
    return this.open;
  }
}

describe('provenanceRecord', () => {
  const of = (provenance: Provenance, pts = 12_366_667): object =>
    provenanceRecord({ pts: micros(pts), provenance }, 4_294_967_295);

  it('says of a source frame only when it was taken', () => {
    expect(of(SOURCE)).toEqual({ rtp: 4_294_967_295, pts: 12.366667, kind: 'source' });
  });

  it('says of a made picture its time, its model with the hash of its file, and how sure the model is', () => {
    expect(of(MADE)).toEqual({
      rtp: 4_294_967_295,
      pts: 12.366667,
      kind: 'interpolated',
      t: 0.5,
      model: 'flow-s',
      hash: '4a6f007e2e1ddfb3',
      confidence: 0.9123,
    });
    expect(of({ ...MADE, grain: 1, acceleration: 'both' })).toMatchObject({ grain: 1, acceleration: 'both' });
  });

  it('tells a picture that was carried on beyond the newest one from an interpolated one', () => {
    expect(of({ ...MADE, kind: 'extrapolated', t: 1.5 })).toMatchObject({
      kind: 'extrapolated',
      t: 1.5,
      model: 'flow-s',
      confidence: 0.9123,
    });
    const carried: Provenance = { ...MADE, kind: 'extrapolated', t: 1.5 };
    expect(shownAgain(carried)).toBe(carried);
  });

  it('leaves out what is not known: no file, no judgement of its own', () => {
    const record = of({ kind: 'synthetic', t: 1 / 3, model: 'search', confidence: undefined });
    expect(record).toEqual({ rtp: 4_294_967_295, pts: 12.366667, kind: 'interpolated', t: 0.3333, model: 'search' });
  });

  it('says of a repeated frame the time it stands for, and why', () => {
    expect(of({ kind: 'repeated', t: 0.75, reason: 'unsure' })).toMatchObject({
      kind: 'repeated',
      t: 0.75,
      reason: 'unsure',
    });
  });
});

describe('shownAgain', () => {
  it('makes a repeat of a source frame, and leaves made and repeated ones what they are', () => {
    expect(shownAgain(SOURCE)).toEqual({ kind: 'repeated', t: 0, reason: 'silence' });
    expect(shownAgain(MADE)).toBe(MADE);
    const repeated: Provenance = { kind: 'repeated', t: 0.5, reason: 'cut' };
    expect(shownAgain(repeated)).toBe(repeated);
  });
});

describe('ProvenanceFeed', () => {
  const push = (feed: ProvenanceFeed, rtp: number): void => feed.push({ pts: micros(rtp), provenance: SOURCE }, rtp);

  it('sends each record at once, in order', () => {
    const channel = new Channel();
    const feed = new ProvenanceFeed(channel);
    for (const rtp of [3, 1, 2]) push(feed, rtp);
    expect(channel.messages).toMatchObject([{ rtp: 3 }, { rtp: 1 }, { rtp: 2 }]);
    expect(feed.dropped).toBe(0);
  });

  it('keeps what a channel does not take, and sends it before the next record', () => {
    const channel = new Channel();
    const feed = new ProvenanceFeed(channel);
    channel.open = false;
    for (const rtp of [1, 2]) push(feed, rtp);
    channel.open = true;
    push(feed, 3);
    expect(channel.messages).toMatchObject([{ rtp: 1 }, { rtp: 2 }, { rtp: 3 }]);
    expect(channel.messages[0]).not.toHaveProperty('dropped');
  });

  it('drops the oldest of more than 256, and says so once, with the next record that goes out', () => {
    const channel = new Channel();
    const feed = new ProvenanceFeed(channel);
    channel.open = false;
    for (let rtp = 1; rtp <= 300; rtp++) push(feed, rtp);
    expect(feed.dropped).toBe(44);
    channel.open = true;
    push(feed, 301);
    expect(feed.dropped).toBe(45);
    expect(channel.messages).toHaveLength(256);
    expect(channel.messages[0]).toMatchObject({ rtp: 46, dropped: 45 });
    expect(channel.messages.filter((message) => message instanceof Object && 'dropped' in message)).toHaveLength(1);
  });
});
