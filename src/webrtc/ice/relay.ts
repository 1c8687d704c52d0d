/** An address at a TURN server, for one session. werift is the TURN client; with transport.ts its only adapter here. */
import { createTurnClient, type TurnProtocol } from 'werift';
import { servedCandidate } from './candidates.ts';
import type { Router } from './path.ts';
import { PathTable } from './path-table.ts';
import type { Endpoint } from './stun.ts';

/** A TURN server and what it takes. */
export interface TurnServer {
  readonly server: Endpoint;
  readonly transport: 'udp' | 'tcp' | 'tls';
  readonly username: string;
  readonly credential: string;
}

/** How long a connection to a TURN server by TCP or TLS may take to come about. */
const CONNECT_TIMEOUT_MS = 2000;

/** An address that was given. */
export class Relay {
  readonly table: PathTable;
  /** Value of an `a=candidate:` line. */
  readonly candidate: string;
  readonly #turn: TurnProtocol;

  private constructor(turn: TurnProtocol, router: Router) {
    this.#turn = turn;
    const [address, port] = turn.relayedAddress;
    const [mapped, mappedPort] = turn.mappedAddress ?? ['0.0.0.0', 9];
    this.candidate = servedCandidate('relay', { address, port }, { address: mapped, port: mappedPort }, 0);
    this.table = new PathTable(
      {
        protocol: 'relay',
        local: { address, port },
        // Without a permission or a channel nothing is sent: as good as lost.
        send: (datagram, remote) => void turn.sendData(datagram, [remote.address, remote.port]).catch(() => {}),
      },
      router,
    );
    turn.onData.subscribe((datagram, [from, fromPort]) =>
      this.table.receive(datagram, { address: from, port: fromPort }),
    );
  }

  /** Asks for an address. @throws what werift throws, when the server gives none. */
  static async open({ server, transport, username, credential }: TurnServer, router: Router): Promise<Relay> {
    const turn = await createTurnClient(
      { address: [server.address, server.port], username, password: credential },
      { transport, connectTimeoutMs: CONNECT_TIMEOUT_MS },
    );
    return new Relay(turn, router);
  }

  /** Gives the address back. */
  async close(): Promise<void> {
    this.table.close();
    await this.#turn.close();
  }
}
