/** TCP connections that are open, and who gives one up when all are taken. */
import type { Server, Socket } from 'node:net';
import { clientOf, overShare } from '../../fair-share.ts';
import type { Log } from '../../log.ts';

/**
 * Bounds the connections of a server. Capacity: `max`; policy: when all are taken, a client that
 * holds more than its share loses its newest one to a newcomer, and a newcomer whose own share is
 * taken is cut off. What is cut off is told in the log.
 */
export function shareConnections(server: Server, max: number, log: Log): void {
  /** With their clients, oldest first. */
  const open = new Map<Socket, string>();
  /** How many each client has. */
  const counts = new Map<string, number>();
  const forget = (socket: Socket): void => {
    const client = open.get(socket);
    if (client === undefined) return;
    open.delete(socket);
    const left = (counts.get(client) ?? 1) - 1;
    if (left === 0) counts.delete(client);
    else counts.set(client, left);
  };
  const makeRoom = (newcomer: string): boolean => {
    if (open.size < max) return true;
    // Nobody can have more than who has half of them: a flood is not counted anew each time.
    if ((counts.get(newcomer) ?? 0) * 2 >= max) return false;
    const holder = overShare(open.values(), newcomer);
    const [newest] = [...open].findLast(([, client]) => client === holder) ?? [];
    if (!newest) return false;
    log.warn({ maxConnections: max, from: holder }, 'a connection gave way to another client');
    forget(newest);
    newest.destroy();
    return true;
  };
  server.prependListener('connection', (socket: Socket) => {
    const client = clientOf(socket.remoteAddress);
    if (!makeRoom(client)) {
      log.warn({ maxConnections: max, from: client }, 'refused: too many connections');
      socket.destroy();
      return;
    }
    open.set(socket, client);
    counts.set(client, (counts.get(client) ?? 0) + 1);
    socket.once('close', () => forget(socket));
  });
}
