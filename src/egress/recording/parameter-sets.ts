/** H.264's parameter sets as a container wants them. Pure. */
import { NAL, readSequenceSet, typeOfNal } from '../codec/h264-syntax.ts';
import { splitNalUnits } from '../rtp/packetizer.ts';

const START_CODE = Buffer.from([0, 0, 0, 1]);

/** What a decoder has to know beforehand. */
export interface ParameterSets {
  /** Sequence and picture parameter sets, Annex B. */
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
}

/** The parameter sets of an Annex B access unit; undefined where one of both kinds is missing, or broken. */
export function parameterSetsOf(unit: Buffer): ParameterSets | undefined {
  const units = splitNalUnits(unit);
  const [sequences = [], pictures = []] = [NAL.sps, NAL.pps].map((type) =>
    units.filter((nal) => typeOfNal(nal) === type),
  );
  const [first] = sequences;
  const read = first && readSequenceSet(first);
  if (!read || pictures.length === 0) return undefined;
  const data = Buffer.concat([...sequences, ...pictures].flatMap((nal) => [START_CODE, nal]));
  return { data, width: read.width, height: read.height };
}
