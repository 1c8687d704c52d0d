/** The children of a labelled metric, found without allocation and bounded in number. */
import { LABEL_LIMITS, type LabelName } from './catalogue/definition.ts';

/** What a label says when its value is malformed or one too many. */
const OTHER = 'other';

/** Names, codes and ids; no addresses, no paths, no free text. */
const PLAIN = /^[A-Za-z0-9][\w.+-]{0,63}$/;

/** Lets the first `limit` well-formed values through; all others become `other`. */
export class LabelValues {
  readonly #limit: number;
  readonly #known = new Set<string>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The value to show for `value`. Empty stays empty: to Prometheus that is no label. Of a path only its last part is judged: models may be given by file. */
  admit(value: string): string {
    if (value === '') return value;
    const plain = value.slice(value.lastIndexOf('/') + 1);
    if (this.#known.has(plain)) return plain;
    if (this.#known.size >= this.#limit || !PLAIN.test(plain)) return OTHER;
    this.#known.add(plain);
    return plain;
  }

  /** Makes room for another value. False when `value` was not among them. */
  forget(value: string): boolean {
    return this.#known.delete(value);
  }
}

/** Label values admitted so far in a whole registry. */
export type Admitted = Readonly<Record<LabelName, LabelValues>>;

/** Empty sets at the limits of the catalogue. */
export function admitted(): Admitted {
  const entries = Object.entries(LABEL_LIMITS).map(([name, limit]) => [name, new LabelValues(limit)]);
  // Object.fromEntries forgets the keys' type; they are those of LABEL_LIMITS.
  return Object.fromEntries(entries) as Admitted;
}

type Labels = Readonly<Record<string, string>>;

/** Children of one metric by up to three label values. */
export class Family<Child> {
  readonly #labels: readonly LabelName[];
  readonly #admitted: Admitted;
  readonly #make: (labels: Labels) => Child;
  readonly #drop: (labels: Labels) => void;
  readonly #children = new Map<string, Map<string, Map<string, Child>>>();
  #all: { readonly labels: Labels; readonly child: Child }[] = [];

  /** @param make creates the child for these label values, once. @param drop undoes that. */
  constructor(
    labels: readonly LabelName[],
    known: Admitted,
    make: (labels: Labels) => Child,
    drop: (labels: Labels) => void,
  ) {
    this.#labels = labels;
    this.#admitted = known;
    this.#make = make;
    this.#drop = drop;
  }

  /** Calls `visit` with every child. */
  each(visit: (child: Child) => void): void {
    for (const { child } of this.#all) visit(child);
  }

  /** Drops the children whose first label is `name` and has this value. */
  forget(name: LabelName, value: string): void {
    if (this.#labels[0] !== name || !this.#children.delete(value)) return;
    const gone = this.#all.filter(({ labels }) => labels[name] === value);
    this.#all = this.#all.filter(({ labels }) => labels[name] !== value);
    for (const { labels } of gone) this.#drop(labels);
  }

  /** The child of these label values, in the order of the definition. */
  of(a = '', b = '', c = ''): Child {
    return this.#children.get(a)?.get(b)?.get(c) ?? this.#create(a, b, c);
  }

  #create(a: string, b: string, c: string): Child {
    const shown = [this.#shown(0, a), this.#shown(1, b), this.#shown(2, c)] as const;
    const existing = this.#children.get(shown[0])?.get(shown[1])?.get(shown[2]);
    if (existing !== undefined) return existing;
    const labels: Record<string, string> = {};
    for (const [i, name] of this.#labels.entries()) labels[name] = shown[i] ?? OTHER;
    const child = this.#make(labels);
    this.#all.push({ labels, child });
    const byA = entry(this.#children, shown[0], () => new Map<string, Map<string, Child>>());
    entry(byA, shown[1], () => new Map<string, Child>()).set(shown[2], child);
    return child;
  }

  #shown(index: number, value: string): string {
    const name = this.#labels[index];
    return name === undefined ? '' : this.#admitted[name].admit(value);
  }
}

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const fresh = make();
  map.set(key, fresh);
  return fresh;
}
