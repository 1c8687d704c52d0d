import { describe, expect, it } from 'vitest';
import { formatsOf, parseSdp, redactSdp, splitWord } from '../../../src/media/sdp.ts';

const HEAD = ['v=0', 'o=- 1 1 IN IP4 0.0.0.0', 's=-', 't=0 0'];
const VIDEO = 'm=video 9 UDP/TLS/RTP/SAVPF 96 97';

const parse = (...lines: string[]) => parseSdp([...HEAD, ...lines].join('\r\n'));

describe('parseSdp', () => {
  it('gives each attribute to the section that it stands in, the ones before to the session', () => {
    const { session, sections, problem } = parse(
      'a=ice-lite',
      VIDEO,
      'a=mid:0',
      'a=x',
      'm=audio 0/2 RTP/AVP 0',
      'a=mid:1',
    );
    expect(problem).toBeUndefined();
    expect(session.first('ice-lite')).toBe('');
    expect(sections.map(({ kind, port, protocol, formats }) => [kind, port, protocol, formats])).toEqual([
      ['video', 9, 'UDP/TLS/RTP/SAVPF', ['96', '97']],
      ['audio', 0, 'RTP/AVP', ['0']],
    ]);
    expect(sections.map(({ attributes }) => attributes.first('mid'))).toEqual(['0', '1']);
    expect(sections[1]?.attributes.first('x')).toBeUndefined();
  });

  it('keeps values as written, colons included, in their order', () => {
    const [video] = parse(
      VIDEO,
      'a=fingerprint:sha-256 AB:CD',
      'a=fingerprint:sha-1 EF',
      'a=Control: rtsp://x/y ',
    ).sections;
    expect(video?.attributes.all('fingerprint')).toEqual(['sha-256 AB:CD', 'sha-1 EF']);
    expect(video?.attributes.first('Control')).toBe('rtsp://x/y');
    expect(video?.attributes.first('control')).toBeUndefined();
    expect(video?.attributes.all('none')).toEqual([]);
  });

  it.each(['\r\n', '\n', '\r'])('takes lines that end in %j, and empty ones behind the last', (end) => {
    expect(parseSdp([...HEAD, VIDEO, '', ''].join(end))).toMatchObject({ problem: undefined, sections: [{ port: 9 }] });
  });

  it.each([
    ['', 'the first line is not v=0'],
    ['v=0\r\ns=-', 'o= is missing'],
    ['v=0\r\no=-\r\n\r\ns=-', 'a line is not of the form x=value'],
    ['v=0\r\no=-\r\nm=video x RTP/AVP 0', 'an m= line is malformed'],
    ['v=0\r\no=-\r\nm=video 70000 RTP/AVP 0', 'an m= line is malformed'],
    ['v=0\r\no=-\r\nm=video 9 RTP/AVP', 'an m= line is malformed'],
    ['v=0\r\no=-\r\nm=video 9 RTP/AVP a,b', 'an m= line is malformed'],
  ])('of %j says that %s', (text, problem) => {
    expect(parseSdp(text).problem).toBe(problem);
  });

  it('reads around what is wrong', () => {
    const { problem, sections } = parseSdp(`nonsense\n${VIDEO}\nmore nonsense\na=mid:0`);
    expect(problem).toBe('the first line is not v=0');
    expect(sections[0]?.attributes.first('mid')).toBe('0');
  });

  it('reads 5000 lines of 8192 characters, 32 sections and 128 Ki characters, and says that there is more', () => {
    const within = parse(VIDEO, ...Array(4995).fill('a=x'));
    expect(within.problem).toBeUndefined();
    expect(within.sections[0]?.attributes.all('x')).toHaveLength(4995);
    expect(parse(...Array(4997).fill('a=x')).problem).toContain('5000 lines');
    expect(parse(...Array(32).fill(VIDEO)).problem).toBeUndefined();
    const crowded = parse(...Array(33).fill(VIDEO), 'a=mid:9');
    expect(crowded.problem).toContain('32 media sections');
    expect(crowded.sections.at(-1)?.attributes.first('mid')).toBeUndefined();
    expect(parse(`a=${'x'.repeat(8190)}`).problem).toBeUndefined();
    expect(parse(`a=${'x'.repeat(8191)}`).problem).toContain('8192 characters');
    expect(parse(...Array(20).fill(`a=${'x'.repeat(8000)}`)).problem).toContain('131072 characters');
  });
});

describe('formatsOf', () => {
  it('gives formats in the order of the m= line, each once, with the first of their lines', () => {
    const [video] = parse(
      'm=video 9 RTP/AVP 97 96 97 26',
      'a=rtpmap:96 H264/90000',
      'a=rtpmap:97  rtx/90000/1',
      'a=rtpmap:96 VP8/90000',
      'a=rtpmap:99 VP9/90000',
      'a=fmtp:96 Packetization-Mode = 1; sprop-parameter-sets=Z0LA==,aM=;flag;=x',
      'a=fmtp:96 packetization-mode=2',
    ).sections;
    const formats = video ? formatsOf(video) : [];
    expect(formats.map(({ id, encoding, clockRate }) => [id, encoding, clockRate])).toEqual([
      ['97', 'rtx', 90_000],
      ['96', 'H264', 90_000],
      ['26', undefined, Number.NaN],
    ]);
    expect(formats[1]?.fmtp).toBe('Packetization-Mode = 1; sprop-parameter-sets=Z0LA==,aM=;flag;=x');
    expect([...(formats[1]?.parameters ?? [])]).toEqual([
      ['packetization-mode', '1'],
      ['sprop-parameter-sets', 'Z0LA==,aM='],
    ]);
  });
});

describe('splitWord', () => {
  it.each([
    ['96 H264/90000', ['96', 'H264/90000']],
    ['96\t  nack pli ', ['96', 'nack pli']],
    ['96', ['96', '']],
    ['', ['', '']],
  ])('of %j', (line, expected) => {
    expect(splitWord(line)).toEqual(expected);
  });
});

describe('redactSdp', () => {
  it('hides ICE passwords and SRTP keys, and nothing else', () => {
    const text =
      'v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:secret\r\na=ICE-PWD : secret\r\na=crypto:1 AES secret\r\na=mid:0\r\n';
    const redacted = redactSdp(text);
    expect(redacted).not.toContain('secret');
    expect(redacted.split('\r\n')).toHaveLength(text.split('\r\n').length);
    expect(redacted).toContain('a=ice-ufrag:abcd\r\na=ice-pwd:***\r\n');
    expect(redacted).toContain('a=mid:0\r\n');
  });
});
