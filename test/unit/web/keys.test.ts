/// <reference lib="dom" />
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { actionOf } from '../../../src/web/keys.js';

const press = (key: string, more: object = {}) => ({
  ...{ key, ctrlKey: false, metaKey: false, altKey: false, repeat: false },
  ...more,
});
const KEYS = ['f', 'F', ' ', 'm', 'p', 'v', 'ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', '?'];

describe('keys', () => {
  it('do what the list on the page says', () => {
    expect(KEYS.map((key) => actionOf(press(key), 'none'))).toEqual([
      ...['full-screen', 'full-screen', 'pause', 'sound', 'picture-in-picture', 'view'],
      ...['left', 'right', 'up', 'down', 'help'],
    ]);
    const page = readFileSync(new URL('../../../src/web/index.html', import.meta.url), 'utf8');
    const listed = [...page.matchAll(/<kbd>(.+?)<\/kbd>/g)].map(([, key]) => key);
    expect(listed).toEqual(['f', 'Space', 'm', 'p', 'v', '←', '→', '↑', '↓', '?']);
  });

  it("never take a key from who is typing, nor the browser's own combinations", () => {
    for (const key of KEYS) {
      expect(actionOf(press(key), 'text'), key).toBeUndefined();
      for (const modifier of ['ctrlKey', 'metaKey', 'altKey']) {
        expect(actionOf(press(key, { [modifier]: true }), 'none'), `${modifier} ${key}`).toBeUndefined();
      }
    }
    for (const key of ['Tab', 'Enter', 'Escape', 'a', 'Home']) expect(actionOf(press(key), 'none')).toBeUndefined();
  });

  it.each([
    ['switch', [' ']],
    ['slider', ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown']],
    ['radio', [' ', 'ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown']],
    ['row', ['ArrowUp', 'ArrowDown']],
    ['none', []],
  ] as const)('leave a %s what moves it', (focus, own) => {
    expect(KEYS.filter((key) => actionOf(press(key), focus) === undefined)).toEqual([...own]);
  });

  it('switch once while they are held down, and move on and on', () => {
    const held = KEYS.filter((key) => actionOf(press(key, { repeat: true }), 'none'));
    expect(held).toEqual(['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown']);
  });
});
