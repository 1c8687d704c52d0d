import { expect, test } from 'vitest';
import { MediaWatch, type Reception } from '../../../../src/ingest/rtsp/media-watch.ts';
import { SourceLog } from '../../../../src/ingest/source-log.ts';
import { fromMs } from '../../../../src/time.ts';
import { RecordedLog } from '../../../support/recorded-log.ts';

const RECEPTION: Reception = { packets: 100, awaitingKeyframe: true, unreliable: false };

function rig(limitMs = 3000) {
  const log = new RecordedLog('debug');
  const watch = new MediaWatch({ limit: fromMs(limitMs), log: new SourceLog({ stream: 's', log }), now: fromMs(0) });
  /** Access units at 30 a second up to `untilMs`. */
  const units = (untilMs: number, unit: { keyframe: boolean; damaged?: boolean } = { keyframe: false }) => {
    for (let ms = 0; ms <= untilMs; ms += 33) watch.unit(unit, fromMs(ms));
  };
  const check = (ms: number, change: Partial<Reception> = {}) => watch.check(fromMs(ms), { ...RECEPTION, ...change });
  return { log, watch, units, check };
}

test('units without a keyframe: told at half the limit, once, and again as the reason of the stall', () => {
  const { log, units, check } = rig();
  units(1500);
  expect(check(1490)).toBeUndefined();
  expect(check(1500)).toBeUndefined();
  expect(check(1600)).toBeUndefined();
  expect(log.messages('warn')).toEqual([
    '46 access units in 1.5 s and no keyframe: nothing can be decoded without one',
  ]);
  units(3000);
  const error = check(3001);
  expect(error).toMatchObject({ code: 'source.stalled', recoverable: true });
  expect(error?.message).toBe('137 access units in 3 s and no keyframe: nothing can be decoded without one');
  expect(error?.remedy).toContain('keyframe interval');
});

test('with a long limit, after five seconds', () => {
  const { log, units, check } = rig(60_000);
  units(5000);
  expect(check(4900)).toBeUndefined();
  expect(log.messages('warn')).toEqual([]);
  expect(check(5000)).toBeUndefined();
  expect(log.messages('warn')).toHaveLength(1);
});

test('keyframes that are damaged are not the camera’s fault', () => {
  const { units, check } = rig();
  units(1000);
  units(2900, { keyframe: true, damaged: true });
  expect(check(3001, { unreliable: true })).toMatchObject({
    message: expect.stringContaining('no whole keyframe (88 damaged)'),
    remedy: expect.stringContaining('transport to tcp'),
  });
});

test.each([
  ['no packet at all', { packets: 0 }, /^no packet ever arrived/, /Check the camera/],
  ['packets that make no unit', {}, /^no frame arrived/, /Check the camera/],
])('%s', (_, change, message, remedy) => {
  const error = rig().check(3001, change);
  expect(error?.message).toMatch(message);
  expect(error?.remedy).toMatch(remedy);
});

test('units that the decoder takes and makes nothing of', () => {
  const { units, check } = rig();
  units(2900, { keyframe: true });
  expect(check(3001, { awaitingKeyframe: false })?.message).toBe(
    '88 access units arrived in 3 s and none could be decoded',
  );
});

test('frames count anew; the first keyframe and the first frame are told with how long they took', () => {
  const { log, watch, units, check } = rig();
  watch.begin(fromMs(100));
  units(2000);
  watch.unit({ keyframe: true }, fromMs(2100));
  watch.frame(fromMs(2110));
  expect(check(5000)).toBeUndefined();
  expect(log.find('first keyframe')).toMatchObject({ afterMs: 2000, before: 61 });
  expect(log.find('first frame')).toMatchObject({ afterMs: 2010 });
  expect(check(5111)?.message).toBe('no frame arrived for 3 s');
});

test('a process that stood still takes no camera for stalled', () => {
  const { watch, units, check } = rig();
  units(1000);
  watch.stoodStill(fromMs(12_000));
  expect(check(13_100)).toBeUndefined();
  expect(check(16_000)).toMatchObject({ code: 'source.stalled' });
});

test('a server that answers PLAY and sends nothing is asked anew sooner than a stall', () => {
  const { check } = rig(5000);
  expect(check(3000, { packets: 0 })).toBeUndefined();
  expect(check(3001, { packets: 0 })).toMatchObject({
    code: 'source.stalled',
    recoverable: true,
    message: 'no packet ever arrived for 3 s',
  });
  expect(check(3001, { packets: 1 })).toBeUndefined();
});

test('a camera that may be silent for long may be late with its first packet', () => {
  expect(rig(20_000).check(11_999, { packets: 0 })).toBeUndefined();
});

test.each([
  ['nothing over UDP for 3 s', 3001, { packets: 0, unreliable: true }, true],
  ['not yet', 3000, { packets: 0, unreliable: true }, false],
  ['one packet', 60_000, { packets: 1, unreliable: true }, false],
  ['over TCP', 60_000, { packets: 0, unreliable: false }, false],
])('blocked: %s', (_, ms, change, blocked) => {
  expect(rig(20_000).watch.isBlocked(fromMs(ms), { ...RECEPTION, ...change })).toBe(blocked);
});
