/** What is kept and copied where text is known to be: its ink in either parent, and where a model put ink that neither has. */
import { apart, detail, REACH, within } from './marks';
import { A, B, edge, HEIGHT, inner, linesOf, OUT, STRIDE, spread, WIDTH } from './scene';
import { TOLERANCE } from './writing';

/** Levels that a sample made may be above both parents, where text is, and by which faint ink may be below ink. */
const DETACHED: u8 = 32;
const FAINT = 80;
/** Rows of bits that a cell's masks are made of, 16 samples from LEFT before the cell; MARGIN more above and below. */
const MARGIN = 2;
const LEFT = 4;
const LINES_OF_A_KIND = 8 + 2 * MARGIN;

/** Looks at a cell and around it. `level`: that of the ink, 0 where there is none nearby. */
export function readInk(x: i32, y: i32, level: i32): void {
  const lines = linesOf(y);
  for (let i = 0; i < LINES_OF_A_KIND; i++) readLine(lines + 12 * i, 8 * x, 8 * y + i - MARGIN, level);
}

function readLine(line: usize, x: i32, row: i32, level: i32): void {
  let both = 0;
  let either = 0;
  let ghost = 0;
  if (row >= REACH && row < HEIGHT - REACH) {
    const at = <usize>row * STRIDE + x - LEFT;
    const a = v128.load(A + at);
    const b = v128.load(B + at);
    const out = v128.load(OUT + at);
    const bits = inner(x - LEFT, WIDTH);
    if (level !== 0) {
      const ink = i8x16.splat(<i8>level);
      const inA = i8x16.bitmask(within(apart(a, ink), TOLERANCE)) & bits;
      const inB = i8x16.bitmask(within(apart(b, ink), TOLERANCE)) & bits;
      both = inA & inB;
      either = inA ^ inB;
      const beyond = i8x16.ge_u(i8x16.sub_sat_u(out, i8x16.max_u(a, b)), i8x16.splat(<i8>DETACHED));
      const faint = i8x16.ge_u(out, i8x16.splat(<i8>(level - FAINT)));
      const sharp = v128.and(beyond, faint);
      if (v128.any_true(sharp)) ghost = i8x16.bitmask(v128.and(sharp, detail(OUT + at, STRIDE))) & bits;
    }
  }
  store<i32>(line, both);
  store<i32>(line, either, 4);
  store<i32>(line, ghost, 8);
}

/** After {@link readInk}: samples of the cell that are ink in both parents or in the frame made alone, and those beside them. */
export function inkToKeep(x: i32, y: i32): u64 {
  const lines = linesOf(y);
  let mask: u64 = 0;
  for (let i = 0; i < 8 && 8 * y + i < HEIGHT; i++) {
    let near = 0;
    for (let j = -1; j <= 1; j++) {
      const line = lines + 12 * (i + MARGIN + j);
      near |= load<i32>(line) | load<i32>(line, 8);
    }
    mask |= (<u64>((spread(near) >> LEFT) & edge(8 * x))) << (8 * i);
  }
  return mask;
}

/** After {@link readInk}: samples of the cell within two of ink that one parent has alone. */
export function inkToCopy(x: i32, y: i32): u64 {
  const lines = linesOf(y);
  let mask: u64 = 0;
  for (let i = 0; i < 8 && 8 * y + i < HEIGHT; i++) {
    let near = 0;
    for (let j = -MARGIN; j <= MARGIN; j++) near |= load<i32>(lines + 12 * (i + MARGIN + j), 4);
    mask |= (<u64>((spread(spread(near)) >> LEFT) & edge(8 * x))) << (8 * i);
  }
  return mask;
}
