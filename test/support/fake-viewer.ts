/** A viewer without a network: connects when told, takes everything. */

import type { SoundUnit } from '../../src/egress/audio/sound-out.ts';
import type { SentCodec } from '../../src/egress/codec/encoder-name.ts';
import type { PacketizedUnit, PathEstimate, Viewer, ViewerEvents, ViewerStats } from '../../src/egress/viewer.ts';
import { ZERO } from '../../src/time.ts';

export class FakeViewer implements Viewer {
  readonly answer = 'answer';
  readonly iceUfrag = 'abcd';
  readonly capacity = 16;
  stats: ViewerStats = { rtt: undefined, loss: 0, depth: 0 };
  readonly units: PacketizedUnit[] = [];
  codec: SentCodec = 'h264';
  singleNal = false;
  profile: string | undefined = '42e01f';
  connected = false;
  reached = false;
  silence = ZERO;
  /** Why it was closed. */
  closed: string | undefined;
  readonly events: ViewerEvents;
  path: PathEstimate | undefined;
  wanted = 0;
  restarts = 0;

  constructor(events: ViewerEvents) {
    this.events = events;
  }

  connect(): void {
    this.connected = true;
    this.reached = true;
    this.events.keyframeNeeded('join');
  }

  send(item: PacketizedUnit): void {
    if (!this.connected) return;
    this.units.push(item);
    this.events.sent(item.unit, item.payloads.length, 8);
  }

  readonly sounds: SoundUnit[] = [];

  sendSound(unit: SoundUnit): void {
    if (this.connected) this.sounds.push(unit);
  }

  want(bitsPerSecond: number): void {
    this.wanted = bitsPerSecond;
  }

  restart(): void {
    this.restarts += 1;
  }

  addCandidate(): void {}

  openChannel(): undefined {
    return undefined;
  }

  close(reason: string): Promise<void> {
    this.connected = false;
    this.closed ??= reason;
    this.events.ended(reason);
    return Promise.resolve();
  }
}
