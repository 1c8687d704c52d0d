/** Results as tables, for the terminal and for Markdown alike. Pure. */

import type { BatchRow } from './batch.ts';
import type { FrameCost } from './frame-cost.ts';
import type { IdleRow } from './idle.ts';
import type { KernelRow } from './kernel.ts';
import type { LinkResult } from './links.ts';
import type { LiveResult, StreamResult } from './live-result.ts';
import type { PeersOptions, PeersResult } from './peers.ts';
import { CARRIED_PERCENT, type ScaleResult } from './scale.ts';
import type { SourceVariantRow } from './source-variant.ts';
import type { Spread } from './statistics.ts';

/** A Markdown table whose columns also line up as plain text. */
function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, 3, ...body.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`;
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(head), `| ${rule.join(' | ')} |`, ...body.map(line)].join('\n');
}

/** Ages of the source variant's pictures. */
export function sourceVariantText(rows: readonly SourceVariantRow[]): string {
  const body = rows.map(({ form, frames, p50Ms, p95Ms }) => [form, `${frames}`, p50Ms.toFixed(1), p95Ms.toFixed(1)]);
  return `Milliseconds from the camera's drawing to the viewer's decoded picture.\n\n${table(['sourceVariant', 'frames', 'p50', 'p95'], body)}`;
}

/** A stream without viewers. */
export function idleText(rows: readonly IdleRow[]): string {
  const body = rows.map(({ source, idleCores, watchedCores, firstPictureMs: { median, worst } }) => [
    ...[source, idleCores.toFixed(3), watchedCores.toFixed(3)],
    ...[median.toFixed(0), worst.toFixed(0)],
  ]);
  const head = ['source', 'cores without viewers', 'with one', 'first picture, median ms', 'worst'];
  return `Processor time of the whole server; from a viewer's offer to its first picture.\n\n${table(head, body)}`;
}

/** Cost per interpolated frame by size. */
export function frameCostText({ rows, pixelExponent }: FrameCost): string {
  const head = ['size', 'search', 'network', 'warp+blend', 'whole', 'ns/pixel', 'minterpolate', 'times faster'];
  const body = rows.map((row) => [
    `${row.width}x${row.height}`,
    ...[row.searchMs, row.networkMs, row.kernelMs, row.totalMs, row.nsPerPixel].map((value) => value.toFixed(2)),
    row.minterpolateMs?.toFixed(1) ?? '–',
    row.timesFaster?.toFixed(1) ?? '–',
  ]);
  const fit =
    pixelExponent === null ? '' : `\n\nCost grows with pixels to the power of ${pixelExponent} (1 is linear).`;
  return `Milliseconds per interpolated frame, medians.\n\n${table(head, body)}${fit}`;
}

/** Processor time by piece of the kernel's work. */
export function kernelText(rows: readonly KernelRow[]): string {
  return `Milliseconds of processor time, medians.\n\n${table(
    ['piece', 'ms'],
    rows.map(({ piece, ms }) => [piece, ms.toFixed(2)]),
  )}`;
}

/** What viewers behind weak links see. */
export function linksText(rows: readonly LinkResult[]): string {
  const head = ['path', 'frozen s', 'longest gap ms', 'fps', 'width', 'queue p50', 'queue p95', 'used %', 'up again s'];
  const body = rows.map((row) => [
    row.path,
    row.freezeSeconds.toFixed(2),
    row.longestGapMs.toFixed(0),
    row.fps.toFixed(1),
    String(row.width),
    row.queueP50Ms.toFixed(0),
    row.queueP95Ms.toFixed(0),
    row.used === undefined ? '–' : (100 * row.used).toFixed(1),
    row.upAgainSeconds?.toFixed(1) ?? '–',
    row.other.fps.toFixed(1),
    row.other.freezeSeconds.toFixed(2),
  ]);
  return table([...head, 'other fps', 'other frozen s'], body);
}

/** Throughput and latency by batch. */
export function batchText(rows: readonly BatchRow[]): string {
  const head = ['', 'size', 'batch', 'pairs/s', '×', 'network ms/pair', 'latency p50', 'latency p95', 'pairs/run'];
  const body = rows.map((row) => {
    const { provider, width, height } = row;
    const alone = rows.find(
      (r) => r.batch === 1 && r.provider === provider && r.width === width && r.height === height,
    );
    return [
      provider,
      `${width}x${height}`,
      String(row.batch),
      row.pairsPerSecond.toFixed(1),
      alone ? (row.pairsPerSecond / alone.pairsPerSecond).toFixed(2) : '–',
      ...[row.networkMs, row.latencyP50Ms, row.latencyP95Ms].map((value) => value.toFixed(2)),
      row.pairsPerRun.toFixed(2),
    ];
  });
  return table(head, body);
}

/** One live measurement. */
export function liveText(result: LiveResult): string {
  const { settings, floorMs, gridFloorMs, overFloorP95Ms, cores, memoryMiB, onTimeWithinMs } = result;
  const { width, height, fps, target, seconds, warmUpSeconds, engine } = settings;
  const lines = [
    `${width}x${height}, ${fps} → ${target} fps, ${result.streams.length} stream(s) for ${seconds} s after ${warmUpSeconds} s of warm-up; ` +
      `${engine.model}, ${engine.workers} worker(s), ${engine.threads} thread(s).`,
    `A slot is on time when its frame left at most ${onTimeWithinMs} ms late; at the viewer, when it came at most that much after the even cadence.`,
    '',
    table(SLOT_HEAD, result.streams.flatMap(slotRows)),
    '',
    table(['ms', 'p50', 'p95', 'p99'], result.streams.flatMap(timeRows)),
    '',
    `Floor (N−1)/N · T ${floorMs} ms${gridFloorMs === floorMs ? '' : ` (on this grid ${gridFloorMs} ms)`}; ` +
      `added latency p95 is ${number(overFloorP95Ms)} ms above it.`,
    ...result.streams.flatMap(countLines),
    cores
      ? `Cores used: ${cores.total} (main thread ${cores.main}, interpolation ${cores.interpolation}, decoding and encoding ${cores.codecs}, other ${cores.other}).`
      : 'Cores used: this system does not tell.',
    memoryMiB
      ? `Resident memory: ${memoryMiB.first.toFixed(1)} MiB in the first quarter, ${memoryMiB.last.toFixed(1)} in the last (${memoryMiB.percent.toFixed(2)} %).`
      : 'Resident memory: not known.',
  ];
  return lines.join('\n');
}

/** Counts of streams that were tried. */
export function scaleText({ streamsCarried, limitNotReached, tried }: ScaleResult): string {
  const [first] = tried;
  if (!first) return 'Nothing was tried.';
  const { width, height, fps, target, seconds, warmUpSeconds, engine } = first.settings;
  const head = ['streams', 'on time %', 'at viewers %', 'gaps interpolated %', 'over floor p95 ms', 'cores'];
  const body = tried.map((result) => [
    String(result.streams.length),
    result.onTimePercent.toFixed(2),
    Math.min(...result.streams.map((stream) => stream.viewer.onTimePercent)).toFixed(2),
    number(result.interpolatedGapPercent),
    number(result.overFloorP95Ms),
    number(result.cores?.total ?? null),
  ]);
  return [
    `${width}x${height}, ${fps} → ${target} fps each, one viewer each, ${seconds} s after ${warmUpSeconds} s of warm-up; ` +
      `${engine.model}, ${engine.workers} worker(s), ${engine.threads} thread(s). Of each figure that of the worst stream.`,
    '',
    table(head, body),
    '',
    `Carried with at least ${CARRIED_PERCENT} % of all slots on time: ${streamsCarried}${limitNotReached ? ' or more' : ''} stream(s).`,
  ].join('\n');
}

/** framelift and minterpolate. */
export function peersText(options: PeersOptions, result: PeersResult): string {
  const { width, height, frames, runs, threads } = options;
  const row = ({ name, ms, psnr, ssim }: PeersResult['framelift']): string[] => [
    name,
    ms.toFixed(2),
    psnr.toFixed(2),
    ssim.toFixed(4),
  ];
  return [
    `${frames} interpolated frames of ${width}x${height}, ${runs} turns of each, ${threads} thread(s) of inference; quality at ${result.qualitySize} against the frames that were removed.`,
    '',
    table(['', 'ms per interpolated frame', 'PSNR dB', 'SSIM'], [row(result.framelift), row(result.minterpolate)]),
    '',
    `framelift is ${result.timesFaster.toFixed(1)} times faster.`,
  ].join('\n');
}

const SLOT_HEAD = ['stream', 'slots', 'on time', 'on time %', 'late', 'missing', 'gaps interpolated %'];

function slotRows(stream: StreamResult): string[][] {
  const row = (name: string, from: StreamResult | StreamResult['viewer'], gaps: string): string[] => [
    name,
    ...[from.slots, from.onTime].map(String),
    from.onTimePercent.toFixed(2),
    ...[from.late, from.missing].map(String),
    gaps,
  ];
  return [
    row(stream.name, stream, number(stream.interpolatedGapPercent)),
    row(`${stream.name}, viewer`, stream.viewer, ''),
  ];
}

function timeRows(stream: StreamResult): string[][] {
  const row = (name: string, { p50, p95, p99 }: Spread): string[] => [
    `${stream.name} ${name}`,
    number(p50),
    number(p95),
    number(p99),
  ];
  return [
    row('added latency', stream.addedLatencyMs),
    row('latency to first packet', stream.sentLatencyMs),
    row('release lateness', stream.latenessMs),
    row('viewer jitter', stream.viewer.jitterMs),
    ...Object.entries(stream.stagesMs).map(([stage, times]) => row(`stage ${stage}`, times)),
  ];
}

function countLines(stream: StreamResult): string[] {
  const list = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ') || 'none';
  const drops = Object.fromEntries(
    Object.entries(stream.drops).flatMap(([stage, reasons]) =>
      Object.entries(reasons).map(([reason, count]) => [`at ${stage} (${reason})`, count]),
    ),
  );
  return [
    `${stream.name}: released ${list(stream.frames)}; repeated because of: ${list(stream.repeats)}; dropped: ${list(drops)}; deadline misses ${stream.deadlineMisses}.`,
  ];
}

function number(value: number | null): string {
  return value === null ? '–' : value.toFixed(2);
}
