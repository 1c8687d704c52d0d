import { describe, expect, it } from 'vitest';
import { chooseTransport, describeTransport } from '../../../../src/server/rtsp/transport.ts';

const tcp = (...channels: [number, number]) => ({ lower: 'tcp', channels });
const udp = (...ports: [number, number]) => ({ lower: 'udp', ports });

describe('the transport of a SETUP', () => {
  it.each([
    ['RTP/AVP/TCP;unicast;interleaved=0-1', tcp(0, 1)],
    ['RTP/AVP/TCP;interleaved=4', tcp(4, 5)],
    ['RTP/AVP/TCP', tcp(2, 3)],
    ['RTP/AVP;unicast;client_port=5000-5001', udp(5000, 5001)],
    ['RTP/AVP/UDP;unicast;client_port=5000', udp(5000, 5001)],
    ['RTP/AVP;multicast,RTP/AVP;unicast;client_port=5000-5001;mode="PLAY"', udp(5000, 5001)],
    // Somebody else is not sent anything.
    ['RTP/AVP;unicast;destination=192.0.2.1;client_port=5000-5001', udp(5000, 5001)],
    ['RTP/SAVP;unicast;client_port=5000-5001', undefined],
    ['RTP/AVP;unicast', undefined],
    ['RTP/AVP;unicast;client_port=53-54', undefined],
    ['RTP/AVP;unicast;client_port=65535', undefined],
    ['RTP/AVP;unicast;client_port=5000-5000', undefined],
    ['RTP/AVP/TCP;interleaved=255', undefined],
    ['RTP/AVP/TCP;interleaved=x', undefined],
    ['RTP/AVP/TCP;interleaved=0-1;mode=record', undefined],
    ['', undefined],
    [';'.repeat(100_000), undefined],
    [','.repeat(100_000), undefined],
  ])('%.60s', (field, chosen) => {
    expect(chooseTransport(field, 2)).toEqual(chosen);
  });

  it('is confirmed', () => {
    expect(describeTransport({ lower: 'udp', ports: [5000, 5001] }, 0xab, [6000, 6001])).toBe(
      'RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;ssrc=000000AB;mode="PLAY"',
    );
  });
});
