/** Our candidates for one session: those of the shared port, and what STUN and TURN servers give. */
import { parseIceServers } from 'werift';
import type { Clock } from '../../time.ts';
import type { IceServer, IceServers } from '../ice-servers.ts';
import type { CheckList } from './checks.ts';
import type { IcePort } from './port.ts';
import { reflexiveCandidates } from './reflexive.ts';
import { Relay } from './relay.ts';
import type { Endpoint } from './stun.ts';

/** Collaborators of {@link gather}. */
export interface GatheringDeps {
  readonly port: IcePort;
  readonly clock: Clock;
  /** Told of sockets that checks may be sent from. */
  readonly checks: CheckList;
  /** Takes each candidate as it is found. */
  readonly found: (candidate: string) => void;
}

/** What servers give to one session. */
export interface ServedGathering {
  /** Settles when there are no more candidates. Never rejects. */
  readonly done: Promise<void>;
  /** Gives all back, now or as soon as it comes. */
  close(): void;
}

/** Asks STUN and TURN servers for candidates. @param report told of all that were found. */
export function gather(
  servers: readonly IceServer[],
  report: IceServers['got'],
  { port, clock, checks, found }: GatheringDeps,
): ServedGathering {
  const { stunServer, turnServer, turnTransport = 'udp', turnUsername, turnPassword } = parseIceServers([...servers]);
  const given: string[] = [];
  let relay: Relay | undefined;
  let closed = false;
  const take = (candidate: string): void => {
    given.push(candidate);
    if (!closed) found(candidate);
  };
  for (const { table } of port.sockets) checks.addSocket(table);
  const reflexive = async (): Promise<void> => {
    if (!stunServer) return;
    for (const candidate of await reflexiveCandidates(port, endpoint(stunServer), clock)) take(candidate);
  };
  const relayed = async (): Promise<void> => {
    if (!turnServer || turnUsername === undefined || turnPassword === undefined) return;
    const server = {
      server: endpoint(turnServer),
      transport: turnTransport,
      username: turnUsername,
      credential: turnPassword,
    };
    relay = await Relay.open(server, port.router);
    if (closed) return;
    checks.addSocket(relay.table);
    take(relay.candidate);
  };
  const run = async (): Promise<void> => {
    // A server that gives nothing is complained of by the report; the rest is as good without it.
    await Promise.allSettled([reflexive(), relayed()]);
    if (!closed) report(given);
  };
  const done = run();
  return {
    done,
    close: () => {
      closed = true;
      void done.then(() => relay?.close()).catch(() => {});
    },
  };
}

function endpoint([address, port]: readonly [string, number]): Endpoint {
  return { address, port };
}
