/** H.264's parameter sets as a container wants them. Pure. */
import { NAL, typeOfNal } from '../codec/h264-syntax.ts';
import { splitNalUnits } from '../rtp/packetizer.ts';

const START_CODE = Buffer.from([0, 0, 0, 1]);

/** The parameter sets of an Annex B access unit, as Annex B; undefined where one of both kinds is missing. */
export function parameterSetsOf(data: Buffer): Buffer | undefined {
  const units = splitNalUnits(data);
  const [sequence, picture] = [NAL.sps, NAL.pps].map((type) => units.filter((nal) => typeOfNal(nal) === type));
  if (!sequence?.length || !picture?.length) return undefined;
  return Buffer.concat([...sequence, ...picture].flatMap((nal) => [START_CODE, nal]));
}
