/** The arena: one shared WebAssembly memory that holds every frame, kernel scratch and tensor. */
import { FrameliftError } from '../errors.ts';

/** Size of a WebAssembly page in bytes. */
const PAGE = 65_536;
/** Bytes at the bottom that belong to the kernel's own static data. */
const RESERVED = PAGE;
/** Every block starts on a multiple of this (a cache line, and the widest SIMD load). */
const ALIGN = 64;
/** Largest memory the kernel is compiled for, in pages (2 GiB). */
const MAX_PAGES = 32_768;

/** A piece of the arena. Freed once, by whoever holds it. */
export interface Block {
  /** Byte offset in the memory, a multiple of 64. */
  readonly offset: number;
  /** Usable bytes. */
  readonly bytes: number;
}

/**
 * First-fit allocator over one `WebAssembly.Memory({shared: true})`. The main thread allocates and frees; workers only
 * see offsets. Pages are touched on first use, so a large arena costs address space, not memory.
 */
export class Arena {
  readonly memory: WebAssembly.Memory;
  /** The same bytes for everyone. */
  readonly u8: Uint8Array;
  #free: { offset: number; bytes: number }[];
  readonly #used = new Map<number, Block>();
  #liveFrames = 0;
  #usedBytes = 0;

  /** @throws FrameliftError `config.invalid` when `megabytes` is not within 16…2048. */
  constructor(megabytes = 512) {
    if (!(megabytes >= 16 && megabytes <= 2048)) {
      throw new FrameliftError('config.invalid', `arena size ${megabytes} MiB is outside 16…2048`);
    }
    const pages = Math.ceil((megabytes * 1_048_576) / PAGE);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: MAX_PAGES, shared: true });
    this.u8 = new Uint8Array(this.memory.buffer);
    this.#free = [{ offset: RESERVED, bytes: pages * PAGE - RESERVED }];
  }

  /** Takes a block of at least `bytes`. Its content is undefined. @throws FrameliftError `arena.full`. */
  allocate(bytes: number): Block {
    const size = Math.ceil(Math.max(bytes, 1) / ALIGN) * ALIGN;
    const index = this.#free.findIndex((f) => f.bytes >= size);
    const hole = this.#free[index];
    if (!hole) {
      throw new FrameliftError('arena.full', `the frame arena has no ${size} bytes left (${this.#usedBytes} in use)`, {
        recoverable: true,
        remedy: 'Raise arenaMb, or serve fewer or smaller streams.',
      });
    }
    const offset = hole.offset;
    if (hole.bytes === size) this.#free.splice(index, 1);
    else {
      hole.offset += size;
      hole.bytes -= size;
    }
    const block = { offset, bytes: size };
    this.#used.set(offset, block);
    this.#usedBytes += size;
    return block;
  }

  /** Gives a block back. @throws FrameliftError `frame.misuse` when it is not in use, even if its place has been given to another block. */
  free(block: Block): void {
    if (this.#used.get(block.offset) !== block) {
      throw new FrameliftError('frame.misuse', `block at ${block.offset} freed twice`);
    }
    this.#used.delete(block.offset);
    this.#usedBytes -= block.bytes;
    let at = this.#free.findIndex((f) => f.offset > block.offset);
    if (at < 0) at = this.#free.length;
    this.#free.splice(at, 0, { offset: block.offset, bytes: block.bytes });
    this.#join(at);
    this.#join(at - 1);
  }

  #join(at: number): void {
    const left = this.#free[at];
    const right = this.#free[at + 1];
    if (left && right && left.offset + left.bytes === right.offset) {
      left.bytes += right.bytes;
      this.#free.splice(at + 1, 1);
    }
  }

  /** Bytes in blocks. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Frame handles not released yet. Zero at the end of every test and of every run. */
  get liveFrames(): number {
    return this.#liveFrames;
  }

  /** For {@link Frame} alone: counts handles. */
  countFrame(delta: 1 | -1): void {
    this.#liveFrames += delta;
  }
}
