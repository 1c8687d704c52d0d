/** prom-client's counters, gauges and histograms behind bounded label values. The only adapter of prom-client. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { MetricDefinition } from './catalogue/definition.ts';
import { type Admitted, admitted, Family } from './family.ts';

/** A counter's series. */
type CounterChild = Pick<Counter.Internal, 'inc'>;
/** A gauge's series. */
type GaugeChild = Pick<Gauge.Internal<string>, 'set'>;
/** A peak's series: what it shows at a scrape is its own business. */
interface PeakChild extends GaugeChild {
  show(): void;
}
/** A histogram's series. */
type HistogramChild = Pick<Histogram.Internal<string>, 'observe'>;

/** What is asked of the process and of windows when Prometheus scrapes, not when it happens. */
export type Sample<Child> = (family: Family<Child>) => void;

/** The metrics of one process. prom-client throws on what is no number; these ignore it: an event sink must not throw. */
export class Instruments {
  readonly #registry = new Registry();
  readonly #admitted: Admitted = admitted();
  readonly #families: Pick<Family<unknown>, 'forget'>[] = [];

  /** What {@link Instruments.text} gives, for the Content-Type header. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All metrics in Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Ends the series of a stream that is gone. */
  forget(stream: string): void {
    if (!this.#admitted.stream.forget(stream)) return;
    for (const family of this.#families) family.forget('stream', stream);
  }

  /** A counter. Values that are not above zero count nothing. */
  counter(definition: MetricDefinition): Family<CounterChild> {
    const metric = new Counter(this.#configuration(definition));
    return this.#family(definition, metric, (labels) => {
      const child = metric.labels(labels);
      // The series exists from now on, at zero.
      child.inc(0);
      return { inc: (more = 1) => void (more > 0 && Number.isFinite(more) && child.inc(more)) };
    });
  }

  /** A counter that the system keeps: `read` gives its total. */
  total(definition: MetricDefinition, read: () => number): void {
    new Counter({
      ...this.#configuration(definition),
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  /** A gauge. @param sample sets what is known only when it is asked for. */
  gauge(definition: MetricDefinition, sample: Sample<GaugeChild> = () => {}): Family<GaugeChild> {
    const metric: Gauge = new Gauge({ ...this.#configuration(definition), collect: () => sample(family) });
    const family: Family<GaugeChild> = this.#family(definition, metric, (labels) => {
      const child = metric.labels(labels);
      child.set(0);
      return { set: (value: number) => void (Number.isFinite(value) && child.set(value)) };
    });
    return family;
  }

  /** A gauge that tells the greatest value since the last scrape: what comes and goes between two is seen. */
  peak(definition: MetricDefinition): Family<GaugeChild> {
    const metric: Gauge = new Gauge({
      ...this.#configuration(definition),
      collect: () => family.each((child) => child.show()),
    });
    const family: Family<PeakChild> = this.#family(definition, metric, (labels) => {
      const child = metric.labels(labels);
      let [now, greatest] = [0, 0];
      return {
        set(value: number): void {
          if (!Number.isFinite(value)) return;
          now = value;
          greatest = Math.max(greatest, value);
        },
        show(): void {
          child.set(greatest);
          greatest = now;
        },
      };
    });
    return family;
  }

  /** A histogram. */
  histogram(definition: MetricDefinition): Family<HistogramChild> {
    const buckets = [...(definition.buckets ?? [])];
    const metric = new Histogram({ ...this.#configuration(definition), buckets });
    return this.#family(definition, metric, (labels) => {
      const child = metric.labels(labels);
      return { observe: (value: number) => void (Number.isFinite(value) && child.observe(value)) };
    });
  }

  #configuration({ name, help, labels }: MetricDefinition) {
    return { name, help, labelNames: [...labels], registers: [this.#registry] };
  }

  #family<Child>(
    { labels }: MetricDefinition,
    metric: { remove(labels: Readonly<Record<string, string>>): void },
    make: (labels: Readonly<Record<string, string>>) => Child,
  ): Family<Child> {
    const family = new Family<Child>(labels, this.#admitted, make, (values) => metric.remove(values));
    this.#families.push(family);
    return family;
  }
}
