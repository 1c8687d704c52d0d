/** The sound of one published variant: held back as its picture is, then sent to all viewers. */
import { BoundedQueue } from '../../bounded-queue.ts';
import { SOUND_CLOCK, type SoundCodec, type SoundPacket } from '../../media/sound.ts';
import type { EventSink, SoundDropReason, Variant } from '../../metrics/events.ts';
import { type CancelTimer, type Clock, fromMs, type Micros, minus } from '../../time.ts';
import { SoundClock } from './sound-clock.ts';

/** Pieces that may wait: 5 s of 20 ms, as much as the largest latency budget. */
const CAPACITY = 256;
/** A piece that waits for its first picture for so long is given up: it belongs to none. */
const MAX_WAIT = fromMs(2000);
/** A piece this late is not sent: a burst would be played faster, or thrown away. */
const MAX_LATE = fromMs(300);

/** A piece of sound on its way to the viewers. Never written to. */
export interface SoundUnit {
  readonly codec: SoundCodec;
  readonly data: Uint8Array;
  /** When it is to leave, monotonic. */
  readonly due: Micros;
  /** Ticks of the codec's clock: `due` at that rate, plus {@link error}. */
  readonly ticks: number;
  /**
   * How many ticks it stands after its due time. Timestamps follow on each other by samples, or players would
   * hear gaps; while sound is slewed they run away from time, and sender reports say by how much.
   */
  readonly error: number;
  /** Nothing was sent right before it: RTP's marker. */
  readonly first: boolean;
}

/** Options of {@link SoundOut}. */
export interface SoundOutOptions {
  readonly stream: string;
  readonly variant: Variant;
  readonly clock: Clock;
  readonly events: EventSink;
  /** True while somebody listens: then time is slewed, else it jumps. */
  readonly heard: () => boolean;
  readonly send: (unit: SoundUnit) => void;
}

interface Waiting {
  readonly packet: SoundPacket;
  readonly since: Micros;
}

/** Delays sound. Capacity: 256 pieces; policy: the oldest gives way; counted by `sound-drop`. */
export class SoundOut {
  readonly #options: SoundOutOptions;
  readonly #clock = new SoundClock();
  readonly #queue: BoundedQueue<Waiting>;
  #codec: SoundCodec | undefined;
  #head: { readonly waiting: Waiting; readonly time: ReturnType<SoundClock['time']> } | undefined;
  #last: { readonly codec: SoundCodec; readonly timestamp: number; readonly ticks: number } | undefined;
  /** Time has jumped since the last piece was sent. */
  #jumped = false;
  #cancel: CancelTimer | undefined;
  #closed = false;

  constructor(options: SoundOutOptions) {
    this.#options = options;
    this.#queue = new BoundedQueue(CAPACITY, 'drop-oldest', () => this.#drop(this.#closed ? 'stopped' : 'queue-full'));
  }

  /** What viewers that come now are sent; undefined = no sound. */
  get codec(): SoundCodec | undefined {
    return this.#codec;
  }

  /** The source is said to have this sound. */
  announce(codec: SoundCodec | undefined): void {
    this.#codec = codec;
  }

  /** A picture at `pts` of the source's timeline is released at `due`: sound goes with it. */
  picture(pts: Micros, due: Micros): void {
    this.#clock.picture(pts, due);
    if (!this.#cancel && !this.#closed) this.#pump();
  }

  /** Takes a piece of sound. */
  push(packet: SoundPacket): void {
    if (this.#closed) return;
    this.#queue.push({ packet, since: this.#options.clock.now() });
    if (!this.#cancel) this.#pump();
  }

  /** Forgets what waits. Closing twice is harmless. */
  close(): void {
    this.#closed = true;
    this.#cancel?.();
    this.#queue.clear();
  }

  #pump(): void {
    this.#cancel = undefined;
    const { clock } = this.#options;
    for (let waiting = this.#queue.peek(); waiting; waiting = this.#queue.peek()) {
      if (this.#head?.waiting !== waiting || !this.#head.time) this.#head = { waiting, time: this.#timeOf(waiting) };
      const { time } = this.#head;
      const now = clock.now();
      if (!time && minus(now, waiting.since) < MAX_WAIT) return;
      if (time && time.due > now) {
        this.#cancel = clock.at(time.due, () => this.#pump());
        return;
      }
      this.#queue.shift();
      this.#jumped ||= time?.jump === true;
      if (!time) this.#drop('no-picture');
      else if (minus(now, time.due) > MAX_LATE) this.#drop('late');
      else this.#send(waiting.packet, time);
    }
  }

  #timeOf({ packet }: Waiting): ReturnType<SoundClock['time']> {
    return this.#clock.time(packet.pts, packet.fresh || !this.#options.heard());
  }

  #send({ codec, data, timestamp }: SoundPacket, { due, skew }: NonNullable<ReturnType<SoundClock['time']>>): void {
    const { stream, variant, events, send } = this.#options;
    const ideal = Math.round((due / 1e6) * SOUND_CLOCK[codec]);
    const last = this.#last;
    const step = last && (timestamp - last.timestamp) | 0;
    const follows =
      !this.#jumped && last?.codec === codec && step !== undefined && step > 0 && step < 10 * SOUND_CLOCK[codec];
    const ticks = follows ? last.ticks + step : ideal;
    // After a jump back, what was sent already is not sent again.
    if (last?.codec === codec && ticks <= last.ticks) {
      this.#drop('late');
      return;
    }
    this.#last = { codec, timestamp, ticks };
    this.#jumped = false;
    events.emit({ type: 'sound', stream, variant, skew });
    send({ codec, data, due, ticks, error: ticks - ideal, first: !follows });
  }

  #drop(reason: SoundDropReason): void {
    this.#options.events.emit({ type: 'sound-drop', stream: this.#options.stream, reason, count: 1 });
  }
}
