import { describe, expect, it } from 'vitest';
import { Inspection, inspectionText } from '../../../../src/commands/inspect/inspection.ts';
import { MARK_UUID } from '../../../../src/egress/marks/mark.ts';

const SLICE = Buffer.of(0x41, 1, 2);

function sei(record: object | string): Buffer {
  const payload = Buffer.concat([MARK_UUID, Buffer.from(typeof record === 'string' ? record : JSON.stringify(record))]);
  return Buffer.concat([Buffer.of(6, 5, payload.length), payload, Buffer.of(0x80)]);
}

const source = (pts: number) => sei({ pts, kind: 'source' });
const made = (pts: number) => sei({ pts, kind: 'interpolated', t: 0.5, model: 'flow-s', confidence: 0.9 });

/** A file whose source frames come each 40 ms, with one made between each two; `change` puts others in their place. */
function inspect(count: number, change: (marks: Buffer[][]) => void = () => {}, start = 0) {
  const marks = Array.from({ length: count }, (_, i) => [i % 2 ? made(i * 0.02) : source(i * 0.02)]);
  change(marks);
  const inspection = new Inspection('h264');
  const pictures = marks.map((nals, i) =>
    inspection.take({ nals: [...nals, SLICE], at: start + i * 0.02, keyframe: i === 0 }),
  );
  return { ...inspection.result, numbers: pictures.filter(({ faults }) => faults).map(({ number }) => number) };
}

describe('an inspection', () => {
  it('counts what was made, by what, and finds nothing wrong', () => {
    expect(inspect(9, undefined, 1000)).toEqual({
      ...{ pictures: 9, kinds: { source: 5, interpolated: 4, extrapolated: 0, repeated: 0 }, unmarked: 0 },
      ...{ models: { 'flow-s': 4 }, confidence: expect.closeTo(0.9, 6), sound: true, numbers: [] },
      faults: { malformed: 0, twice: 0, order: 0, time: 0 },
    });
  });

  it.each<[string, (marks: Buffer[][]) => void, object, number[]]>([
    ['a mark that was cut out', (marks) => marks.splice(4, 1, []), { unmarked: 1 }, []],
    ['one that cannot be read', (marks) => marks.splice(4, 1, [sei('{"pts":')]), { faults: { malformed: 1 } }, [4]],
    ['a second one', (marks) => marks[3]?.push(source(0.06)), { faults: { twice: 1 } }, [3]],
    ['a source frame that comes again', (marks) => marks.splice(4, 1, [source(0.04)]), { faults: { order: 1 } }, [4]],
    ['one of before', (marks) => marks.splice(6, 1, [source(0.04)]), { faults: { order: 1 } }, [6]],
    ['a time of elsewhere', (marks) => marks.splice(5, 1, [made(7)]), { faults: { time: 1 } }, []],
  ])('finds %s', (_what, change, found, numbers) => {
    const result = inspect(20, change);
    expect(result).toMatchObject(found);
    expect(result.numbers).toEqual(numbers);
    expect(result.sound).toBe(false);
  });

  it('takes a source that was started again, or stood still, for what it is', () => {
    const restarted = inspect(20, (marks) => {
      for (let i = 10; i < 20; i += 1) marks[i] = [i % 2 ? made(i * 0.02 + 500) : source(i * 0.02 + 500)];
    });
    expect(restarted.sound).toBe(true);
    const still = sei({ pts: 0.08, kind: 'repeated', t: 0, reason: 'silence' });
    expect(inspect(20, (marks) => marks.fill([still], 5, 9)).sound).toBe(true);
  });

  it('counts models of any name, and as many as anybody has', () => {
    const named = (model: string, i: number) => [sei({ pts: i * 0.02, kind: 'interpolated', t: 0.5, model })];
    const odd = inspect(2, (marks) => marks.splice(0, 2, named('__proto__', 0), named('constructor', 1)));
    expect(Object.entries(odd.models)).toEqual([
      ['__proto__', 1],
      ['constructor', 1],
    ]);
    const many = inspect(300, (marks) => {
      for (const i of marks.keys()) marks[i] = named(`net-${i}`, i);
    });
    expect([Object.keys(many.models).length, many.models.others]).toEqual([101, 200]);
  });

  it('of a file without marks says that nothing is known', () => {
    const result = inspect(5, (marks) => marks.fill([]));
    expect(result).toMatchObject({ pictures: 5, unmarked: 5, sound: false });
    expect(inspectionText('a.mp4', result)).toBe(
      'a.mp4: 5 pictures\n  unmarked      5 (100.0 %): nothing says where they come from',
    );
    expect(new Inspection('h264').result.sound).toBe(false);
  });
});
