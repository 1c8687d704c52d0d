import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../../src/time.ts';
import { IceAgent } from '../../../../src/webrtc/ice/agent.ts';
import { type Path, SessionRouter } from '../../../../src/webrtc/ice/path.ts';
import { hasIntegrity, readStun, type StunMessage, writeAnswer, writeCheck } from '../../../../src/webrtc/ice/stun.ts';

const OURS = { ufrag: 'ours', pwd: 'o'.repeat(24) };
const THEIRS = { ufrag: 'they', pwd: 't'.repeat(24) };

/** An agent whose offer was answered, and a way to its peer. */
function rig() {
  const router = new SessionRouter(() => {});
  const told: string[] = [];
  const agent = new IceAgent(
    THEIRS,
    router,
    new ManualClock(),
    {
      connected: () => told.push('connected'),
      heard: () => {},
      selected: ({ remote }) => told.push(`selected ${remote.port}`),
      data: (datagram) => told.push(`data ${datagram.length}`),
    },
    OURS,
  );
  const way = (port: number) => {
    const sent: StunMessage[] = [];
    const path: Path = {
      ...{ protocol: 'udp', claimed: true, claim: () => {}, seize: () => {}, close: () => {} },
      ...{ local: { address: '192.0.2.1', port: 1 }, remote: { address: '192.0.2.2', port } },
      send: (datagram) => {
        const message = readStun(datagram);
        if (message) sent.push(message);
      },
    };
    /** The peer answers our last check. */
    const answer = (password = THEIRS.pwd): void => {
      const check = sent.at(-1);
      const message = check && readStun(writeAnswer(check.transaction, path.local, password));
      if (check && message) router.awaiting(check.transaction)?.(message, path.remote);
    };
    return { path, sent, answer };
  };
  return { agent, told, way };
}

describe('the controlling side', () => {
  it('nominates the first way that answers, and uses it when that is answered', () => {
    const { agent, told, way } = rig();
    const [first, second] = [way(10), way(20)];
    agent.check(first.path);
    agent.check(second.path);
    expect(second.sent[0]).toMatchObject({ controlled: false, useCandidate: false, username: 'they:ours' });
    second.answer();
    expect(second.sent.map(({ useCandidate }) => useCandidate)).toEqual([false, true]);
    first.answer();
    expect(first.sent).toHaveLength(1);
    expect(told).toEqual([]);
    second.answer();
    expect(told).toEqual(['selected 20', 'connected']);
    agent.received(second.path, Buffer.alloc(30));
    agent.received(first.path, Buffer.alloc(40));
    expect(told.at(-1)).toBe('data 30');
  });

  it('says it again while it is not answered, and does not take an answer without the password', () => {
    const { agent, told, way } = rig();
    const { path, sent, answer } = way(10);
    agent.keepAlive();
    agent.check(path);
    answer('x'.repeat(24));
    expect(sent).toHaveLength(1);
    agent.check(path);
    answer();
    agent.keepAlive();
    agent.keepAlive();
    expect(sent.slice(2).map(({ useCandidate }) => useCandidate)).toEqual([true, true, true]);
    answer();
    expect(told).toEqual(['selected 10', 'connected']);
    agent.close();
    agent.keepAlive();
    expect(sent).toHaveLength(5);
  });

  it('answers checks of the controlled side, asks back, and refuses one that would control', () => {
    const { agent, told, way } = rig();
    const { path, sent } = way(10);
    const check = (role: 'controlled' | 'nominate'): StunMessage | undefined =>
      readStun(
        writeCheck({
          ...{ transaction: 'ab'.repeat(12), username: 'ours:they', password: OURS.pwd, priority: 1, role },
          tieBreaker: Buffer.alloc(8),
        }),
      );
    const [theirs, conflict] = [check('controlled'), check('nominate')];
    if (!theirs || !conflict) throw new Error('malformed');
    expect(agent.accepts(theirs)).toBe(true);
    agent.checked(path, theirs);
    expect(sent.map(({ kind }) => kind)).toEqual(['success', 'request']);
    expect(sent[0] && hasIntegrity(sent[0], OURS.pwd)).toBe(true);
    agent.checked(path, conflict);
    expect(sent.at(-1)?.kind).toBe('error');
    expect(told).toEqual([]);
  });
});
