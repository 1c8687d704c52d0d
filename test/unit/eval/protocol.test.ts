import { describe, expect, it } from 'vitest';
import { checkBaseline, placeInGap } from '../../../src/eval/contender.ts';
import {
  checkFactor,
  checkWhole,
  countedGaps,
  evalSize,
  naturally,
  sequenceOf,
  timestepsOf,
  truthNames,
} from '../../../src/eval/protocol.ts';
import { fillFromRgba, luma601 } from '../../../src/eval/rgb.ts';
import { planeLayout } from '../../../src/media/frame.ts';

describe('the size at which a clip is measured', () => {
  it.each([
    [1280, 720, 480, 848, 480],
    [854, 480, 480, 848, 480],
    [800, 332, 480, 800, 320],
    [720, 1280, 480, 272, 480],
    [1280, 720, 720, 1280, 720],
  ])('%d×%d at %d lines at most: %d×%d', (width, height, lines, w, h) => {
    expect(evalSize(width, height, lines)).toEqual({ width: w, height: h });
  });
});

describe('which frames are removed and count', () => {
  it('stand at even times between two kept ones', () => {
    expect(timestepsOf(2)).toEqual([0.5]);
    expect(timestepsOf(4)).toEqual([0.25, 0.5, 0.75]);
    expect(timestepsOf(8)).toHaveLength(7);
  });

  it('leaves the first and the last gap out where there are more than six', () => {
    expect(countedGaps([0, 1, 2, 3, 4, 5])).toEqual([0, 1, 2, 3, 4, 5]);
    expect(countedGaps([0, 1, 2, 3, 4, 5, 6])).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('what minterpolate gives', () => {
  it('belongs to the gap after the kept frame before it, the first kept frame being put in twice', () => {
    // At factor 4 kept frame 0 is the input at time 1: output 4.
    expect(placeInGap(0, 4)).toEqual({ gap: -1, step: 0 });
    expect(placeInGap(3, 4)).toEqual({ gap: -1, step: 3 });
    expect(placeInGap(4, 4)).toEqual({ gap: 0, step: 0 });
    expect(placeInGap(7, 4)).toEqual({ gap: 0, step: 3 });
    expect(placeInGap(9, 4)).toEqual({ gap: 1, step: 1 });
  });
});

describe('names', () => {
  it('sort as people count', () => {
    expect(naturally(['im10.png', 'im2.png', 'im1.png'])).toEqual(['im1.png', 'im2.png', 'im10.png']);
  });

  it('of the truth: clean for noisy, else the same', () => {
    expect(truthNames('/a/07-noisy.mkv')).toEqual(['07-clean.mkv', '07-noisy.mkv']);
    expect(truthNames('walk.mp4')).toEqual(['walk.mp4']);
  });

  it('of a triplet, of nine frames, of frames with something beside them', () => {
    expect(sequenceOf(['im3.png', 'im1.png', 'im2.png', 'notes.txt'])).toEqual(['im1.png', 'im2.png', 'im3.png']);
    expect(sequenceOf(['frame11.png', 'frame10i11.png', 'frame10.png'])?.[1]).toBe('frame10i11.png');
    const nine = Array.from({ length: 9 }, (_, i) => `f${i + 4}.PNG`);
    expect(sequenceOf(nine.toReversed())).toEqual(nine);
    expect(sequenceOf(['im1.png', 'im2.png', 'im3.png', 'result.png'])).toEqual(['im1.png', 'im2.png', 'im3.png']);
    expect(sequenceOf(['im1.png', 'im2.png', 'im3.png', 'im4.png'])).toBeUndefined();
    expect(sequenceOf(['im1.png'])).toBeUndefined();
    expect(sequenceOf([])).toBeUndefined();
  });
});

describe('options that cannot be', () => {
  it('are refused with the value and what would be right', () => {
    expect(checkFactor(8)).toBe(8);
    expect(() => checkFactor(3)).toThrow(/factor 3 cannot be measured/);
    expect(() => checkWhole('frames', 2.5, 3, 100)).toThrow(/--frames 2\.5 is not a whole number from 3 to 100/);
    expect(() => checkBaseline('flow')).toThrow(/no baseline "flow"; there are .*minterpolate/);
  });
});

describe('RGB pictures', () => {
  it('become BT.601 luma over the full range; grey stays as it is', () => {
    expect(luma601(255, 0, 0)).toBe(76);
    expect(luma601(0, 255, 0)).toBe(150);
    expect(luma601(0, 0, 255)).toBe(29);
    for (const grey of [0, 1, 128, 255]) expect(luma601(grey, grey, grey)).toBe(grey);
  });

  it('fill planes of an odd size', () => {
    const layout = planeLayout(3, 3);
    const planes = new Uint8Array(layout.bytes);
    const rgba = new Uint8Array(4 * 9);
    for (let i = 0; i < rgba.length; i += 4) rgba.set([255, 0, 0, 255], i);
    fillFromRgba(planes, layout, rgba);
    expect([planes[2], planes[2 * layout.strideY + 2]]).toEqual([76, 76]);
    const corner = layout.strideC + 1;
    expect([planes[layout.u + corner], planes[layout.v + corner]]).toEqual([85, 255]);
  });
});
