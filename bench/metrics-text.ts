/** Reads /metrics: Prometheus' text format, and what happened between two scrapes. Pure. */
import { FrameliftError } from '../src/errors.ts';

/** Label values that a series must have. */
export type Where = Readonly<Record<string, string>>;

interface Series {
  readonly name: string;
  readonly labels: Where;
  readonly value: number;
}

/** Counts of values up to each bound. */
export class Histogram {
  readonly #buckets: readonly (readonly [bound: number, upTo: number])[];

  /** @param buckets upper bounds (the last one +∞) with cumulative counts, in any order. */
  constructor(buckets: readonly (readonly [bound: number, upTo: number])[]) {
    this.#buckets = buckets.toSorted(([a], [b]) => a - b);
  }

  /** Values counted. */
  get count(): number {
    return this.#buckets.at(-1)?.[1] ?? 0;
  }

  /** How many values were at most `bound`. @throws FrameliftError `config.invalid` when no bucket ends there. */
  upTo(bound: number): number {
    if (this.#buckets.length === 0) return 0;
    const found = this.#buckets.find(([end]) => end === bound);
    if (found) return found[1];
    throw new FrameliftError('config.invalid', `the histogram has no bucket that ends at ${bound}`);
  }

  /** As Prometheus' histogram_quantile: linear within a bucket, the last finite bound beyond it; NaN when empty. */
  quantile(share: number): number {
    const rank = share * this.count;
    let [from, before] = [0, 0];
    for (const [bound, upTo] of this.#buckets) {
      if (upTo > 0 && upTo >= rank) {
        if (bound === Number.POSITIVE_INFINITY) return from;
        return from + (bound - from) * ((rank - before) / (upTo - before));
      }
      [from, before] = [bound, upTo];
    }
    return Number.NaN;
  }
}

/** One scrape, or the difference of two. */
export class Scrape {
  readonly #series: ReadonlyMap<string, Series>;

  private constructor(series: ReadonlyMap<string, Series>) {
    this.#series = series;
  }

  /** Reads the text of /metrics. Lines that are no samples are comments. */
  static parse(text: string): Scrape {
    const series = new Map<string, Series>();
    for (const [, key = '', name = '', inner = '', value] of text.matchAll(/^((\w+)(?:\{(.*)\})?) (\S+)$/gm)) {
      const labels = [...inner.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = '', of = '']) => [label, of]);
      series.set(key, { name, labels: Object.fromEntries(labels), value: Number(value) });
    }
    return new Scrape(series);
  }

  /** What counters and histograms have counted since `before`. Of gauges the difference means nothing. */
  since(before: Scrape): Scrape {
    const changed = [...this.#series].map(([key, series]) => {
      const value = series.value - (before.#series.get(key)?.value ?? 0);
      return [key, { ...series, value }] as const;
    });
    return new Scrape(new Map(changed));
  }

  /** Sum of the series of `name` with these labels; 0 when there are none. */
  total(name: string, where: Where = {}): number {
    return this.#find(name, where).reduce((sum, series) => sum + series.value, 0);
  }

  /** Sums by the value of `label`, zeros left out. */
  by(name: string, label: string, where: Where = {}): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const { labels, value } of this.#find(name, where)) {
      const key = labels[label] ?? '';
      if (value !== 0) sums[key] = (sums[key] ?? 0) + value;
    }
    return sums;
  }

  /** The histogram of `name` with these labels, several series added up. */
  histogram(name: string, where: Where = {}): Histogram {
    const buckets = this.by(`${name}_bucket`, 'le', where);
    const all = this.#find(`${name}_bucket`, where).map(({ labels }) => labels.le ?? '');
    return new Histogram(
      [...new Set(all)].map((le) => [le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le), buckets[le] ?? 0]),
    );
  }

  #find(name: string, where: Where): Series[] {
    return [...this.#series.values()].filter(
      (series) =>
        series.name === name && Object.entries(where).every(([label, value]) => series.labels[label] === value),
    );
  }
}
