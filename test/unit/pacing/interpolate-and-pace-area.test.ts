import { expect, it } from 'vitest';
import type { PictureArea } from '../../../src/media/picture-area.ts';
import { LevelPairing, OutputRig } from '../../support/pacing-rig.ts';

const AREA: PictureArea = { left: 0, top: 2, right: 16, bottom: 12 };

/** Sees bars from the third frame on. */
class BarredPairing extends LevelPairing {
  frames = 0;

  override next(...args: Parameters<LevelPairing['next']>) {
    this.frames += 1;
    return super.next(...args);
  }

  override get area(): PictureArea | undefined {
    return this.frames > 2 ? AREA : undefined;
  }
}

it('tells the model what is picture in a pair', async () => {
  const rig = new OutputRig({ target: { kind: 'factor', factor: 2 }, pairing: new BarredPairing() });
  const areas: (PictureArea | undefined)[] = [];
  rig.engine.answer = (_, { area }) => {
    areas.push(area);
    return { ms: 5, confidence: 1 };
  };
  rig.schedule(25, 4);
  await rig.run(400);
  await rig.stop();
  expect(areas).toEqual([undefined, AREA, AREA]);
});
