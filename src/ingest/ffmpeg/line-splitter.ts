/** Lines out of what a program writes. Linear in time and bounded in memory, whatever it writes. Pure. */

/** Characters of a line that are kept: ffmpeg prints what a file's metadata say, at any length. */
export const MAX_LINE_LENGTH = 2000;

/** Joins chunks and cuts them at line ends; of longer lines the rest is dropped. */
export class LineSplitter {
  readonly #line: (line: string) => void;
  #pending = '';
  /** The last chunk ended with a carriage return: a line feed that follows belongs to it. */
  #afterReturn = false;

  /** @param line takes each line without its end, empty ones included. */
  constructor(line: (line: string) => void) {
    this.#line = line;
  }

  /** Takes a chunk. */
  push(chunk: string): void {
    let at = this.#afterReturn && chunk.startsWith('\n') ? 1 : 0;
    if (chunk !== '') this.#afterReturn = chunk.endsWith('\r');
    for (;;) {
      const end = lineEnd(chunk, at);
      if (end < 0) break;
      this.#keep(chunk, at, end);
      this.flush();
      at = chunk.startsWith('\r\n', end) ? end + 2 : end + 1;
    }
    this.#keep(chunk, at, chunk.length);
  }

  /** Gives a last line that was not ended, if there is one, or an empty one. */
  flush(): void {
    const line = this.#pending;
    this.#pending = '';
    this.#line(line);
  }

  /** Whether a line was begun. */
  get pending(): boolean {
    return this.#pending !== '';
  }

  #keep(chunk: string, from: number, to: number): void {
    const room = MAX_LINE_LENGTH - this.#pending.length;
    if (room > 0 && to > from) this.#pending += chunk.slice(from, Math.min(to, from + room));
  }
}

/** Where the next line ends, -1 when it does not. */
function lineEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 10 || code === 13) return at;
  }
  return -1;
}
