/** The largest messages that a socket takes, made of what costs a parser the most. */
import { MAX_MESSAGE_BYTES } from '../../src/server/websocket.ts';

/** Some is left for what stands around. */
const SIZE = MAX_MESSAGE_BYTES - 200;

/** As many of `part(0)`, `part(1)` … as fit, with commas between them. */
function filled(part: (index: number) => string): string {
  const parts: string[] = [];
  for (let size = 0, index = 0; ; index += 1) {
    const next = part(index);
    size += next.length + 1;
    if (size > SIZE) return parts.join(',');
    parts.push(next);
  }
}

const times = (text: string): string => text.repeat(SIZE / text.length);

/** Messages of 160 KiB by what they repeat. */
export const LARGE_MESSAGES: Readonly<Record<string, string>> = {
  'arrays in arrays': '['.repeat(SIZE / 2) + ']'.repeat(SIZE / 2),
  'objects in objects': `${'{"a":'.repeat(SIZE / 6)}1${'}'.repeat(SIZE / 6)}`,
  'keys of an offer': `{"type":"offer",${filled((i) => `"k${i}":1`)}}`,
  'keys that are numbers': `{${filled((i) => `"${(i * 7919) % 4_294_967_295}":1`)}}`,
  'one key': `{${filled(() => '"type":"offer"')}}`,
  'keys of a prototype': `{"type":"offer","__proto__":{${filled((i) => `"k${i}":1`)}}}`,
  'objects in an array': `[${filled(() => '{}')}]`,
  'a type': `{"type":"${times('x')}"}`,
  'an escaped type': `{"type":"${times('\\u0041')}"}`,
  'a name': `{"type":"offer","id":"${times('x')}","stream":"cam","sdp":"v=0"}`,
  'a number': `{"type":"close","session":${times('9')}}`,
  numbers: `{"type":"offer","id":[${filled(() => `0.${'1'.repeat(700)}`)}]}`,
  'a candidate': `{"type":"candidate","session":"a","candidate":"${times('candidate:')}"}`,
  spaces: `{"type":"offer","id":"1","stream":"${times(' ')}","sdp":"v=0"}`,
  'no JSON': times('{"a'),
};
