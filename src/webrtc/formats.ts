/** The codecs of a video that is offered, and the header extensions of its packets. Pure. */
import { formatsOf, SDP_TOKEN, type SdpSection, splitWord } from '../media/sdp.ts';
import { badOffer } from './sdp.ts';

/** Not codecs: what is wrapped around them. */
const WRAPPERS = /^(rtx|red|ulpfec|flexfec-03)$/i;
/** Codecs that a message names. */
const MAX_NAMES = 16;
/** Of a format's parameters, for messages. */
const MAX_SHOWN = 100;

/** A codec that is offered. */
export interface OfferedFormat {
  /** 0…127. */
  readonly payloadType: number;
  /** `H264`, in upper case. */
  readonly encoding: string;
  /** Format parameters as written, empty for none. */
  readonly fmtp: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** The payload types of a video section, with what goes with them: retransmission, feedback. */
export class OfferedFormats {
  /**
   * Those with a name, a payload type that RTP can carry and video's clock, in the order of the m=
   * line: the peer's preference. Wrappers are left out.
   */
  readonly codecs: readonly OfferedFormat[];
  readonly #rtx = new Map<string, number>();
  readonly #feedback: ReadonlySet<string>;

  constructor(section: SdpSection) {
    const codecs: OfferedFormat[] = [];
    for (const { id, encoding = '', clockRate, fmtp, parameters } of formatsOf(section)) {
      const payloadType = /^\d{1,3}$/.test(id) ? Number(id) : Number.NaN;
      if (!(payloadType <= 127) || !SDP_TOKEN.test(encoding) || clockRate !== 90_000) continue;
      const of = parameters.get('apt') ?? '';
      if (!WRAPPERS.test(encoding)) codecs.push({ payloadType, encoding: encoding.toUpperCase(), fmtp, parameters });
      else if (/^rtx$/i.test(encoding) && !this.#rtx.has(of)) this.#rtx.set(of, payloadType);
    }
    this.codecs = codecs;
    this.#feedback = new Set(section.attributes.all('rtcp-fb'));
  }

  /** The payload type of retransmissions (RFC 4588) of `type`. */
  rtxOf(type: number): number | undefined {
    return this.#rtx.get(`${type}`);
  }

  /** Which of `kinds` of RTCP feedback are offered for `type`. */
  feedback(type: number, kinds: readonly string[]): string[] {
    return kinds.filter((kind) => this.#feedback.has(`${type} ${kind}`) || this.#feedback.has(`* ${kind}`));
  }

  /** Names of the codecs, each once, for messages. */
  names(): string {
    const names = [...new Set(this.codecs.map(({ encoding }) => encoding))];
    return names.slice(0, MAX_NAMES).join(', ') || 'nothing that has a name';
  }

  /**
   * What became of each codec, for logs: `108 H264 packetization-mode=1: chosen`.
   * @param reason why one was passed over.
   */
  verdicts(chosen: OfferedFormat, reason: (format: OfferedFormat) => string): string[] {
    return this.codecs.map((format) => `${describe(format)}: ${format === chosen ? 'chosen' : reason(format)}`);
  }
}

/** A codec for messages: `108 H264 packetization-mode=1`. */
export function describe({ payloadType, encoding, fmtp }: OfferedFormat): string {
  return `${payloadType} ${encoding}${fmtp && ' '}${fmtp.slice(0, MAX_SHOWN)}`;
}

/**
 * Format parameters for an answer, as offered.
 * @throws FrameliftError `webrtc.bad-offer` when they are not plain text.
 */
export function answerable({ fmtp }: OfferedFormat): string {
  if (!/^[\x20-\x7e]{0,512}$/.test(fmtp)) throw badOffer('a=fmtp is malformed');
  return fmtp;
}

/**
 * Ids of the header extensions in `uris` that the section offers. One-byte headers carry ids 1 to
 * 14 only: others are left out.
 */
export function extensionIds<Name extends string>(
  section: SdpSection,
  uris: Readonly<Record<Name, string>>,
): Map<Name, number> {
  const offered = new Map<string, string>();
  for (const line of section.attributes.all('extmap')) {
    const [id, rest] = splitWord(line);
    const [uri] = splitWord(rest);
    if (!offered.has(uri)) offered.set(uri, id.split('/', 1)[0] ?? '');
  }
  const chosen = new Map<Name, number>();
  // Keys of a constant object.
  for (const name of Object.keys(uris) as Name[]) {
    const id = offered.get(uris[name]) ?? '';
    const number = /^\d{1,3}$/.test(id) ? Number(id) : 0;
    if (number >= 1 && number <= 14 && ![...chosen.values()].includes(number)) chosen.set(name, number);
  }
  return chosen;
}
