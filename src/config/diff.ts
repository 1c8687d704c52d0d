/**
 * What differs between two configurations, and what follows from it: streams to touch, and keys
 * that only a start can change. Pure.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Config, StreamConfig } from './schema.ts';

/** A stream whose entry has changed. */
export interface StreamChange {
  /** As it shall be. */
  readonly settings: StreamConfig;
  /** Keys that differ. */
  readonly keys: readonly string[];
}

/** The way from one configuration to another. */
export interface ConfigDiff {
  readonly added: readonly StreamConfig[];
  /** Names. */
  readonly removed: readonly string[];
  readonly changed: readonly StreamChange[];
  /** Names of streams that stay as they are. */
  readonly unchanged: readonly string[];
  /** Keys outside of `streams` that take effect at once. */
  readonly applied: readonly string[];
  /** Keys outside of `streams` that take effect at the next start. */
  readonly needsRestart: readonly string[];
}

/**
 * Keys outside of `streams` that can change while framelift runs. TLS files are read again; whether
 * there is TLS at all is decided at the start.
 */
const APPLIED = /^(?:auth\.|server\.tls\.(?:cert|key)$|server\.maxStreams$|engine\.model$)/;

/**
 * Whether a stream can take a change while it runs, and keep its viewers. Any other one restarts
 * the stream.
 */
export function appliesLive({ settings, keys }: StreamChange): boolean {
  return keys.every(
    (key) => key === 'model' || isRecording(key) || (key === 'bitrateKbps' && settings.bitrateKbps !== undefined),
  );
}

/** Whether a key of a stream is of its recording. */
export function isRecording(key: string): boolean {
  return key === 'record' || key.startsWith('record.');
}

/**
 * Compares two checked configurations. Streams are told apart by their names; their order does not
 * matter.
 */
export function diffConfigs(before: Config, after: Config): ConfigDiff {
  const { streams: old, ...restBefore } = before;
  const { streams: fresh, ...restAfter } = after;
  const known = new Map(old.map((stream) => [stream.name, stream]));
  const wanted = new Set(fresh.map(({ name }) => name));
  const kept = fresh.flatMap((settings) => {
    const was = known.get(settings.name);
    return was === undefined ? [] : [{ settings, keys: differingKeys(was, settings) }];
  });
  const keys = differingKeys(restBefore, restAfter);
  return {
    added: fresh.filter(({ name }) => !known.has(name)),
    removed: old.map(({ name }) => name).filter((name) => !wanted.has(name)),
    changed: kept.filter((change) => change.keys.length > 0),
    unchanged: kept.filter((change) => change.keys.length === 0).map(({ settings }) => settings.name),
    applied: keys.filter((key) => APPLIED.test(key)),
    needsRestart: keys.filter((key) => !APPLIED.test(key)),
  };
}

/** Dotted keys whose values differ. A list counts as one value. */
export function differingKeys(before: object, after: object, above = ''): string[] {
  const [old, fresh] = [
    new Map<string, unknown>(Object.entries(before)),
    new Map<string, unknown>(Object.entries(after)),
  ];
  return [...new Set([...old.keys(), ...fresh.keys()])].flatMap((key) => {
    const [was, is] = [old.get(key), fresh.get(key)];
    if (isDeepStrictEqual(was, is)) return [];
    return isGroup(was) && isGroup(is) ? differingKeys(was, is, `${above}${key}.`) : [`${above}${key}`];
  });
}

function isGroup(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
