import { expect, it } from 'vitest';
import { hostCandidates, servedCandidate } from '../../../../src/webrtc/ice/candidates.ts';

const fieldsOf = (line: string): string[] => line.split(' ');

it('names each address once for UDP and once for TCP, advertised ones first, UDP before TCP', () => {
  const lines = hostCandidates(['10.0.0.5', '127.0.0.1'], ['203.0.113.9', '10.0.0.5', '203.0.113.9'], 8189);
  expect(lines).toEqual([
    'adv0u 1 udp 2130706431 203.0.113.9 8189 typ host',
    'own0u 1 udp 2130706175 10.0.0.5 8189 typ host',
    'own1u 1 udp 2130705919 127.0.0.1 8189 typ host',
    'adv0t 1 tcp 1516240895 203.0.113.9 8189 typ host tcptype passive',
    'own0t 1 tcp 1516240639 10.0.0.5 8189 typ host tcptype passive',
    'own1t 1 tcp 1516240383 127.0.0.1 8189 typ host tcptype passive',
  ]);
});

it('prefers UDP to TCP, and both to a relay', () => {
  const hosts = hostCandidates(
    Array.from({ length: 32 }, (_, i) => `10.0.0.${i}`),
    [],
    8189,
  );
  const relay = servedCandidate('relay', { address: '198.51.100.1', port: 1 }, { address: '0.0.0.0', port: 9 }, 0);
  const reflexive = servedCandidate(
    'srflx',
    { address: '198.51.100.2', port: 2 },
    { address: '10.0.0.5', port: 8189 },
    1,
  );
  const lines = [...hosts.slice(0, 32), reflexive, ...hosts.slice(32), relay];
  const priorities = lines.map((line) => Number(fieldsOf(line)[3]));
  expect(priorities).toEqual([...priorities].sort((a, b) => b - a));
  expect(new Set(priorities).size).toBe(lines.length);
  for (const priority of priorities) expect(priority).toBeLessThan(2 ** 31);
  expect(new Set(lines.map((line) => fieldsOf(line)[0])).size).toBe(lines.length);
  expect(reflexive).toBe('srflx1 1 udp 1694498559 198.51.100.2 2 typ srflx raddr 10.0.0.5 rport 8189');
});
