/**
 * Session descriptions (RFC 8866) taken apart: a session, its media sections, their formats. RTSP
 * and WebRTC read the same lines; what they mean to each is read there. Linear in time, whatever
 * the peer wrote. Pure.
 */

/** Characters that are read. */
const MAX_LENGTH = 131_072;
const MAX_LINES = 5000;
const MAX_LINE_LENGTH = 8192;
const MAX_SECTIONS = 32;
/** Parameters of one format: H.264 has four. */
const MAX_PARAMETERS = 64;

const LINE_END = /\r\n|\n|\r/;
/** A token of RFC 8866, of bearable length. */
export const SDP_TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}$/;

/** Values of `a=` lines by name. */
export class SdpAttributes {
  readonly #values = new Map<string, string[]>();

  /** Takes a line without its `a=`. */
  add(line: string): void {
    const colon = line.indexOf(':');
    const name = colon < 0 ? line.trim() : line.slice(0, colon).trim();
    const value = colon < 0 ? '' : line.slice(colon + 1).trim();
    const values = this.#values.get(name);
    if (values) values.push(value);
    else this.#values.set(name, [value]);
  }

  /** The first value of `name`, empty for a flag; undefined when absent. */
  first(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }

  /** All values of `name`, in order. */
  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }
}

/** One media section. */
export interface SdpSection {
  /** `video`, `audio`, `application`. */
  readonly kind: string;
  /** NaN when it is malformed. */
  readonly port: number;
  readonly protocol: string;
  readonly formats: readonly string[];
  readonly attributes: SdpAttributes;
}

/** A description, taken apart. */
export interface SessionDescription {
  readonly session: SdpAttributes;
  readonly sections: readonly SdpSection[];
  /**
   * The first thing wrong with it: not RFC 8866, or beyond the limits. What stands elsewhere was
   * read all the same, what is beyond the limits was not. Undefined = nothing.
   */
  readonly problem: string | undefined;
}

/** Takes a description apart. Never throws: whether a problem matters is for the caller to say. */
export function parseSdp(text: string): SessionDescription {
  const session = new SdpAttributes();
  const sections: SdpSection[] = [];
  const lines = text.slice(0, MAX_LENGTH).split(LINE_END, MAX_LINES + 1);
  while (lines.at(-1) === '') lines.pop();
  let problem: string | undefined;
  const note = (found: string): void => {
    problem ??= found;
  };
  if (text.length > MAX_LENGTH) note(`more than ${MAX_LENGTH} characters`);
  if (lines.length > MAX_LINES) note(`more than ${MAX_LINES} lines`);
  if (lines[0] !== 'v=0') note('the first line is not v=0');
  let origin = false;
  for (const line of lines) {
    const fault = faultOf(line);
    if (fault !== undefined) {
      note(fault);
      continue;
    }
    const value = line.slice(2);
    if (line.startsWith('a=')) (sections.at(-1)?.attributes ?? session).add(value);
    else if (line.startsWith('o=')) origin = true;
    else if (line.startsWith('m=')) {
      if (sections.length === MAX_SECTIONS) {
        note(`more than ${MAX_SECTIONS} media sections`);
        break;
      }
      const section = mediaLine(value);
      if (!isSound(section)) note('an m= line is malformed');
      sections.push(section);
    }
  }
  if (!origin) note('o= is missing');
  return { session, sections, problem };
}

function faultOf(line: string): string | undefined {
  if (line.length > MAX_LINE_LENGTH) return `a line is longer than ${MAX_LINE_LENGTH} characters`;
  return /^[a-z]=/.test(line) ? undefined : 'a line is not of the form x=value';
}

function mediaLine(value: string): SdpSection {
  const [kind = '', port = '', protocol = '', ...formats] = value.trim().split(/\s+/);
  const number = /^\d{1,5}(\/\d{1,3})?$/.test(port) ? Number.parseInt(port, 10) : Number.NaN;
  return { kind, port: number, protocol, formats, attributes: new SdpAttributes() };
}

function isSound({ kind, port, protocol, formats }: SdpSection): boolean {
  return (
    /^[a-z]{1,16}$/.test(kind) &&
    port <= 65_535 &&
    /^[A-Za-z/0-9]{1,32}$/.test(protocol) &&
    formats.length > 0 &&
    formats.every((format) => SDP_TOKEN.test(format))
  );
}

/** A format of a media section: in RTP, a payload type. */
export interface SdpFormat {
  /** As the m= line has it: `96`. */
  readonly id: string;
  /** `H264`, as `a=rtpmap` spells it; undefined without one. */
  readonly encoding: string | undefined;
  /** Hz; NaN when it is missing or malformed. */
  readonly clockRate: number;
  /** The value of `a=fmtp` as written, empty without one. */
  readonly fmtp: string;
  /** What `a=fmtp` says, names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

/**
 * The formats of a section in the order of its m= line, each once. Of `a=rtpmap` and `a=fmtp` lines
 * for one format the first counts.
 */
export function formatsOf({ formats, attributes }: SdpSection): SdpFormat[] {
  const maps = byFormat(attributes.all('rtpmap'));
  const fmtps = byFormat(attributes.all('fmtp'));
  return [...new Set(formats)].map((id) => {
    const [encoding, rate = ''] = maps.get(id)?.split('/', 2) ?? [];
    const fmtp = fmtps.get(id) ?? '';
    const clockRate = /^\d{1,9}$/.test(rate) ? Number(rate) : Number.NaN;
    return { id, encoding, clockRate, fmtp, parameters: parseParameters(fmtp) };
  });
}

function byFormat(lines: readonly string[]): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of lines) {
    const [format, value] = splitWord(line);
    if (!values.has(format)) values.set(format, value);
  }
  return values;
}

function parseParameters(fmtp: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const part of fmtp.split(';', MAX_PARAMETERS)) {
    const equals = part.indexOf('=');
    if (equals > 0) parameters.set(part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim());
  }
  return parameters;
}

/** A line's first word, and what comes after it. */
export function splitWord(line: string): [word: string, rest: string] {
  const at = line.search(/\s/);
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at).trim()];
}

/** A description as logs may show it: without ICE passwords and SRTP keys. */
export function redactSdp(text: string): string {
  return text.replace(/^([ \t]*a[ \t]*=[ \t]*(?:ice-pwd|crypto|key-mgmt)[ \t]*:|k=).*$/gim, '$1***');
}
