import { describe, expect, it } from 'vitest';
import { Access } from '../../../../src/server/auth.ts';
import { denied } from '../../../../src/server/rtsp/credentials.ts';

const access = new Access({
  publish: ['publishpublish'],
  play: ['play:play:play'.replaceAll(':', '-')],
  admin: ['adminadmin'],
});
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
const ask = (authorization?: string): string | undefined =>
  denied(access, new Map(authorization === undefined ? [] : [['authorization', authorization]]));

describe('who may read', () => {
  it.each([
    'Bearer play-play-play',
    basic('anybody:play-play-play'),
    basic(':adminadmin'),
    basic('play-play-play:'),
    basic('play-play-play'),
  ])('%s may', (field) => {
    expect(ask(field)).toBeUndefined();
  });

  it.each([
    undefined,
    '',
    'Bearer publishpublish',
    basic('x:publishpublish'),
    basic('x:play-play-play\n'),
    `${basic('x:play-play-play')}\nBearer x`,
    'Digest username="x"',
    'Basic !!!',
    `Basic ${'A'.repeat(100_000)}`,
  ])('%.40s may not', (field) => {
    expect(ask(field)).toMatch(/token/);
  });

  it('everybody may where no token is configured', () => {
    expect(denied(new Access(), new Map())).toBeUndefined();
  });
});
