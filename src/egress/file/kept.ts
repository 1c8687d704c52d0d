/** What a run before has made of an output, taken over by this one. */
import { existsSync } from 'node:fs';
import { Packet } from 'node-av';
import type { Micros } from '../../time.ts';
import { KeptPackets } from './kept-packets.ts';
import type { Muxing } from './muxing.ts';
import type { OutputFile } from './output-file.ts';
import { type Counts, lastSegment } from './resume-state.ts';
import type { TickClock } from './tick.ts';

/** Containers round times, Matroska to a millisecond; anything more is another file. */
const MAX_DIFFERENCE = 2000;

/** The frames of whole segments in an unfinished file. */
export class Kept {
  /** The file's name when it was found. */
  readonly path: string;
  readonly frames: number;
  readonly counts: Counts;
  #packets: KeptPackets | undefined;
  /** Where the file is now. */
  #at: string | undefined;

  private constructor(path: string, frames: number, counts: Counts) {
    this.path = path;
    this.frames = frames;
    this.counts = counts;
  }

  /** The most that was kept of an output; undefined where nothing was, or nobody wants to go on. */
  static async find({ found, candidates }: OutputFile): Promise<Kept | undefined> {
    let best: Kept | undefined;
    for (const path of candidates) {
      const segment = lastSegment(found?.segments ?? [], await KeptPackets.count(path));
      if (segment && segment.frames > (best?.frames ?? 0)) best = new Kept(path, segment.frames, segment.counts);
    }
    return best;
  }

  /** Frames in a file that was cut off, at least. */
  static async countOf(path: string): Promise<number> {
    return existsSync(path) ? KeptPackets.count(path) : 0;
  }

  /** The file has another name from now on. */
  movedTo(path: string): void {
    this.#at = path;
  }

  /** Writes the next packet again, for the frame at `at`. @returns false where there is none for it. */
  async takeOver(at: Micros, clock: TickClock, muxing: Muxing): Promise<boolean> {
    this.#packets ??= await KeptPackets.open(this.#at ?? this.path);
    const found = await this.#packets?.next();
    if (!found) return false;
    // Where frames are counted, their order is all that a container tells of their times.
    if (!clock.constantRate && Math.abs(found.at - at) > MAX_DIFFERENCE) return false;
    const packet = new Packet();
    packet.alloc();
    try {
      packet.data = found.data;
      packet.isKeyframe = found.keyframe;
      packet.pts = clock.of(at);
      packet.dts = packet.pts;
      packet.duration = BigInt(clock.interval);
      await muxing.writeVideo(packet);
    } finally {
      packet.free();
    }
    return true;
  }

  /** It is all in the new file: the old one goes. */
  async drop(output: OutputFile): Promise<void> {
    if (this.#at === undefined) return;
    this.#at = undefined;
    await this.close();
    output.dropKept();
  }

  /** Closing twice is harmless. */
  async close(): Promise<void> {
    await this.#packets?.close();
    this.#packets = undefined;
  }
}
