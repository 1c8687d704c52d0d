/// <reference lib="dom" />
import { expect, it } from 'vitest';
import { vacancyOf } from '../../../src/web/vacancy.js';

const api = 'https://camera.example/framelift/api/streams';

it('there is always a way on: a token, a stream that there is, or how to add one', () => {
  for (const locked of [true, false]) {
    for (const names of [undefined, [], ['cam'], ['cam', 'door']]) {
      for (const selected of [undefined, 'cam', 'old']) {
        const vacancy = vacancyOf({ locked, names, selected, api });
        const plays = names === undefined || (selected !== undefined && names.includes(selected));
        if (!locked && plays) expect(vacancy).toBeUndefined();
        else if (locked) expect(vacancy).toMatchObject({ kind: 'locked', streams: [], command: '' });
        else if (names?.length) expect(vacancy).toMatchObject({ kind: 'no-such-stream', streams: names, command: '' });
        else expect(vacancy).toMatchObject({ kind: 'no-streams', streams: [] });
      }
    }
  }
});

it('names the stream that is gone, and the very address of this server to add one', () => {
  expect(vacancyOf({ locked: false, names: ['cam'], selected: 'old', api })?.headline).toContain('“old”');
  const none = vacancyOf({ locked: false, names: [], selected: undefined, api });
  expect(none?.command).toContain(api);
  expect(none?.command).toMatch(/^framelift serve \w+=rtsp:/);
});
