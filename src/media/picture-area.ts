/** The part of a frame that is picture, and copies of it. */
import type { Arena } from './arena.ts';
import type { DeepPicture } from './frame.ts';
import { Frame, type FrameInfo } from './frame.ts';

/** In luma samples: from `left` and `top` to before `right` and `bottom`. What lies outside is bars. */
export interface PictureArea {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A plane of a frame. Bytes in all but `shiftX` and `shiftY`, which say how much coarser than luma it is. */
interface Plane {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly stride: number;
  readonly sample: number;
  readonly shiftX: number;
  readonly shiftY: number;
}

/**
 * The smallest area around `area` whose edges lie between samples of all planes, chroma included;
 * an edge of the frame is always one.
 */
export function alignedArea(area: PictureArea, frame: Frame): PictureArea {
  const form = frame.deep?.layout.form;
  const [x, y] = [1 << Math.max(1, form?.shiftX ?? 1), 1 << Math.max(1, form?.shiftY ?? 1)];
  return {
    left: Math.floor(area.left / x) * x,
    top: Math.floor(area.top / y) * y,
    right: Math.min(frame.width, Math.ceil(area.right / x) * x),
    bottom: Math.min(frame.height, Math.ceil(area.bottom / y) * y),
  };
}

/**
 * A frame of an {@link alignedArea} alone. The caller owns it.
 * @throws FrameliftError `arena.full`.
 */
export function cropped(arena: Arena, frame: Frame, area: PictureArea): Frame {
  const { left, top, right, bottom } = area;
  const out = Frame.allocate(arena, right - left, bottom - top, infoOf(frame), frame.deep?.layout.form);
  const to = planesOf(out);
  for (const [i, from] of planesOf(frame).entries()) {
    const plane = to[i];
    if (plane) copyArea(from, area, plane, { left: 0, top: 0, right: out.width, bottom: out.height });
  }
  return out;
}

/**
 * `picture`, which shows the {@link alignedArea} around `area`, with all else as `around` has it; its times
 * and provenance are those of `picture`. Luma outside of `area` is `around`'s to the sample, and so is chroma that belongs to no part
 * of it. The caller owns it.
 * @throws FrameliftError `arena.full`.
 */
export function framed(arena: Arena, picture: Frame, area: PictureArea, around: Frame): Frame {
  const form = picture.deep && around.deep ? around.deep.layout.form : undefined;
  const out = Frame.allocate(arena, around.width, around.height, infoOf(picture), form);
  const whole = alignedArea(area, around);
  out.bytes.set(around.bytes);
  if (out.deep && around.deep) out.deep.bytes.set(around.deep.bytes);
  const inside = {
    left: area.left - whole.left,
    top: area.top - whole.top,
    right: area.right - whole.left,
    bottom: area.bottom - whole.top,
  };
  const from = planesOf(picture);
  for (const [i, plane] of planesOf(out).entries()) {
    const source = from[i];
    if (source) copyArea(source, inside, plane, area);
  }
  return out;
}

/**
 * Copies an area of one plane to an area of the same size of another; both in luma samples, and as far from a sample of either
 * plane. A sample that is partly within counts.
 */
function copyArea(from: Plane, area: PictureArea, to: Plane, into: PictureArea): void {
  const { shiftX, shiftY, sample } = from;
  const bytes = (((area.right + (1 << shiftX) - 1) >> shiftX) - (area.left >> shiftX)) * sample;
  const rows = ((area.bottom + (1 << shiftY) - 1) >> shiftY) - (area.top >> shiftY);
  let at = from.offset + (area.top >> shiftY) * from.stride + (area.left >> shiftX) * sample;
  let put = to.offset + (into.top >> shiftY) * to.stride + (into.left >> shiftX) * sample;
  for (let row = 0; row < rows; row++) {
    to.bytes.set(from.bytes.subarray(at, at + bytes), put);
    at += from.stride;
    put += to.stride;
  }
}

/** The three planes of I420, then those of the picture's own form. */
function planesOf(frame: Frame): Plane[] {
  const { bytes, layout, deep } = frame;
  const chroma = { bytes, stride: layout.strideC, sample: 1, shiftX: 1, shiftY: 1 };
  return [
    { bytes, offset: layout.y, stride: layout.strideY, sample: 1, shiftX: 0, shiftY: 0 },
    { ...chroma, offset: layout.u },
    { ...chroma, offset: layout.v },
    ...(deep ? deepPlanesOf(deep) : []),
  ];
}

function deepPlanesOf({ bytes, layout }: DeepPicture): Plane[] {
  const { model, shiftX, shiftY } = layout.form;
  return layout.planes.map(({ offset, stride }, i) => {
    const isChroma = model === 'yuv' && (i === 1 || i === 2);
    return { bytes, offset, stride, sample: 2, shiftX: isChroma ? shiftX : 0, shiftY: isChroma ? shiftY : 0 };
  });
}

function infoOf({ pts, arrival, capture, discontinuity, provenance }: Frame): FrameInfo {
  return { pts, arrival, capture, discontinuity, provenance };
}
