/**
 * A simulated network path with one or more senders that follow their own bandwidth estimates: the
 * same in every run, in no time.
 */
import { BandwidthEstimator } from '../../src/egress/congestion/estimator.ts';
import { SentPackets } from '../../src/egress/congestion/sent-packets.ts';
import { micros } from '../../src/time.ts';
import { seededRandom } from './random.ts';

/** What a path does. Times in seconds, rates in bits per second. */
export interface SimPath {
  /** What the path carries at a time. */
  readonly capacity: (at: number) => number;
  /** One way. Default 0.02. */
  readonly delay?: number | ((at: number) => number);
  /** The queue holds so much. Default 1: bufferbloat. */
  readonly queue?: number;
  /** Share of packets lost at random. Default 0. */
  readonly loss?: number;
  /** Packets are late by up to this. Default 0.001. */
  readonly jitter?: number;
}

/** One sender. */
export interface SimFlow {
  /** Bits per second that it would send at most. Default 20 Mb/s. */
  readonly wanted?: number;
  readonly initial?: number;
  readonly begin?: number;
}

/** What was seen of a flow in one second. */
export interface SimSecond {
  /** Share of the path's capacity that arrived. */
  readonly used: number;
  /** Bits per second. */
  readonly target: number;
  /** 95th percentile of the queue's delay that packets met, milliseconds. */
  readonly queueMs: number;
}

const STEP = 1000;
const FRAME = 33_000;
const REPORT = 60_000;
const PACKET = 1200;

class Flow {
  readonly packets = new SentPackets();
  readonly estimator: BandwidthEstimator;
  readonly wanted: number;
  readonly begin: number;
  backlog = 0;
  budget = 0;
  frameAt: number;
  base = 1;
  probe: { id: number; rate: number; bytes: number } | undefined;
  /** Arrivals by number, until they are reported. */
  readonly arrived = new Map<number, number>();
  bytes = 0;
  readonly queued: number[] = [];
  sent = 0;

  constructor({ wanted = 20e6, initial = 4e6, begin = 0 }: SimFlow) {
    this.estimator = new BandwidthEstimator(initial);
    this.wanted = wanted;
    this.begin = begin * 1e6;
    this.frameAt = this.begin;
  }
}

/** Runs `flows` over `path` for so many seconds; what each saw, second by second. */
export function simulate(path: SimPath, flows: readonly SimFlow[], seconds: number, seed = 1): SimSecond[][] {
  const { capacity, delay = 0.02, queue = 1, loss = 0, jitter = 0.001 } = path;
  const random = seededRandom(seed);
  const lateness = (now: number): number => 1e6 * (typeof delay === 'number' ? delay : delay(now / 1e6));
  const running = flows.map((flow) => new Flow(flow));
  const seen: SimSecond[][] = flows.map(() => []);
  let busyUntil = 0;
  let carried = 0;
  /** Reports on their way back. */
  const reports: { at: number; flow: Flow; base: number; arrivals: (number | undefined)[] }[] = [];

  const send = (flow: Flow, now: number, probe: number | undefined): void => {
    const number = flow.packets.next;
    flow.packets.add({ at: micros(now), bytes: PACKET, probe, sequence: number });
    flow.sent += 1;
    const start = Math.max(now, busyUntil);
    const end = start + (PACKET * 8e6) / capacity(now / 1e6);
    if (end - now > queue * 1e6 || random() < loss) return;
    busyUntil = end;
    flow.queued.push((start - now) / 1000);
    flow.arrived.set(flow.sent, end + lateness(now) + random() * jitter * 1e6);
  };

  for (let now = 0; now < seconds * 1e6; now += STEP) {
    carried += (capacity(now / 1e6) * STEP) / 1e6;
    for (const flow of running) {
      if (now < flow.begin) continue;
      const { estimator } = flow;
      const rate = Math.min(estimator.target, flow.wanted);
      if (now >= flow.frameAt) {
        flow.frameAt += FRAME;
        // Frames differ in size.
        flow.backlog = Math.min(rate / 4, flow.backlog + (rate * FRAME * (0.7 + 0.6 * random())) / 1e6);
      }
      flow.probe ??= estimator.tick(flow.wanted, micros(now));
      flow.budget = Math.min(flow.budget + ((flow.probe?.rate ?? rate * 1.5) * STEP) / 1e6, 5 * PACKET * 8);
      while (flow.budget >= PACKET * 8 && (flow.probe || flow.backlog >= PACKET * 8)) {
        flow.budget -= PACKET * 8;
        if (flow.backlog >= PACKET * 8) flow.backlog -= PACKET * 8;
        send(flow, now, flow.probe?.id);
        if (flow.probe) flow.probe.bytes -= PACKET;
        if (flow.probe && flow.probe.bytes <= 0) flow.probe = undefined;
      }
      if (!flow.probe && flow.backlog < PACKET * 8) flow.budget = Math.min(flow.budget, PACKET * 8);
      if (now % REPORT === 0) {
        const came = [...flow.arrived].filter(([, at]) => at <= now);
        const newest = Math.max(...came.map(([number]) => number));
        if (came.length > 0) {
          const arrivals: (number | undefined)[] = [];
          for (let n = flow.base; n <= newest; n += 1) {
            const at = flow.arrived.get(n);
            arrivals.push(at === undefined || at > now ? undefined : Math.round(at / 250) * 250);
            if (at !== undefined && at <= now) {
              flow.bytes += PACKET;
              flow.arrived.delete(n);
            }
          }
          reports.push({ at: now + lateness(now), flow, base: flow.base & 0xffff, arrivals });
          flow.base = newest + 1;
        }
      }
    }
    for (let first = reports[0]; first && first.at <= now; first = reports[0]) {
      reports.shift();
      const { flow, base, arrivals } = first;
      flow.estimator.setRoundTrip(micros(2 * lateness(now)));
      flow.estimator.observe(flow.packets.fates({ base, arrivals }), micros(now));
    }
    if ((now + STEP) % 1e6 === 0) {
      running.forEach((flow, i) => {
        const sorted = flow.queued.toSorted((a, b) => a - b);
        const queueMs = sorted[Math.floor(sorted.length * 0.95)] ?? 0;
        seen[i]?.push({ used: (flow.bytes * 8) / carried, target: flow.estimator.target, queueMs });
        flow.bytes = 0;
        flow.queued.length = 0;
      });
      carried = 0;
    }
  }
  return seen;
}
