/** Damage for tests of parsers, the same in every run, and what is left behind by it. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { seededRandom } from './random.ts';

/** Numbers that parsers trip over. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff];
const WORDS = ['', ' ', '0', '-1', '65536', '99999999999999999999', 'NaN', '\0', '\u{1f600}', 'é', '*', '"', '%s', 'a'];

/** A seeded source of damage. */
export class Fuzzer {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** An integer in 0…`below` − 1. */
  int(below: number): number {
    return Math.floor(this.#random() * below);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  /** One of `list`. @throws RangeError when it is empty. */
  pick<T>(list: readonly T[]): T {
    const at = this.int(list.length);
    if (list.length === 0) throw new RangeError('nothing to pick from');
    // In range, whatever T is.
    return list[at] as T;
  }

  /** Random bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length }, () => this.int(256));
  }

  /** A damaged copy: bits flipped, bytes at the edges of their range, cut, repeated, replaced. */
  damage(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    let damaged = Uint8Array.from(bytes);
    for (let times = 1 + this.int(3); times > 0; times -= 1) damaged = this.#damageOnce(damaged);
    return damaged;
  }

  /** A damaged copy of lines that end in CRLF: lines lost, doubled, moved and spoilt, and the text as a whole cut or mistreated. */
  damageLines(text: string): string {
    let lines = text.split('\r\n');
    for (let times = 1 + this.int(4); times > 0; times -= 1) lines = this.#damageLine(lines);
    const whole = lines.join(this.chance(0.1) ? '\n' : '\r\n');
    if (this.chance(0.05)) return whole.slice(0, this.int(whole.length));
    if (this.chance(0.03)) return Buffer.from(this.damage(Buffer.from(whole))).toString('latin1');
    return whole;
  }

  #damageOnce(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    // Headers matter most.
    const at = this.chance(0.6) ? this.int(Math.min(16, bytes.length)) : this.int(bytes.length);
    switch (this.int(6)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << this.int(8));
        return bytes;
      case 1:
        bytes[at] = this.pick(EDGES);
        return bytes;
      case 2:
        return bytes.slice(0, at);
      case 3:
        return Uint8Array.from([...bytes.subarray(0, at), ...this.bytes(this.int(8)), ...bytes.subarray(at)]);
      case 4:
        return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + this.int(8))]);
      default:
        return this.chance(0.2) ? this.bytes(this.int(64)) : bytes;
    }
  }

  #damageLine(lines: readonly string[]): string[] {
    const at = this.int(lines.length);
    const line = lines[at] ?? '';
    const with_ = (...put: string[]): string[] => lines.toSpliced(at, 1, ...put);
    switch (this.int(8)) {
      case 0:
        return with_();
      case 1:
        return with_(line, line);
      case 2:
        return with_().toSpliced(this.int(lines.length), 0, line);
      case 3:
        return with_(this.#damageField(line));
      case 4:
        return with_(line.slice(0, this.int(line.length + 1)));
      case 5:
        return with_(`${line}${this.pick(WORDS).repeat(this.int(2000))}`);
      case 6:
        return with_(line, lines[this.int(lines.length)] ?? '');
      default:
        return with_(line.replace(/\d+/g, (digits) => (this.chance(0.3) ? this.pick(WORDS) : digits)));
    }
  }

  #damageField(line: string): string {
    const fields = line.split(/(?<=[ :=/;])/);
    return fields.with(this.int(fields.length), this.pick(WORDS)).join('');
  }
}

/** Heap and buffers outside of it that this process holds, in bytes, after garbage collection. */
export function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  // A context made after the flag has it; ours was made before.
  const collect: unknown = runInNewContext('gc');
  if (typeof collect !== 'function') throw new Error('this runtime does not offer its garbage collector');
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
