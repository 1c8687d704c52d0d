/**
 * Which of a source's access units can be sent on as they are, so that a viewer's decoder shows what
 * ours does: H.264 in the order in which it is shown, of a profile that players take, from a keyframe
 * (IDR) on, without a gap. Pure.
 */
import type { CodedPicture } from '../../media/access-unit.ts';
import { splitNalUnits } from '../rtp/packetizer.ts';
import {
  type H264Profile,
  NAL,
  type PictureSet,
  profileOf,
  readPictureSet,
  readSequenceSet,
  readSlice,
  type SequenceSet,
  typeOfNal,
} from './h264-syntax.ts';

/**
 * Why a source frame has no access unit that can be sent on: it is not of one H.264 unit (`apart`), the
 * stream has B-frames (`b-frames`) or says that it reorders (`reordered`), players take no such profile
 * (`profile`), no keyframe came since the start (`start`) or since units were lost (`lost`).
 */
export type Hindrance = 'apart' | 'b-frames' | 'reordered' | 'profile' | 'start' | 'lost';

/** An access unit that is sent on. */
export interface PassedPicture {
  /** Annex B: the source's NAL units, and before an IDR the parameter sets that it needs. */
  readonly data: Buffer;
  /** An IDR. */
  readonly keyframe: boolean;
}

/** A parameter set and its bytes. */
interface Stored<T> {
  readonly set: T;
  readonly nal: Buffer;
}

/** What identifiers allow (sections 7.4.2.1.1 and 7.4.2.2). */
const MAX_SEQUENCE_SETS = 32;
const MAX_PICTURE_SETS = 256;
/** No real one is longer. */
const MAX_SET_BYTES = 4096;
const START_CODE = Buffer.from([0, 0, 0, 1]);
const DELIMITER = 9;

/** Judges the access units of one source, frame by frame. */
export class Passage {
  readonly #sequences = new Map<number, Stored<SequenceSet>>();
  readonly #pictures = new Map<number, Stored<PictureSet>>();
  #told: Uint8Array | undefined;
  #serial: number | undefined;
  #hindrance: Hindrance | undefined = 'start';
  #profile: H264Profile | undefined;
  /** Something was found that is of the stream's making: one group without it must come first. */
  #barred = false;
  #groupClean = false;

  /** Why the last frame could not be sent on; undefined when it could. */
  get hindrance(): Hindrance | undefined {
    return this.#hindrance;
  }

  /** What a player must take; undefined before the first keyframe. */
  get profile(): H264Profile | undefined {
    return this.#profile;
  }

  /** Takes the next source frame's access unit. Undefined: it cannot be sent on, see {@link hindrance}. */
  next(coded: CodedPicture | undefined): PassedPicture | undefined {
    if (!coded) return this.#bar('apart');
    const follows = this.#serial !== undefined && coded.serial === this.#serial + 1;
    this.#serial = coded.serial;
    if (!follows) this.#groupClean = false;
    if (!follows && this.#hindrance === undefined) this.#hindrance = 'lost';
    if (coded.parameterSets !== this.#told) {
      this.#told = coded.parameterSets;
      this.#learn(splitNalUnits(bufferOf(coded.parameterSets)));
    }
    const data = bufferOf(coded.data);
    const nals = splitNalUnits(data);
    this.#learn(nals);
    const slices = nals.filter((nal) => typeOfNal(nal) >= NAL.slice && typeOfNal(nal) <= NAL.idr);
    if (slices.some((nal) => readSlice(nal).isB)) return this.#bar('b-frames');
    const keyframe = slices.find((nal) => typeOfNal(nal) === NAL.idr);
    if (keyframe) return this.#start(keyframe, nals, data);
    return this.#hindrance === undefined ? { data, keyframe: false } : undefined;
  }

  /** @param slice of an IDR. */
  #start(slice: Buffer, nals: readonly Buffer[], data: Buffer): PassedPicture | undefined {
    const picture = this.#pictures.get(readSlice(slice).pictureId);
    const sequence = picture && this.#sequences.get(picture.set.sequenceId);
    this.#profile = sequence && profileOf(sequence.set, picture.set);
    if (!picture || !sequence || !this.#profile) return this.#refuse('profile');
    if ((sequence.set.reordered ?? 0) > 0) return this.#refuse('reordered');
    if (this.#barred && !this.#groupClean) {
      this.#groupClean = true;
      return undefined;
    }
    this.#barred = false;
    this.#hindrance = undefined;
    const sets = [...this.#pictures.values()].filter(({ set }) => set.sequenceId === sequence.set.id);
    const missing = [sequence, ...sets].filter(({ nal }) => !nals.some((there) => there.equals(nal)));
    return {
      data: withSets(
        data,
        nals,
        missing.map(({ nal }) => nal),
      ),
      keyframe: true,
    };
  }

  #bar(why: Hindrance): undefined {
    this.#barred = true;
    this.#groupClean = false;
    return this.#refuse(why);
  }

  #refuse(why: Hindrance): undefined {
    this.#hindrance = why;
    return undefined;
  }

  #learn(nals: readonly Buffer[]): void {
    for (const nal of nals) {
      const type = typeOfNal(nal);
      if (nal.length > MAX_SET_BYTES || (type !== NAL.sps && type !== NAL.pps)) continue;
      if (type === NAL.sps) store(this.#sequences, readSequenceSet(nal), nal, MAX_SEQUENCE_SETS);
      else store(this.#pictures, readPictureSet(nal), nal, MAX_PICTURE_SETS);
    }
  }
}

/** A copy: the access unit that it came in is not to be held for it. */
function store<T extends { readonly id: number }>(
  into: Map<number, Stored<T>>,
  set: T | undefined,
  nal: Buffer,
  limit: number,
): void {
  if (!set || set.id >= limit || into.get(set.id)?.nal.equals(nal)) return;
  into.set(set.id, { set, nal: Buffer.from(nal) });
}

/** With parameter sets before it, but behind its delimiter. */
function withSets(data: Buffer, [first]: readonly Buffer[], sets: readonly Buffer[]): Buffer {
  if (sets.length === 0) return data;
  const begins = first && typeOfNal(first) === DELIMITER ? first.byteOffset + first.length - data.byteOffset : 0;
  const parts = sets.flatMap((nal) => [START_CODE, nal]);
  return Buffer.concat([data.subarray(0, begins), ...parts, data.subarray(begins)]);
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
