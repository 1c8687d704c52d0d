import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { type App, startApp } from '../support/app.ts';
import { interpolate, queriesOf, readDashboard } from '../support/grafana.ts';
import { temporaryFolder } from '../support/media.ts';
import { Prometheus } from '../support/prometheus.ts';
import { WhepClient } from '../support/whep-client.ts';

const FOLDER = new URL('../../dashboards/', import.meta.url);
const SCRAPE_SECONDS = 1;
const queries = queriesOf(readDashboard(new URL('grafana/framelift.json', FOLDER)));

const parts = new AsyncDisposableStack();
let app: App;
let prometheus: Prometheus;

/** A stream that runs and one whose source is not there: nothing listens at its port. */
async function configFile(folder: string): Promise<string> {
  const path = join(folder, 'framelift.yaml');
  const streams = [
    { name: 'demo', source: 'demo', fps: 30, record: { directory: join(folder, 'recordings'), segmentSeconds: 2 } },
    { name: 'gone', source: `rtsp://127.0.0.1:${await unusedPort()}/none` },
  ];
  writeFileSync(path, JSON.stringify({ engine: { provider: 'cpu' }, streams }));
  return path;
}

async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}

/** dashboards/prometheus.yml as it is, but for the target and the scrape interval. */
function prometheusFiles(target: string): Record<'prometheus.yml' | 'rules.yml', string> {
  const config = parse(readFileSync(new URL('prometheus.yml', FOLDER), 'utf8'));
  config.global.scrape_interval = `${SCRAPE_SECONDS}s`;
  config.global.scrape_timeout = `${SCRAPE_SECONDS}s`;
  config.scrape_configs[0].static_configs[0].targets = [target];
  return {
    'prometheus.yml': JSON.stringify(config),
    'rules.yml': readFileSync(new URL('rules.yml', FOLDER), 'utf8'),
  };
}

beforeAll(async () => {
  const folder = await temporaryFolder();
  parts.defer(folder.remove);
  app = await startApp(['--config', await configFile(folder.path)]);
  parts.defer(async () => {
    await app.stop();
  });
  const runs = async (): Promise<boolean> => (await app.stream('demo')).state !== 'waiting';
  await vi.waitUntil(runs, { timeout: 20_000 });
  for (const variant of ['upconverted', 'source']) {
    parts.use(await WhepClient.play(`${app.url}/whep/demo?variant=${variant}`, () => {}));
  }
  prometheus = parts.use(await Prometheus.startWith(prometheusFiles(new URL(app.url).host)));
  // The last of what a query needs: rules that stand on rates of a few scrapes.
  await prometheus.eventually('stream:framelift_gaps_interpolated:ratio_rate1m{stream="demo"}', 30_000);
});

afterAll(() => parts.disposeAsync());

describe('the dashboard', () => {
  it.each(queries)('has data for $where', async ({ expr }) => {
    for (const stream of ['demo', '.+']) {
      const promql = interpolate(expr, { instance: '.+', stream, scrapeSeconds: SCRAPE_SECONDS });
      const values = (await prometheus.eventually(promql)).map(({ value }) => value);
      // A quantile of no observations is NaN, which Grafana shows as nothing.
      expect(values.some(Number.isFinite), promql).toBe(true);
    }
  });

  it('shows what the API tells', async () => {
    const [budget] = await prometheus.query('framelift_latency_budget_seconds{stream="demo"}');
    const [floor] = await prometheus.query('framelift_latency_floor_seconds{stream="demo"}');
    // Half a source interval at 15 frames a second, and 40 ms.
    expect(floor?.value).toBeCloseTo(1 / 30, 3);
    expect(budget?.value).toBeCloseTo(1 / 30 + 0.04, 3);
    const viewers = await prometheus.query('framelift_viewers{stream="demo"}');
    expect(viewers.map(({ value }) => value)).toEqual([1, 1]);
    const [state] = await prometheus.query('stream:framelift_state:code{stream="demo"}');
    expect(state?.value).toBeGreaterThan(0);
  });

  it('tells why a source is gone', async () => {
    const reconnects = queries.find(({ expr }) => expr.includes('framelift_reconnects_total'));
    const promql = interpolate(reconnects?.expr ?? '', { instance: '.+', stream: 'gone', scrapeSeconds: 5 });
    const [series] = await prometheus.eventually(`(${promql}) > 0`, 30_000);
    expect(series?.metric).toMatchObject({ stream: 'gone', reason: 'source.unreachable' });
  });
});

describe('the rules', () => {
  it('all run, and every recording rule has data', async () => {
    await expect.poll(async () => (await prometheus.rules()).some(({ health }) => health === 'unknown')).toBe(false);
    const rules = await prometheus.rules();
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
    const records = rules.filter(({ type }) => type === 'recording').map(({ name }) => name);
    expect(records.length).toBeGreaterThan(0);
    for (const name of records) {
      const values = (await prometheus.eventually(`${name}{stream="demo"}`)).map(({ value }) => value);
      expect(values.every(Number.isFinite), name).toBe(true);
    }
  });

  it('raise the alert of the stream whose source is gone, and none that fires for the one that runs', async () => {
    const down = await prometheus.eventually('ALERTS{alertname="FrameliftSourceDown"}');
    expect(down.map(({ metric }) => metric.stream)).toEqual(['gone']);
    expect(await prometheus.query('ALERTS{alertstate="firing",stream!="gone"}')).toEqual([]);
    // A machine that is busy with other things may bring the others to pending; to fire they need a minute or two.
    const certain = 'FrameliftDown|FrameliftSource.*';
    expect(await prometheus.query(`ALERTS{alertname=~"${certain}",stream!="gone"}`)).toEqual([]);
  });
});
