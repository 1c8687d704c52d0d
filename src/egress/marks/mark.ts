/**
 * The mark that a frame carries in the bitstream: its provenance, as user data (docs/provenance.md). A
 * recording, a push, any copy that is not encoded again still says what is real. Pure.
 */
import { type ProvenanceRecord, recordOf } from '../provenance.ts';
import type { EncodedUnit } from '../viewer.ts';

/** What a mark says of its frame: the record that viewers are told, but for what is RTP's. */
export type Mark = Omit<ProvenanceRecord, 'rtp' | 'passed' | 'dropped'>;

/**
 * Begins every mark (the `uuid_iso_iec_11578` of user data unregistered, H.264 D.1.7). Another layout of
 * marks would have another one.
 */
export const MARK_UUID = Buffer.from('d2f3a94e6b1c4f7d9e58c41a7be36f92', 'hex');

/** The user data of a frame: {@link MARK_UUID}, then its record as JSON in UTF-8. */
export function markBytes(frame: Pick<EncodedUnit, 'pts' | 'provenance'>): Buffer {
  return Buffer.concat([MARK_UUID, Buffer.from(JSON.stringify(recordOf(frame)))]);
}

const KINDS = ['source', 'interpolated', 'extrapolated', 'repeated'] as const;
const ACCELERATIONS = ['before', 'after', 'both'] as const;
/** No record is as long. */
const MAX_BYTES = 1024;

/**
 * What user data says: undefined where it is no mark of ours, `malformed` where it begins like one and is
 * none.
 */
export function readMark(userData: Uint8Array): Mark | 'malformed' | undefined {
  const bytes = Buffer.from(userData.buffer, userData.byteOffset, userData.byteLength);
  if (!bytes.subarray(0, MARK_UUID.length).equals(MARK_UUID)) return undefined;
  if (bytes.length > MAX_BYTES) return 'malformed';
  try {
    return checked(JSON.parse(bytes.toString('utf8', MARK_UUID.length))) ?? 'malformed';
  } catch {
    return 'malformed';
  }
}

/** A record whose keys are what they should be, and no others. */
function checked(value: unknown): Mark | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries = new Map<string, unknown>(Object.entries(value));
  const takes = <T>(key: string, is: (given: unknown) => given is T): T | undefined => {
    const given = entries.get(key);
    if (!is(given)) return undefined;
    entries.delete(key);
    return given;
  };
  const kind = takes('kind', oneOf(KINDS));
  const pts = takes('pts', isNumber);
  if (kind === undefined || pts === undefined) return undefined;
  const made = kind === 'interpolated' || kind === 'extrapolated';
  const t = kind === 'source' ? undefined : takes('t', within(0, kind === 'extrapolated' ? 1.5 : 1));
  const model = made ? takes('model', isText) : undefined;
  const reason = kind === 'repeated' ? takes('reason', isText) : undefined;
  if ((kind !== 'source' && t === undefined) || (made && model === undefined)) return undefined;
  if (kind === 'repeated' && reason === undefined) return undefined;
  const rest = made
    ? {
        hash: takes('hash', isHash),
        confidence: takes('confidence', within(0, 1)),
        parental: takes('parental', within(0, 1)),
        grain: takes('grain', within(0, 1)),
        acceleration: takes('acceleration', oneOf(ACCELERATIONS)),
      }
    : {};
  if (entries.size > 0) return undefined;
  const all = { t, model, reason, ...rest };
  return { pts, kind, ...Object.fromEntries(Object.entries(all).filter(([, given]) => given !== undefined)) };
}

const isNumber = (given: unknown): given is number => typeof given === 'number' && Number.isFinite(given);
/** Names of users' own models hold what names of files do, but nothing that a terminal would obey. */
const isText = (given: unknown): given is string => typeof given === 'string' && /^[^\p{C}]{1,256}$/u.test(given);
const isHash = (given: unknown): given is string => typeof given === 'string' && /^[\da-f]{16}$/.test(given);

function within(least: number, most: number) {
  return (given: unknown): given is number => isNumber(given) && given >= least && given <= most;
}

function oneOf<const T extends string>(values: readonly T[]) {
  return (given: unknown): given is T => values.some((value) => value === given);
}
