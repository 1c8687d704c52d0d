/** Text subtitles from one form to another: SubRip, WebVTT, and the timed text of mp4 (3GPP TS 26.245). Pure. */

/** The forms, by FFmpeg's names. */
export type TextForm = 'subrip' | 'webvtt' | 'mov_text';

/** Letters of one look: `start` to before `end`, counted in code points. */
interface Style {
  readonly start: number;
  readonly end: number;
  readonly flags: number;
}

/** What a subtitle says. */
interface Spoken {
  readonly text: string;
  readonly styles: readonly Style[];
  /** Something of its look has no place here: a colour, a font, a position. */
  readonly plainer: boolean;
}

/** A subtitle in another form. */
export interface ConvertedSubtitle {
  /** Undefined for one that says nothing: mp4 holds such ones between two that speak. */
  readonly data: Buffer | undefined;
  /** True when it lost a colour, a font or its position. */
  readonly plainer: boolean;
}

/** Bold, italic, underlined: bits of timed text's style records, and tags of the other forms. */
const FLAGS = { b: 1, i: 2, u: 4 } as const;
const LETTERS = ['b', 'i', 'u'] as const;
type Letter = (typeof LETTERS)[number];
/** Letter size of timed text, in a picture of 288 lines, as FFmpeg has it. */
const FONT_SIZE = 16;

/** Whether a codec is one of the forms. */
export function isTextForm(codec: string): codec is TextForm {
  return codec === 'subrip' || codec === 'webvtt' || codec === 'mov_text';
}

/** One subtitle, as a packet holds it, in another form. */
export function convertSubtitle(data: Buffer, from: TextForm, to: TextForm): ConvertedSubtitle {
  const spoken = from === 'mov_text' ? readTimedText(data) : readMarkup(data.toString('utf8'), from);
  if (spoken.text === '') return { data: undefined, plainer: false };
  const { plainer } = spoken;
  return { data: to === 'mov_text' ? timedText(spoken) : Buffer.from(markup(spoken, to), 'utf8'), plainer };
}

/** What stands before all samples of a track of timed text: white letters, centred at the bottom. */
export function timedTextHeader(): Buffer {
  const font = Buffer.from('Arial', 'latin1');
  const header = Buffer.alloc(30);
  header.writeInt8(1, 4); // centred
  header.writeInt8(-1, 5); // at the bottom
  header.writeUInt16BE(1, 22); // font
  header.writeUInt8(FONT_SIZE, 25);
  header.writeUInt32BE(0xff_ff_ff_ff, 26); // white
  const fonts = Buffer.concat([Buffer.from([0, 1, 0, 1, font.length]), font]);
  return Buffer.concat([header, box('ftab', fonts)]);
}

function readMarkup(source: string, form: TextForm): Spoken {
  const open: Partial<Record<Letter, number>> = {};
  const styles: Style[] = [];
  let [text, length, plainer] = ['', 0, false];
  const close = (letter: Letter): void => {
    const start = open[letter];
    if (start !== undefined && length > start) styles.push({ start, end: length, flags: FLAGS[letter] });
    delete open[letter];
  };
  const clean = source.replaceAll('\r\n', '\n').replace(/\n+$/, '');
  // A tag, or an instruction of Advanced SubStation, which SubRip files borrow: {\an8}.
  for (const part of clean.split(/(<\/?[a-zA-Z][^<>]*>|\{\\[^{}]*\})/)) {
    const [tag, closing, name = ''] = /^<(\/?)([a-zA-Z]+)/.exec(part) ?? [];
    const letter = LETTERS.find((known) => known === name.toLowerCase());
    if (tag === undefined && !part.startsWith('{\\')) {
      const said = form === 'webvtt' ? plainText(part) : part;
      text += said;
      length += [...said].length;
    } else if (letter === undefined) plainer = true;
    else if (closing) close(letter);
    else open[letter] ??= length;
  }
  for (const letter of LETTERS) close(letter);
  return { text, styles, plainer };
}

function markup({ text, styles }: Spoken, form: TextForm): string {
  const letters = [...text];
  const open: Letter[] = [];
  let result = '';
  for (let i = 0; i <= letters.length; i += 1) {
    const wanted = i === letters.length ? 0 : flagsAt(styles, i);
    // Tags nest: what ends is closed with all that was opened within it.
    const keep = open.findIndex((letter) => !(wanted & FLAGS[letter]));
    if (keep >= 0) for (const letter of open.splice(keep).reverse()) result += `</${letter}>`;
    for (const letter of LETTERS) {
      if (!(wanted & FLAGS[letter]) || open.includes(letter)) continue;
      open.push(letter);
      result += `<${letter}>`;
    }
    const letter = letters[i] ?? '';
    result += form === 'webvtt' ? escaped(letter) : letter;
  }
  return result;
}

function flagsAt(styles: readonly Style[], at: number): number {
  return styles.reduce((flags, { start, end, flags: more }) => (start <= at && at < end ? flags | more : flags), 0);
}

function timedText({ text, styles }: Spoken): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  const runs = styleRuns(styles, [...text].length);
  if (runs.length === 0) return Buffer.concat([length, bytes]);
  const records = Buffer.alloc(2 + 12 * runs.length);
  records.writeUInt16BE(runs.length);
  for (const [i, { start, end, flags }] of runs.entries()) {
    records.writeUInt16BE(start, 2 + 12 * i);
    records.writeUInt16BE(end, 4 + 12 * i);
    records.writeUInt16BE(1, 6 + 12 * i);
    records.writeUInt8(flags, 8 + 12 * i);
    records.writeUInt8(FONT_SIZE, 9 + 12 * i);
    records.writeUInt32BE(0xff_ff_ff_ff, 10 + 12 * i);
  }
  return Buffer.concat([length, bytes, box('styl', records)]);
}

/** Styles that overlap as runs that do not. */
function styleRuns(styles: readonly Style[], length: number): Style[] {
  const edges = [...new Set(styles.flatMap(({ start, end }) => [start, end]))].sort((a, b) => a - b);
  return edges
    .map((start, i) => ({ start, end: edges[i + 1] ?? length, flags: flagsAt(styles, start) }))
    .filter(({ flags }) => flags !== 0);
}

function readTimedText(data: Buffer): Spoken {
  if (data.length < 2) return { text: '', styles: [], plainer: false };
  const end = Math.min(data.length, 2 + data.readUInt16BE(0));
  const text = data.toString('utf8', 2, end).replaceAll('\r\n', '\n');
  const styles: Style[] = [];
  let plainer = false;
  for (let at = end; at + 8 <= data.length; ) {
    const size = data.readUInt32BE(at);
    const content = data.subarray(at + 8, at + size);
    if (data.toString('latin1', at + 4, at + 8) === 'styl') styles.push(...readStyles(content));
    else plainer = true;
    if (size < 8) break;
    at += size;
  }
  return { text, styles, plainer };
}

function readStyles(content: Buffer): Style[] {
  const count = content.length < 2 ? 0 : Math.min(content.readUInt16BE(0), Math.floor((content.length - 2) / 12));
  return Array.from({ length: count }, (_, i) => ({
    start: content.readUInt16BE(2 + 12 * i),
    end: content.readUInt16BE(4 + 12 * i),
    flags: content.readUInt8(8 + 12 * i) & 7,
  }));
}

function box(name: string, content: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + content.length);
  head.write(name, 4, 'latin1');
  return Buffer.concat([head, content]);
}

function escaped(text: string): string {
  return text.replace(/[&<>]/, (letter) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[letter] ?? letter);
}

function plainText(text: string): string {
  return text.replace(/&(amp|lt|gt|nbsp|lrm|rlm);/g, (_, name: string) => ENTITIES[name] ?? '');
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  nbsp: '\u00a0',
  lrm: '\u200e',
  rlm: '\u200f',
};
