import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { type Panel, queriesOf, readDashboard } from '../support/grafana.ts';
import { findProgram } from '../support/prometheus.ts';

const FOLDER = new URL('../../dashboards/', import.meta.url);

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

// A file of ours; promtool checks its shape.
const { groups } = parse(readFileSync(new URL('rules.yml', FOLDER), 'utf8')) as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const alerts = rules.flatMap(({ alert, ...rest }) => (alert === undefined ? [] : [{ ...rest, alert }]));
const records = rules.flatMap(({ record }) => record ?? []);
const dashboard = readDashboard(new URL('grafana/framelift.json', FOLDER));
const shown = queriesOf(dashboard).map(({ expr }) => expr);

/** Metrics that are not on the dashboard, and why. */
const NOT_SHOWN: Readonly<Record<string, string>> = {
  framelift_viewers_passed: 'it is for those who look into what a viewer of the source is sent: those are few',
  framelift_sent_bytes_per_second: 'the rate of framelift_sent_bytes_total, for readers that cannot compute rates',
  framelift_recording_segments_total: 'its sizes are shown, and how many are kept stands in the API',
  framelift_recording_kept_segments: 'their bytes are shown, which is what a disk has too little of',
  framelift_sound_packets_total: 'only streams with sound have it, and what matters of it players tell',
  framelift_sound_drops_total: 'only streams with sound have it; for looking into a complaint',
  framelift_viewer_nacked_packets_total: 'what is sent again is shown',
  framelift_viewer_freezes_total: 'for how long, in all, is shown',
  framelift_output_live: 'only streams with outputs have it; /api/streams tells more',
  framelift_output_sent_bytes_total: 'only streams with outputs have it',
  framelift_output_restarts_total: 'only streams with outputs have it; the log tells more',
  framelift_rtsp_readers: 'only servers with RTSP have it, and what readers are sent is in Sent',
  framelift_sound_skew_seconds: 'only streams with sound have it; for looking into a complaint',
};

/** Names of framelift's own metrics in PromQL: series of histograms by the histogram's name, recording rules left out. */
function metricsIn(expr: string): string[] {
  const histograms = new Set<string>();
  for (const { kind, name } of Object.values(CATALOGUE)) if (kind === 'histogram') histograms.add(name);
  const found = expr.replaceAll(/\w+:\w+:\w+/g, '').match(/\bframelift_\w+/g) ?? [];
  return found.map((name) => {
    const base = name.replace(/_(bucket|sum|count)$/, '');
    return histograms.has(base) ? base : name;
  });
}

function recordsIn(expr: string): string[] {
  return expr.match(/\w+:\w+:\w+/g) ?? [];
}

describe('promtool', () => {
  it.each([
    ['check', 'config', 'prometheus.yml'],
    ['check', 'rules', 'rules.yml'],
    ['test', 'rules', 'rules.test.yml'],
  ])('%s %s %s', (verb, what, file) => {
    const cwd = fileURLToPath(FOLDER);
    const { status, stdout, stderr } = spawnSync(findProgram('promtool'), [verb, what, file], {
      cwd,
      encoding: 'utf8',
    });
    expect(status, stdout + stderr).toBe(0);
  });
});

describe('metrics', () => {
  const known = new Set<string>(Object.values(CATALOGUE).map(({ name }) => name));

  it('that the rules and the dashboard name are all in the catalogue', () => {
    const named = [...rules.map(({ expr }) => expr), ...shown].flatMap(metricsIn);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });

  it('that the dashboard takes from rules are recorded, and every recorded one is used', () => {
    const used = new Set([...shown, ...alerts.map(({ expr }) => expr)].flatMap(recordsIn));
    expect([...used].toSorted()).toEqual(records.toSorted());
  });

  it('of the catalogue are on the dashboard, or it is said why not', () => {
    const direct = shown.flatMap(metricsIn);
    const behind = rules.filter(({ record = '' }) => shown.some((expr) => expr.includes(record)));
    const reached = new Set([...direct, ...behind.flatMap(({ expr }) => metricsIn(expr))]);
    const missing = [...known].filter((name) => !reached.has(name));
    expect(missing.toSorted()).toEqual(Object.keys(NOT_SHOWN).toSorted());
  });
});

describe('alerts', () => {
  const documented = readFileSync(new URL('../docs/monitoring.md', FOLDER), 'utf8');
  const tested = readFileSync(new URL('rules.test.yml', FOLDER), 'utf8');

  it.each(alerts)('$alert says how bad it is, what is wrong and what to do', ({ alert, labels, annotations }) => {
    expect(labels?.severity).toMatch(/^(critical|warning)$/);
    expect(annotations?.summary).toMatch(/\S/);
    expect(annotations?.description).toMatch(/\.$/);
    expect(annotations?.runbook).toBe(`docs/monitoring.md#${alert.toLowerCase()}`);
    expect(documented).toContain(`\n### ${alert}\n`);
  });

  it.each(alerts)('$alert has a test that it fires', ({ alert }) => {
    expect(tested).toMatch(new RegExp(`alertname: ${alert}\\n\\s+eval_time: \\S+\\n\\s+exp_alerts:`));
  });

  it('that are documented exist', () => {
    const headings = [...documented.matchAll(/^### (Framelift\w+)$/gm)].map(([, name]) => name);
    expect(headings.toSorted()).toEqual(alerts.map(({ alert }) => alert).toSorted());
  });
});

describe('the dashboard', () => {
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');
  const chosen = { type: 'prometheus', uid: `$\{DS_PROMETHEUS}` };

  it('lets a person choose data source, framelift and stream', () => {
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual(['DS_PROMETHEUS', 'instance', 'stream']);
  });

  it.each(panels)('$title: data source, unit, thresholds, description', (panel) => {
    expect(panel.datasource).toEqual(chosen);
    expect(panel.targets?.length).toBeGreaterThan(0);
    for (const target of panel.targets ?? []) expect(target.datasource).toEqual(chosen);
    expect(panel.fieldConfig?.defaults.unit).toMatch(/\S/);
    expect(panel.fieldConfig?.defaults.thresholds?.steps.length).toBeGreaterThan(0);
    expect(panel.description).toMatch(/\.$/);
    expect(panel.title).toMatch(/\S/);
  });

  it('gives each panel an id and a place of its own', () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    for (const [i, panel] of dashboard.panels.entries()) {
      expect(panel.gridPos.x + panel.gridPos.w, panel.title).toBeLessThanOrEqual(24);
      for (const other of dashboard.panels.slice(i + 1)) expect(overlap(panel, other), other.title).toBe(false);
    }
  });
});

function overlap({ gridPos: a }: Panel, { gridPos: b }: Panel): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}
