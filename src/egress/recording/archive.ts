/** The segments of one stream that lie on the disk. */
import { join } from 'node:path';
import type { Variant } from '../../metrics/events.ts';
import { fromMs, type Micros, micros, minus, plus } from '../../time.ts';
import type { Disk } from './disk.ts';
import { expired, type Kept, type RemovalReason, type RetentionRule, reserveOf } from './retention.ts';
import type { FrameCounts, SidecarEnd } from './segment-file.ts';
import { parseSegmentName, sidecarOf } from './segment-name.ts';

/** A segment that is there, or being written. */
export interface Segment extends Kept {
  readonly name: string;
  readonly variant: Variant;
  /** Wall clock. */
  readonly start: Micros;
  /** Pictures by provenance; undefined where it was not completed. */
  readonly frames: FrameCounts | undefined;
}

/** The end of a sidecar has room in this. */
const TAIL_BYTES = 512;

/** What lies in one folder. Others may delete there what they like: what is gone is gone. */
export class Archive {
  readonly folder: string;
  readonly #disk: Disk;
  readonly #removed: (reason: RemovalReason | 'asked') => void;
  readonly #segments = new Map<string, Segment>();

  /** @param removed is told of each segment that was deleted. */
  constructor(folder: string, disk: Disk, removed: (reason: RemovalReason | 'asked') => void) {
    this.folder = folder;
    this.#disk = disk;
    this.#removed = removed;
  }

  /** All segments, the oldest first. */
  get segments(): readonly Segment[] {
    return [...this.#segments.values()].toSorted((a, b) => a.start - b.start);
  }

  get count(): number {
    return this.#segments.size;
  }

  /** Bytes of all segments. */
  get bytes(): number {
    return this.#segments.values().reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** A segment by its name. */
  find(name: string): Segment | undefined {
    return this.#segments.get(name);
  }

  /** A segment was begun, or has grown, or is complete. */
  set(segment: Segment): void {
    this.#segments.set(segment.name, segment);
  }

  /** Takes up what lies there; a folder that is not there holds nothing. Nothing is mended. @throws errors of node:fs. */
  async load(): Promise<void> {
    const found = await this.#disk.list(this.folder).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw error;
    });
    const files = new Map(found.map((file) => [file.name, file]));
    for (const { name, bytes, modified } of found) {
      const parsed = parseSegmentName(name);
      if (!parsed || this.#segments.has(name)) continue;
      const { variant, start } = parsed;
      const end = readEnd(await this.#disk.tail(join(this.folder, sidecarOf(name)), TAIL_BYTES));
      this.set({
        ...{ name, variant, start, open: false, frames: end?.frames },
        // One that was cut off was last written when it ended.
        end: end ? plus(start, fromMs(end.durationMs)) : micros(Math.max(modified, start)),
        bytes: bytes + (files.get(sidecarOf(name))?.bytes ?? 0),
      });
    }
  }

  /** Deletes a segment and what lies beside it. @throws errors of node:fs. */
  async remove(name: string, reason: RemovalReason | 'asked' = 'asked'): Promise<void> {
    await this.#disk.remove(join(this.folder, name));
    await this.#disk.remove(join(this.folder, sidecarOf(name)));
    if (this.#segments.delete(name)) this.#removed(reason);
  }

  /** A segment turned out not to be there any more. */
  forget(name: string): void {
    this.#segments.delete(name);
  }

  /** Deletes what is too old, or too much. @param now wall clock. @throws errors of node:fs. */
  async expire(now: Micros, rule: RetentionRule): Promise<void> {
    for (const { segment, reason } of expired(this.segments, now, rule)) await this.remove(segment.name, reason);
  }

  /**
   * Deletes the oldest segments until the disk has its reserve.
   * @param refused the disk has just refused to take more, whatever it says of its room: at least one goes.
   * @returns whether there is room to go on. @throws errors of node:fs.
   */
  async makeRoom(refused: boolean): Promise<boolean> {
    let first = refused;
    for (;;) {
      const { free, total } = await this.#disk.room(this.folder);
      if (!first && free >= reserveOf(total)) return true;
      const oldest = this.segments.find(({ open }) => !open);
      // What fills the disk is not ours; half of the reserve is for the segment under way.
      if (!oldest) return !first && free >= reserveOf(total) / 2;
      await this.remove(oldest.name, 'disk-full');
      first = false;
    }
  }
}

/** How long a segment is. */
export function durationOf({ start, end }: Pick<Segment, 'start' | 'end'>): Micros {
  return minus(end, start);
}

function readEnd(tail: string): SidecarEnd | undefined {
  const last = tail.trimEnd().split('\n').at(-1) ?? '';
  try {
    const { end } = JSON.parse(last) as { readonly end?: SidecarEnd }; // our own line, or none
    return typeof end?.durationMs === 'number' ? end : undefined;
  } catch {
    return undefined;
  }
}
