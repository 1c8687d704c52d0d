/**
 * The network port of WebRTC: one number, for UDP and TCP, at every address that is needed, shared by
 * all sessions (as MediaMTX and pion's muxes have it).
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { FrameliftError, messageOf } from '../../errors.ts';
import { type Log, SILENT_LOG } from '../../log.ts';
import type { EventSink } from '../../metrics/events.ts';
import { Mutex } from '../../mutex.ts';
import { type CancelTimer, type Clock, fromMs, plus } from '../../time.ts';
import { type InterfaceAddress, isLoopback, neededAddresses } from './addresses.ts';
import { hostCandidates } from './candidates.ts';
import { type NetworkDrop, SessionRouter } from './path.ts';
import { TcpListener } from './tcp-listener.ts';
import { UdpListener } from './udp-listener.ts';

/** Where the port is and what it tells. */
export interface IcePortOptions {
  /** What HTTP listens at: an address, a wildcard or a name. Default: the loopback. */
  readonly host?: string;
  /** The number. Default: any that is free. */
  readonly port?: number | undefined;
  /** The number is the first free one of these, inclusive; not together with `port`. */
  readonly portRange?: readonly [number, number] | undefined;
  /** Addresses or names to announce beside our own. */
  readonly advertisedHosts?: readonly string[];
  readonly clock: Clock;
  readonly log?: Log;
  readonly events?: EventSink;
  /** The machine's addresses. Default: the system's. */
  readonly interfaces?: () => readonly InterfaceAddress[];
}

interface Listeners {
  readonly udp: UdpListener;
  readonly tcp: TcpListener;
}

/** A port that the system gives must be free for UDP and TCP at every address: soon one is. */
const MAX_TRIES = 32;
/** A session waits no longer for the addresses of a name. */
const LOOKUP_TIMEOUT = fromMs(1000);
/** Counts of what was dropped are told so often: a flood is no flood of events. */
const TELL_INTERVAL = fromMs(1000);

/** Opens sockets, keeps them for all sessions, and opens those of addresses that come later. */
export class IcePort implements AsyncDisposable {
  readonly router = new SessionRouter((reason) => this.#drop(reason));
  readonly #options: IcePortOptions;
  readonly #log: Log;
  readonly #mutex = new Mutex();
  readonly #listeners = new Map<string, Listeners>();
  readonly #drops = new Map<NetworkDrop, number>();
  /** Addresses of names, as found last. */
  readonly #resolved = new Map<string, readonly string[]>();
  #cancelTell: CancelTimer | undefined;
  #refreshing: Promise<void> | undefined;
  #number = 0;
  #advertised: readonly string[] = [];
  #closed = false;

  private constructor(options: IcePortOptions) {
    this.#options = options;
    this.#log = options.log ?? SILENT_LOG;
  }

  /**
   * Opens the port.
   * @throws FrameliftError `webrtc.no-port` when it is taken, or cannot be opened at any address.
   */
  static async open(options: IcePortOptions): Promise<IcePort> {
    const port = new IcePort(options);
    const needed = await port.#needed();
    for (const number of numbersOf(options)) {
      const taken = await port.#start(number, needed);
      if (!taken) return port;
    }
    throw noPort(options, needed);
  }

  /** Its number, the same for UDP and TCP. */
  get number(): number {
    return this.#number;
  }

  /** The sockets for UDP that are open, outward ones first. */
  get sockets(): readonly UdpListener[] {
    return [...this.#listeners.values()].map(({ udp }) => udp);
  }

  /** Connections over TCP, with and without a session. */
  get connections(): number {
    return [...this.#listeners.values()].reduce((sum, { tcp }) => sum + tcp.connections, 0);
  }

  /**
   * Our host candidates, once sockets are open at all addresses that are needed now.
   * @throws FrameliftError `webrtc.no-port` when none is open: it is in the log and counted.
   */
  async candidates(): Promise<string[]> {
    await this.#refreshOnce();
    const own = [...this.#listeners.keys()];
    if (own.length === 0) {
      const error = noPort(this.#options, []);
      this.#log.warn(
        { port: this.#number, remedy: error.remedy },
        'no network port for WebRTC is open: peers are refused',
      );
      this.#options.events?.emit({ type: 'webrtc-no-port' });
      throw error;
    }
    const families = new Set(own.filter((address) => !isLoopback(address)).map(isIP));
    const advertised = this.#advertised.filter((address) => families.has(isIP(address)));
    return hostCandidates(own, advertised, this.#number);
  }

  /** Closes all sockets and connections. Closing twice is harmless. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#cancelTell?.();
    await this.#mutex.run(async () => this.#closeAll());
  }

  #closeAll(): void {
    for (const { udp, tcp } of this.#listeners.values()) {
      udp.close();
      tcp.close();
    }
    this.#listeners.clear();
  }

  /** @returns true when the number is taken somewhere, and nothing is open. */
  async #start(number: number, needed: readonly string[]): Promise<boolean> {
    this.#number = number;
    for (const address of needed) {
      const error = await this.#listen(address);
      if (error === undefined) continue;
      if (isTaken(error)) {
        this.#closeAll();
        return true;
      }
      // An interface may have an address that nothing can be bound to yet.
      this.#log.debug({ address, error: messageOf(error) }, 'no port for WebRTC at this address');
    }
    if (this.#listeners.size === 0) throw noPort(this.#options, needed);
    return false;
  }

  /** @returns why it cannot listen there; undefined when it does. */
  async #listen(address: string): Promise<unknown> {
    let udp: UdpListener | undefined;
    try {
      const failed = (error: Error): void => this.#failed(address, error);
      udp = await UdpListener.open({ address, port: this.#number }, this.router, failed);
      this.#number = udp.local.port;
      const tcp = await TcpListener.open(udp.local, this.router, this.#options.clock, failed);
      this.#listeners.set(address, { udp, tcp });
      return undefined;
    } catch (error) {
      udp?.close();
      return error;
    }
  }

  #failed(address: string, error: Error): void {
    this.#log.warn({ address, error: messageOf(error) }, 'a socket of WebRTC broke');
    const listeners = this.#listeners.get(address);
    this.#listeners.delete(address);
    listeners?.udp.close();
    listeners?.tcp.close();
  }

  /** Sessions that come at once share one look: a name server that is silent must not queue them. */
  #refreshOnce(): Promise<void> {
    this.#refreshing ??= this.#mutex
      .run(() => this.#refresh())
      .finally(() => {
        this.#refreshing = undefined;
      });
    return this.#refreshing;
  }

  /** Opens sockets at addresses that are new, and closes those of addresses that the machine lost. */
  async #refresh(): Promise<void> {
    if (this.#closed) return;
    const needed = await this.#needed();
    for (const [address, { udp, tcp }] of [...this.#listeners]) {
      if (
        needed.includes(address) ||
        isLoopback(address) ||
        this.#interfaces().some((own) => own.address === address)
      ) {
        continue;
      }
      this.#listeners.delete(address);
      udp.close();
      tcp.close();
    }
    for (const address of needed) {
      if (this.#listeners.has(address)) continue;
      const error = await this.#listen(address);
      if (error !== undefined)
        this.#log.warn({ address, error: messageOf(error) }, 'no port for WebRTC at a new address');
    }
  }

  async #needed(): Promise<string[]> {
    const { host = '127.0.0.1', advertisedHosts = [] } = this.#options;
    const [hosts, ...found] = await Promise.all([host, ...advertisedHosts].map((name) => this.#addressesOf(name)));
    this.#advertised = found.flat();
    const unresolved = found.some((addresses) => addresses.length === 0);
    return neededAddresses({ hosts: hosts ?? [], advertised: this.#advertised, unresolved }, this.#interfaces());
  }

  #interfaces(): readonly InterfaceAddress[] {
    return this.#options.interfaces?.() ?? systemAddresses();
  }

  /** The addresses of a literal or a name: those found last when the name server is slow or silent. */
  async #addressesOf(host: string): Promise<readonly string[]> {
    if (isIP(host)) return [host];
    const { clock } = this.#options;
    const late = Promise.withResolvers<void>();
    const cancel = clock.at(plus(clock.now(), LOOKUP_TIMEOUT), late.resolve);
    const asking = lookup(host, { all: true }).then(
      (found) =>
        void this.#resolved.set(
          host,
          found.map(({ address }) => address),
        ),
      () => {},
    );
    await Promise.race([asking, late.promise]).finally(cancel);
    return this.#resolved.get(host) ?? [];
  }

  #drop(reason: NetworkDrop): void {
    this.#drops.set(reason, (this.#drops.get(reason) ?? 0) + 1);
    if (this.#cancelTell || this.#closed) return;
    const { clock } = this.#options;
    this.#cancelTell = clock.at(plus(clock.now(), TELL_INTERVAL), () => this.#tell());
  }

  #tell(): void {
    this.#cancelTell = undefined;
    for (const [reason, count] of this.#drops) {
      this.#options.events?.emit({ type: 'webrtc-drop', reason, count });
      this.#log.debug({ reason, count }, 'WebRTC: dropped from the network');
    }
    this.#drops.clear();
  }
}

function systemAddresses(): InterfaceAddress[] {
  return Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
}

/** The numbers to try, one after the other. */
function numbersOf({ port, portRange }: IcePortOptions): number[] {
  if (port !== undefined && port !== 0) return [port];
  if (!portRange) return Array<number>(MAX_TRIES).fill(0);
  const [first, last] = portRange;
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function isTaken(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EADDRINUSE' || code === 'EACCES';
}

function noPort({ port, portRange }: IcePortOptions, addresses: readonly string[]): FrameliftError {
  const at = addresses.length === 0 ? '' : ` at ${addresses.join(', ')}`;
  if (portRange) {
    return new FrameliftError(
      'webrtc.no-port',
      `webrtc.portRange is [${portRange}]: none of its ports is free for UDP and TCP${at}`,
      {
        remedy: 'Give webrtc.port, or a range with one port that no other program uses.',
        recoverable: true,
      },
    );
  }
  const key = port ? `webrtc.port is ${port}: it is not free` : 'webrtc.port is not set: no port is free';
  return new FrameliftError('webrtc.no-port', `${key} for UDP and TCP${at}`, {
    remedy: 'Choose another webrtc.port, or stop the program that uses it.',
    recoverable: true,
  });
}
