/** What pairing makes of the set of cut events. */
import type { Arena } from '../../src/media/arena.ts';
import { Frame, planeLayout, SOURCE } from '../../src/media/frame.ts';
import { Pairing } from '../../src/pairing/pairing.ts';
import { micros } from '../../src/time.ts';
import type { CutEvent } from './cut-events.ts';
import type { Picture } from './cut-pictures.ts';

/** What a {@link Pairing} says of a sequence: the decision for each picture but the first. */
function decisionsOf(pictures: readonly Picture[], arena: Arena): (string | undefined)[] {
  const pairing = new Pairing();
  return pictures.map(({ width, height, luma, u, v }, i) => {
    const at = micros(i * 40_000);
    const info = { pts: at, arrival: at, capture: at, discontinuity: false, provenance: SOURCE };
    const frame = Frame.allocate(arena, width, height, info);
    const { strideY, strideC, ...layout } = planeLayout(width, height);
    const put = (from: Uint8Array, to: number, stride: number, w: number): void => {
      for (let at = 0, row = to; at < from.length; at += w, row += stride)
        frame.bytes.set(from.subarray(at, at + w), row);
    };
    put(luma, layout.y, strideY, width);
    put(u, layout.u, strideC, width / 2);
    put(v, layout.v, strideC, width / 2);
    const decision = pairing.next(frame);
    frame.release();
    return decision;
  });
}

/** Counts over a set. */
export interface CutScore {
  readonly kind: string;
  readonly events: number;
  /** Cuts there are, and those of them that were found. */
  readonly cuts: number;
  readonly found: number;
  /** Cuts that are none. */
  readonly wrong: number;
  /** Pairs that are neither interpolated nor cuts. */
  readonly held: number;
}

/** Judges events one by one, and adds them up by kind; the last line is of all. */
export function scoreOf(events: Iterable<CutEvent>, arena: Arena): CutScore[] {
  const scores = new Map<
    string,
    { kind: string; events: number; cuts: number; found: number; wrong: number; held: number }
  >();
  const of = (kind: string) => {
    const score = scores.get(kind) ?? { kind, events: 0, cuts: 0, found: 0, wrong: 0, held: 0 };
    scores.set(kind, score);
    return score;
  };
  const all = of('all');
  scores.delete('all');
  for (const { kind, pictures, cuts } of events) {
    const decisions = decisionsOf(pictures, arena);
    const told = decisions.flatMap((decision, i) => (decision === 'cut' ? [i] : []));
    const found = told.filter((i) => cuts.includes(i)).length;
    for (const score of [of(kind), all]) {
      score.events += 1;
      score.cuts += cuts.length;
      score.found += found;
      score.wrong += told.length - found;
      score.held += decisions.filter(
        (d) => d !== undefined && d !== 'interpolate' && d !== 'cut' && d !== 'duplicate',
      ).length;
    }
  }
  return [...scores.values(), all];
}
