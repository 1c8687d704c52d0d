/** Who watches a publication, who is connecting, and who may come in. Nobody alive is sent away. */
import { FrameliftError } from '../errors.ts';
import { clientOf, overShare } from '../fair-share.ts';
import { type Clock, fromMs, type Micros, minus } from '../time.ts';
import type { SoundUnit } from './audio/sound-out.ts';
import type { Viewer } from './viewer.ts';

/**
 * Players that may be connecting at a time, beside those that are connected: the viewers of a ward
 * that come back at once after a restart.
 */
const MAX_CONNECTING = 32;
/** An honest player's first ICE check comes within a round trip or two of the answer. */
const REACH_TIMEOUT = fromMs(500);
/** A player that has been connecting for longer gives way to a new one: honest ones need less. */
const CONNECT_TIMEOUT = fromMs(2000);
/**
 * A viewer that has been silent for so long gives its place to a newcomer that finds none: it is
 * gone without a word. Browsers are heard of each second, GStreamer within three.
 */
const SILENCE_TIMEOUT = fromMs(4000);

/** One player, from its offer to its end. */
export interface Member {
  readonly since: Micros;
  /** {@link clientOf} its address. */
  readonly client: string;
  /** Undefined until its offer is answered. */
  viewer: Viewer | undefined;
  /** When it last asked for a keyframe because it was too slow. */
  slowAskedAt: Micros | undefined;
  readonly end: (reason: string) => void;
}

/** Options of {@link Audience}. */
export interface AudienceOptions {
  readonly stream: string;
  readonly clock: Clock;
  /** Most viewers connected at a time. */
  readonly maxViewers: number;
}

/** The players of one publication. Those that only say they will connect take no viewer's place. */
export class Audience {
  readonly #options: AudienceOptions;
  readonly #members = new Set<Member>();

  constructor(options: AudienceOptions) {
    this.#options = options;
  }

  /** Viewers and those that are connecting. */
  get size(): number {
    return this.#members.size;
  }

  /** Viewers that are connected. */
  get connected(): number {
    return this.connectedTo(() => true);
  }

  /** Viewers that are connected and take something. */
  connectedTo(takes: (member: Member) => boolean): number {
    let count = 0;
    for (const member of this.#members) if (member.viewer?.connected && takes(member)) count += 1;
    return count;
  }

  /**
   * Takes one more player.
   * @param address where it comes from.
   * @param end told why its session ended.
   * @throws FrameliftError `webrtc.overloaded` when all places are taken, `webrtc.busy` when too many
   * connect at this moment.
   */
  enter(address: string | undefined, end: (reason: string) => void): Member {
    const { stream, maxViewers, clock } = this.#options;
    if (this.connected >= maxViewers && !this.#endSilent()) {
      throw new FrameliftError('webrtc.overloaded', `${stream} already has ${maxViewers} viewers`, {
        recoverable: true,
        remedy: 'Raise maxViewers, or try again later.',
      });
    }
    const client = clientOf(address);
    this.#makeRoom(client);
    const member: Member = { since: clock.now(), client, viewer: undefined, slowAskedAt: undefined, end };
    this.#members.add(member);
    return member;
  }

  /** False when a player has left, or had to give way while its offer was being answered. */
  has(member: Member): boolean {
    return this.#members.has(member);
  }

  /** Forgets a player; false when it was forgotten before. */
  leave(member: Member): boolean {
    return this.#members.delete(member);
  }

  /**
   * A player has connected. More may have been connecting than there are places: the last ones are
   * sent away.
   */
  admit({ viewer }: Member): boolean {
    if (this.connected <= this.#options.maxViewers || this.#endSilent()) return true;
    void viewer?.close('too many viewers');
    return false;
  }

  /** True while a viewer is there that takes single NAL unit packets alone. */
  get singleNal(): boolean {
    for (const { viewer } of this.#members) if (viewer?.connected && viewer.singleNal) return true;
    return false;
  }

  /** The viewers that take something, those that are connecting included. */
  *viewers(takes: (member: Member) => boolean = () => true): Generator<Viewer> {
    for (const member of this.#members) if (member.viewer && takes(member)) yield member.viewer;
  }

  /** Sends a piece of sound to every viewer. */
  sendSound(unit: SoundUnit): void {
    for (const { viewer } of this.#members) viewer?.sendSound(unit);
  }

  /** Access units in the fullest of the viewers' queues. */
  get depth(): number {
    let deepest = 0;
    for (const { viewer } of this.#members) if (viewer) deepest = Math.max(deepest, viewer.stats.depth);
    return deepest;
  }

  /** Access units each viewer's queue holds at most; 0 without viewers. */
  get capacity(): number {
    for (const { viewer } of this.#members) if (viewer) return viewer.capacity;
    return 0;
  }

  /** Ends all sessions. */
  async close(reason: string): Promise<void> {
    await Promise.all([...this.#members].map(({ viewer }) => viewer?.close(reason)));
  }

  /**
   * Makes room for one more that connects. Who holds more than its share gives way first, so that
   * offers of one address keep nobody else out; then who has not even sent an ICE check.
   * @throws FrameliftError `webrtc.busy`.
   */
  #makeRoom(client: string): void {
    const connecting = [...this.#members].filter(({ viewer }) => !viewer?.connected);
    if (connecting.length < MAX_CONNECTING) return;
    const now = this.#options.clock.now();
    const unreached = connecting.filter(({ viewer }) => !viewer?.reached);
    const holder = overShare(
      connecting.map((member) => member.client),
      client,
    );
    const oldest =
      unreached.find((member) => member.client === holder) ??
      connecting.find((member) => member.client === holder) ??
      unreached.find(({ viewer, since }) => viewer && minus(now, since) >= REACH_TIMEOUT) ??
      connecting.find(({ viewer, since }) => viewer && minus(now, since) >= CONNECT_TIMEOUT);
    if (oldest) {
      this.#dismiss(oldest);
      return;
    }
    throw new FrameliftError('webrtc.busy', `${MAX_CONNECTING} players are connecting at once`, {
      recoverable: true,
      remedy: 'Try again in a second or two.',
    });
  }

  /** Ends a player that is connecting. One whose offer is being answered finds itself left out. */
  #dismiss(member: Member): void {
    if (member.viewer) void member.viewer.close('gave way to another player: not connected in time');
    this.#members.delete(member);
  }

  /** Ends the viewer that has been silent the longest, if it is gone by all signs; false otherwise. */
  #endSilent(): boolean {
    let quietest: Viewer | undefined;
    for (const { viewer } of this.#members) {
      if (viewer?.connected && viewer.silence > (quietest?.silence ?? SILENCE_TIMEOUT)) quietest = viewer;
    }
    void quietest?.close('silent, and another player needed its place');
    return quietest !== undefined;
  }
}
