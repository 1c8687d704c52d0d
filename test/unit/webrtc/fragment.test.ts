import { describe, expect, it } from 'vitest';
import { readFragment } from '../../../src/webrtc/fragment.ts';

describe('readFragment', () => {
  it.each(['', 'nonsense', 'a=x\r\n\u0000', `a=${'x'.repeat(2000)}`, 'a=x\n'.repeat(501)])('refuses %j', (body) => {
    expect(() => readFragment(body)).toThrow(expect.objectContaining({ code: 'webrtc.bad-offer' }));
  });

  it('reads user name and usable candidates, whatever section they stand in', () => {
    const candidate = '1 1 udp 1 10.0.0.1 5 typ host';
    const lines = [
      'a=ice-ufrag:abcd',
      'm=video 9 RTP/AVP 0',
      `a=candidate:${candidate}`,
      'a=candidate:2 1 tcp 1 10.0.0.1 9',
    ];
    expect(readFragment(lines.join('\r\n'))).toEqual({ ufrag: 'abcd', candidates: [candidate] });
  });

  it('takes one without candidates, and bare line feeds', () => {
    expect(readFragment('a=mid:0\na=end-of-candidates\n')).toEqual({ ufrag: undefined, candidates: [] });
  });
});
