/** What an encoder has to do before it is used: code what it is given at once, with keyframes where they are asked for. */
import { FrameliftError } from '../../../errors.ts';
import { VideoDecoder } from '../../../ingest/decode/decoder.ts';
import { testPair } from '../../../interp/providers/test-pair.ts';
import { Arena } from '../../../media/arena.ts';
import type { Frame } from '../../../media/frame.ts';
import { fromMs, type Micros, micros, minus, systemClock, toMs } from '../../../time.ts';
import { splitNalUnits } from '../../rtp/packetizer.ts';
import type { EncoderName } from '../encoder-name.ts';
import { NAL, readSequenceSet, typeOfNal } from '../h264-syntax.ts';
import { LIBRARIES } from '../libraries.ts';
import { CodecSession } from '../session.ts';

const SIZE = { width: 640, height: 360 } as const;
const FPS = 60;
const BITRATE = 4e6;
/** Frames that are coded, and which of them are to be keyframes. */
const FRAMES = 10;
const KEYFRAMES = [0, 5];
/** Of constrained baseline, which players are told. */
const BASELINE = 66;
/** Least likeness of a coded picture to what was given, dB of luma. x264 gives 36. */
const LEAST_LIKENESS = 26;

/**
 * Tries an encoder of H.264. Gives the time that a frame takes, in ms.
 * @throws FrameliftError `encode.failed` with what it does wrong, and what FFmpeg throws.
 */
export async function testEncoder(encoder: EncoderName): Promise<number> {
  const arena = new Arena(64);
  const session = new CodecSession(LIBRARIES[encoder], SIZE.width, SIZE.height);
  const decoder = await VideoDecoder.open({ codec: 'h264', arena, clock: systemClock, stream: 'self-test' });
  const pair = testPair(arena, SIZE.width, SIZE.height);
  try {
    await session.open({ fps: FPS, bitrate: BITRATE, loud: true });
    const times: number[] = [];
    for (let i = 0; i < FRAMES; i += 1) {
      const [frame] = i % 2 === 0 ? pair : [pair[1]];
      times.push(await codeOne(session, decoder, frame, i));
    }
    return times.toSorted((a, b) => a - b)[FRAMES >> 1] ?? 0;
  } finally {
    for (const frame of pair) frame.release();
    session.free();
    await decoder.close();
  }
}

async function codeOne(session: CodecSession, decoder: VideoDecoder, frame: Frame, index: number): Promise<number> {
  const due: Micros = micros((index * 1e6) / FPS);
  const keyframe = KEYFRAMES.includes(index);
  const began = systemClock.now();
  session.load(frame);
  const unit = await session.encode(due, keyframe);
  const ms = toMs(minus(systemClock.now(), began));
  if (!unit) throw wrong(`it holds frames back: none came for frame ${index + 1}`);
  if (keyframe) checkKeyframe(unit, index);
  const times = { pts: due, arrival: fromMs(0), capture: fromMs(0), discontinuity: false };
  const shown = await decoder.decode({ ...unit, ...times });
  const likeness = shown.map((picture) => likenessOf(picture, frame));
  for (const picture of shown) picture.release();
  if (likeness.length !== 1) throw wrong(`frame ${index + 1} is decoded to ${likeness.length} pictures`);
  const [decibels = 0] = likeness;
  if (decibels < LEAST_LIKENESS) {
    throw wrong(`its picture is ${decibels.toFixed(1)} dB like what it was given, ${LEAST_LIKENESS} are asked for`);
  }
  return ms;
}

function checkKeyframe({ data, keyframe }: { data: Buffer; keyframe: boolean }, index: number): void {
  const units = splitNalUnits(data);
  const sequence = units.find((unit) => typeOfNal(unit) === NAL.sps);
  if (!keyframe || !units.some((unit) => typeOfNal(unit) === NAL.idr)) {
    throw wrong(`frame ${index + 1} is no keyframe, as it was asked to be`);
  }
  const profile = sequence && readSequenceSet(sequence)?.profileIdc;
  if (profile !== BASELINE) throw wrong(`its profile is ${profile ?? 'not told'}, not constrained baseline`);
}

/** Peak signal to noise of luma, dB. */
function likenessOf(a: Frame, b: Frame): number {
  let sum = 0;
  for (let row = 0; row < SIZE.height; row += 1) {
    const [from, to] = [a.layout.y + row * a.layout.strideY, b.layout.y + row * b.layout.strideY];
    for (let x = 0; x < SIZE.width; x += 1) sum += ((a.bytes[from + x] ?? 0) - (b.bytes[to + x] ?? 0)) ** 2;
  }
  return 10 * Math.log10((255 ** 2 * SIZE.width * SIZE.height) / (sum + 1e-9));
}

function wrong(message: string): FrameliftError {
  return new FrameliftError('encode.failed', message);
}
