/** The provisioned Grafana dashboard as tests need it: its panels and queries, with variables put in as Grafana does. */
import { readFileSync } from 'node:fs';

/** What the tests read of a panel. */
export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: DataSource;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly datasource: DataSource }[];
  readonly fieldConfig?: {
    readonly defaults: { readonly unit?: string; readonly thresholds?: { readonly steps: readonly unknown[] } };
  };
}

interface DataSource {
  readonly type: string;
  readonly uid: string;
}

/** What the tests read of a dashboard. */
export interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly {
      readonly name: string;
      readonly type: string;
      readonly query: string | { query: string };
    }[];
  };
  readonly annotations: { readonly list: readonly { readonly name: string; readonly expr?: string }[] };
}

/** One query, and where it stands. */
export interface DashboardQuery {
  readonly where: string;
  /** PromQL with Grafana's variables in it. */
  readonly expr: string;
}

/** Values of the dashboard's variables, as regular expressions, and the scrape interval that the data source is told. */
export interface Variables {
  readonly instance: string;
  readonly stream: string;
  readonly scrapeSeconds: number;
}

/** Reads a dashboard file. */
export function readDashboard(path: URL): Dashboard {
  // A file of ours; the tests check what they use of it.
  return JSON.parse(readFileSync(path, 'utf8')) as Dashboard;
}

/** Every query that Grafana sends for a dashboard: of panels, annotations and variables. */
export function queriesOf({ panels, annotations, templating }: Dashboard): DashboardQuery[] {
  const ofPanels = panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ refId, expr }) => ({ where: `panel "${title}" ${refId}`, expr })),
  );
  const ofAnnotations = annotations.list.flatMap(({ name, expr }) =>
    expr === undefined ? [] : [{ where: `annotation "${name}"`, expr }],
  );
  const ofVariables = templating.list.flatMap(({ name, query }) =>
    typeof query === 'string' ? [] : [{ where: `variable "${name}"`, expr: labelValues(query.query) }],
  );
  return [...ofPanels, ...ofAnnotations, ...ofVariables];
}

/** `label_values(metric, label)` is Grafana's own; in PromQL the values are the series of a count. @throws for other queries. */
function labelValues(query: string): string {
  const [, selector, label] = /^label_values\((.+), (\w+)\)$/.exec(query) ?? [];
  if (selector === undefined || label === undefined) throw new Error(`${query} is no label_values(metric, label)`);
  return `count by (${label}) (${selector})`;
}

/** Puts variables in. `$__rate_interval` is four scrape intervals at least. @throws when a variable is left. */
export function interpolate(expr: string, { instance, stream, scrapeSeconds }: Variables): string {
  const done = expr
    .replaceAll('$__rate_interval', `${4 * scrapeSeconds}s`)
    .replaceAll('$instance', instance)
    .replaceAll('$stream', stream);
  if (done.includes('$')) throw new Error(`${expr} has a variable that the dashboard does not define`);
  return done;
}
