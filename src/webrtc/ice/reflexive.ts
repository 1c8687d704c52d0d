/** Our addresses as a STUN server sees them: those of the shared port, behind NAT. */
import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { type CancelTimer, type Clock, fromMs, plus } from '../../time.ts';
import { isLoopback } from './addresses.ts';
import { servedCandidate } from './candidates.ts';
import type { IcePort } from './port.ts';
import { type Endpoint, writeQuestion } from './stun.ts';

/** When a question is asked again, and when an answer is not waited for any longer. */
const RETRY_AFTER = [fromMs(0), fromMs(200), fromMs(500)];
const ANSWER_TIMEOUT = fromMs(1000);

/** Asks a STUN server from each outward socket. Resolves with the candidates, at most a second later. */
export async function reflexiveCandidates(port: IcePort, server: Endpoint, clock: Clock): Promise<string[]> {
  const found = await lookup(server.address, { all: true }).catch(() => []);
  const asked = port.sockets
    .filter(({ local }) => !isLoopback(local.address))
    .map(async (socket, index) => {
      const family = socket.local.address.includes(':') ? 6 : 4;
      const target = found.find((entry) => entry.family === family);
      if (!target) return undefined;
      const given = await ask(port, { address: target.address, port: server.port }, clock, (question, to) =>
        socket.sendTo(question, to),
      );
      if (!given || given.address === socket.local.address) return undefined;
      return servedCandidate('srflx', given, socket.local, index);
    });
  return (await Promise.all(asked)).filter((line) => line !== undefined);
}

async function ask(
  { router }: IcePort,
  server: Endpoint,
  clock: Clock,
  send: (question: Buffer, to: Endpoint) => void,
): Promise<Endpoint | undefined> {
  const answered = Promise.withResolvers<Endpoint | undefined>();
  const transaction = randomBytes(12).toString('hex');
  router.expect(transaction, (answer, from) => {
    if (from.address === server.address && from.port === server.port) answered.resolve(answer.mapped);
  });
  const now = clock.now();
  const timers: CancelTimer[] = RETRY_AFTER.map((pause) =>
    clock.at(plus(now, pause), () => send(writeQuestion(transaction), server)),
  );
  timers.push(clock.at(plus(now, ANSWER_TIMEOUT), () => answered.resolve(undefined)));
  const given = await answered.promise;
  for (const cancel of timers) cancel();
  router.awaiting(transaction);
  return given;
}
