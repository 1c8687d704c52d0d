/** Tags on their way from one container to another. Pure. */

/** Names and values. */
export type Tags = Readonly<Record<string, string>>;

/** What describes the old file or its coding, and is not true of the new one. */
const OF_THE_OLD_FILE =
  /^(encoder|software|encoded_by_tool|duration|bps|number_of_.*|_statistics_.*|source_id|major_brand|minor_version|compatible_brands|vendor_id|rotate|variant_bitrate|creation_tool)(-[a-z]{3})?$/i;

/** Tags of a stream that are true of its copy: language, title, the handler's name. */
export function streamTags(tags: Tags): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).filter(([name]) => !OF_THE_OLD_FILE.test(name)));
}

/**
 * Tags of a whole file that are true of a converted one, and the names of those that a container has no place for.
 * @param known names that it has a place for; `all` for any.
 */
export function fileTags(
  tags: Tags,
  known: 'all' | readonly string[],
): { kept: Record<string, string>; lost: string[] } {
  const kept = streamTags(tags);
  if (known === 'all') return { kept, lost: [] };
  const lost = Object.keys(kept).filter((name) => !known.includes(name.toLowerCase()));
  for (const name of lost) delete kept[name];
  return { kept, lost };
}

/** Languages that QuickTime's table spells otherwise than others do, ISO 639-2 B or T. */
const QUICKTIME_LANGUAGES: Readonly<Record<string, string>> = {
  ...{ fre: 'fra', deu: 'ger', nld: 'dut', swe: 'sve', ell: 'gre', isl: 'ice', zho: 'chi', sqi: 'alb', rum: 'ron' },
  ...{ cze: 'ces', slo: 'slk', mkd: 'mac' },
};

/** The tags of a stream as a container spells them. */
export function spelled(tags: Tags, ending: string): Record<string, string> {
  const other = ending === '.mov' ? QUICKTIME_LANGUAGES[tags.language ?? ''] : undefined;
  return { ...tags, ...(other === undefined ? {} : { language: other }) };
}

/** A rate, frames per second. */
interface Rate {
  readonly num: number;
  readonly den: number;
}

const TIMECODE = /^(\d\d):(\d\d):(\d\d)([:;.])(\d\d+)$/;
/** Numbers that drop-frame code leaves out at the beginning of each minute but the tenth ones, at 30 a second. */
const DROPPED = 2;

/**
 * A timecode (SMPTE ST 12-1) of the first frame, `hh:mm:ss:ff`, for another frame rate and for a file that begins later: the same
 * moment. Undefined for what is none. @param later microseconds.
 */
export function timecodeAt(text: string, from: Rate, to: Rate, later: number): string | undefined {
  const [, hours, minutes, seconds, mark = ':', frame] = TIMECODE.exec(text) ?? [];
  const [base, target] = [nominal(from), nominal(to)];
  if (frame === undefined || base === 0 || target === 0) return undefined;
  const drop = mark !== ':';
  const [inMinutes, inSeconds] = [Number(hours) * 60 + Number(minutes), Number(seconds)];
  const numbered = (inMinutes * 60 + inSeconds) * base + Number(frame);
  const dropped = drop ? dropsOf(base) * (inMinutes - Math.floor(inMinutes / 10)) : 0;
  const counted = numbered - dropped + Math.round((later * from.num) / (1e6 * from.den));
  return written(Math.round((counted * target) / base), target, drop, mark);
}

function written(counted: number, base: number, drop: boolean, mark: string): string {
  let frames = counted;
  if (drop) {
    const drops = dropsOf(base);
    const [tenMinutes, minute] = [base * 600 - 9 * drops, base * 60 - drops];
    const [tens, rest] = [Math.floor(frames / tenMinutes), frames % tenMinutes];
    frames += drops * 9 * tens + (rest >= drops ? drops * Math.floor((rest - drops) / minute) : 0);
  }
  const seconds = Math.floor(frames / base);
  const parts = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  return `${parts.map((part) => String(part).padStart(2, '0')).join(':')}${mark}${String(frames % base).padStart(2, '0')}`;
}

/** Frames that a second of timecode counts. */
function nominal({ num, den }: Rate): number {
  return den > 0 ? Math.round(num / den) : 0;
}

function dropsOf(base: number): number {
  return Math.round(base / 30) * DROPPED;
}
