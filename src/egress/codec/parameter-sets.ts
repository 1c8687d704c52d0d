/** The parameter sets of a stream that is handed on: who takes it is told of them before the first picture. Pure. */
import type { FrameSize } from '../../media/size.ts';
import { splitNalUnits } from '../rtp/packetizer.ts';
import { NAL, readSequenceSet, typeOfNal } from './h264-syntax.ts';

const START_CODE = Buffer.from([0, 0, 0, 1]);

/** What a keyframe says of what follows. */
export interface ParameterSets {
  readonly sequence: Buffer;
  readonly picture: Buffer;
  /** Both behind start codes. */
  readonly annexB: Buffer;
  readonly size: FrameSize;
}

/** The sets of an access unit, Annex B; undefined when it has not both, or they make no sense. */
export function parameterSetsOf(data: Buffer): ParameterSets | undefined {
  const units = splitNalUnits(data);
  const sequence = units.find((nal) => typeOfNal(nal) === NAL.sps);
  const pictures = units.filter((nal) => typeOfNal(nal) === NAL.pps);
  const [picture] = pictures;
  const read = sequence && readSequenceSet(sequence);
  if (!sequence || !picture || !read) return undefined;
  const annexB = Buffer.concat([sequence, ...pictures].flatMap((nal) => [START_CODE, nal]));
  return { sequence, picture, annexB, size: { width: read.width, height: read.height } };
}
