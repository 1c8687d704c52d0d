/** Who watches a publication, who is connecting, and who may come in. */
import { FrameliftError } from '../errors.ts';
import { type Clock, fromMs, type Micros, minus } from '../time.ts';
import type { PacketizedUnit, Viewer } from './viewer.ts';

/** Players that may be connecting at a time, beside those that are connected. */
const MAX_CONNECTING = 8;
/** A player that has been connecting for longer gives way to a new one: honest ones need less. */
const CONNECT_TIMEOUT = fromMs(2000);

/** One player, from its offer to its end. */
export interface Member {
  readonly since: Micros;
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
    let count = 0;
    for (const { viewer } of this.#members) if (viewer?.connected) count += 1;
    return count;
  }

  /**
   * Takes one more player.
   * @param end told why its session ended.
   * @throws FrameliftError `webrtc.overloaded`.
   */
  enter(end: (reason: string) => void): Member {
    const { stream, maxViewers, clock } = this.#options;
    if (this.connected >= maxViewers) {
      throw new FrameliftError('webrtc.overloaded', `${stream} already has ${maxViewers} viewers`, {
        recoverable: true,
        remedy: 'Raise maxViewers, or try again later.',
      });
    }
    this.#makeRoom();
    const member: Member = { since: clock.now(), viewer: undefined, slowAskedAt: undefined, end };
    this.#members.add(member);
    return member;
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
    if (this.connected <= this.#options.maxViewers) return true;
    void viewer?.close('too many viewers');
    return false;
  }

  /** Queues an access unit with every viewer. */
  send(item: PacketizedUnit): void {
    for (const { viewer } of this.#members) viewer?.send(item);
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

  #makeRoom(): void {
    const { stream, clock } = this.#options;
    if (this.size - this.connected < MAX_CONNECTING) return;
    const now = clock.now();
    for (const { viewer, since } of this.#members) {
      if (!viewer || viewer.connected || minus(now, since) < CONNECT_TIMEOUT) continue;
      void viewer.close('gave way to another player: not connected in time');
      return;
    }
    throw new FrameliftError('webrtc.overloaded', `${MAX_CONNECTING} players are connecting to ${stream}`, {
      recoverable: true,
      remedy: 'Try again in some seconds.',
    });
  }
}
