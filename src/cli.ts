/** argv → command. The only file that knows the process, its signals and its exit codes. */
import { readFileSync } from 'node:fs';
import { SingleBar } from 'cli-progress';
import { Command, Option } from 'commander';
import { checkSources, Framelift } from './app/framelift.ts';
import { watchFiles } from './app/watch-files.ts';
import {
  cadenceOption,
  collect,
  deinterlaceOption,
  delayOption,
  milliseconds,
  number,
  rateOptions,
  sourceVariantOption,
} from './commands/arguments.ts';
import { asker } from './commands/ask.ts';
import { addConvert, type ConvertFlags } from './commands/convert/command.ts';
import { convert } from './commands/convert/convert.ts';
import { summary } from './commands/convert/messages.ts';
import { type ConvertProgress, ProgressReport } from './commands/convert/progress.ts';
import { examine } from './commands/doctor/examine.ts';
import { findingsTable, isFault } from './commands/doctor/finding.ts';
import { addEval, type EvalFlags } from './commands/eval/command.ts';
import { addInspect } from './commands/inspect/command.ts';
import { CUDA_HELP, cudaReport, installCuda } from './commands/install-cuda.ts';
import { modelsTable } from './commands/models-table.ts';
import { print } from './commands/print.ts';
import { StopSignal } from './commands/stop-signal.ts';
import { urlFile } from './commands/url-file.ts';
import { configFromFlags, generateTokens, type ServeFlags } from './config/flags.ts';
import type { Config } from './config/schema.ts';
import { STDOUT } from './egress/file/formats.ts';
import { type ErrorCode, FrameliftError } from './errors.ts';
import { evaluate } from './eval/evaluate.ts';
import { evalTable } from './eval/report.ts';
import { readManifest } from './interp/models/manifest.ts';
import { type LogOptions, makeLog } from './log.ts';
import { sourceKind } from './stream/make-source.ts';
import { fromMs, plus, systemClock } from './time.ts';

/** Exit codes: 0 done, 1 failed while running, 2 the command or configuration is wrong, 3 done, of a damaged input. */
const FAILED = 1;
const MISUSED = 2;
const DAMAGED = 3;
const MISUSE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'config.invalid',
  'source.not-found',
  'source.forbidden',
  'source.no-video',
  'source.unsupported-codec',
  'source.unsupported-scheme',
  'model.not-found',
  'provider.unusable',
]);
/** A second signal, or this long after the first, ends the process without waiting. */
const DRAIN_TIMEOUT = fromMs(1800);

// The file is ours: package.json always has a version.
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('framelift')
  .description('Streaming real-time frame-rate upconverter: RTSP, WHIP or files in, neural interpolation, WebRTC out.')
  .version(version)
  .showHelpAfterError('(framelift --help shows how)')
  .exitOverride();

rateOptions(program.command('serve', { isDefault: true }))
  .description('serve live streams over WebRTC (WHEP) with a page, an API and metrics; without a source, the demo')
  .argument('[sources...]', '[name=]rtsp://…, another URL, whip (publishers), a file, or demo')
  .option('--config <file>', 'YAML file; the command line wins over it; SIGHUP reads it again')
  .option('--watch', 'read the file again when it, or the certificate, has changed')
  .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
  .addOption(new Option('--port <port>', 'port to listen on (default: 8080)').argParser(number))
  .addOption(
    new Option('--public-url <url>', 'where people open the page, if not by that address; may be repeated')
      .argParser(collect)
      .default([]),
  )
  .option('--tls-cert <file>', 'PEM certificate: https and wss instead of http and ws')
  .option('--tls-key <file>', 'its PEM key')
  .addOption(
    new Option('--url-file <file>', 'write the address to this file once framelift listens').env('FRAMELIFT_URL_FILE'),
  )
  .option('--publish-token <token>', 'lets who has it publish by WHIP; generate makes one up and prints it')
  .option('--play-token <token>', 'lets only who has it play; generate, as above')
  .option('--admin-token <token>', 'lets who has it change everything; generate, as above')
  .addOption(
    new Option('--ingest <how>', 'read RTSP directly, or through the ffmpeg program').choices(['auto', 'ffmpeg']),
  )
  .addOption(new Option('--transport <how>', 'RTSP over TCP or UDP').choices(['tcp', 'udp']))
  .option('--loop', 'start files again at their end')
  .addOption(deinterlaceOption())
  .addOption(cadenceOption())
  .addOption(delayOption())
  .option('--no-audio', 'play no sound')
  .option('--on-demand', 'read the source only while somebody watches, records or takes it over')
  .option('--record', 'keep the upconverted streams on disk, in ./recordings unless the configuration says otherwise')
  .addOption(sourceVariantOption())
  .addOption(
    new Option(
      '--batch <n>',
      'most pairs, of all streams, that share a run of the network (default: 1 on the CPU, else 4)',
    ).argParser(number),
  )
  .addOption(
    new Option(
      '--latency-budget <time>',
      'most that a source frame may be delayed, 120ms or 0.12s (default: (N-1)/N of a source interval + 40ms)',
    ).argParser(milliseconds),
  )
  .addOption(
    new Option('--log <level>', 'least severe lines to log (default: info)').choices([
      'trace',
      'debug',
      'info',
      'warn',
      'error',
      'silent',
    ]),
  )
  .addOption(
    new Option('--log-format <format>', 'auto: pretty on a terminal, else JSON').choices(['auto', 'pretty', 'json']),
  )
  .addHelpText(
    'after',
    `
Examples:
  framelift                                          the demo, 15 → 60 fps, on http://127.0.0.1:8080/
  framelift serve rtsp://camera.local/stream --fps 60
  framelift serve lab=rtsp://nurse:secret@10.0.0.7/cam door=srt://10.0.0.8:9000 --factor 2
  framelift serve cam=whip --publish-token generate
  framelift serve --config framelift.yaml --watch

--model auto measures the models at the stream's size and takes the best one that is in time.
Watch at /, read metrics at /metrics, play at /whep/<name> and /whep/<name>?variant=source, publish at /whip/<name> with a token.`,
  )
  .action(async (sources: string[], flags: ServeFlags) => serve(sources, flags));

addConvert(program, runConvert);

addEval(program, runEval);

addInspect(program);

program
  .command('models')
  .description('list the models that can be chosen with --model')
  .option('--json', 'print as JSON')
  .action(async (flags: { json?: boolean }) => {
    const models = await readManifest();
    await print(process.stdout, flags.json ? JSON.stringify(models, null, 2) : modelsTable(models));
  });

program
  .command('doctor')
  .description(
    'check this machine (Node, ffmpeg, inference, models), and with sources or --config all that serve would use',
  )
  .argument('[sources...]', 'as for serve: each is asked for a frame')
  .option('--config <file>', 'as for serve: its addresses, certificate, tokens, models and sources are tried')
  .option('--json', 'print as JSON')
  .addOption(new Option('--port <port>', 'port that serve would use (default: 8080)').argParser(number))
  .addHelpText(
    'after',
    `
Nothing is served meanwhile. What is MISSING or WRONG has a remedy below it, and the exit code is 1.

Examples:
  framelift doctor
  framelift doctor rtsp://camera.local/stream
  framelift doctor --config framelift.yaml --json`,
  )
  .action(async (given: string[], flags: DoctorFlags) => runDoctor(given, flags));

program
  .command('install-cuda')
  .description(
    "fetch ONNX Runtime's CUDA and TensorRT libraries (linux x64, some 250 MB), for --provider cuda or tensorrt",
  )
  .option('--dir <folder>', 'onnxruntime-node to install into (default: the one that framelift uses)')
  .option('--json', 'print the result as JSON')
  .addHelpText('after', CUDA_HELP)
  .action(async ({ dir, json }: { dir?: string; json?: boolean }) => {
    const result = await installCuda({ dir, env: process.env, onProgress: (text) => console.error(text) });
    await print(process.stdout, json ? JSON.stringify(result, null, 2) : cudaReport(result));
  });

interface DoctorFlags {
  readonly config?: string;
  readonly port?: number;
  readonly json?: boolean;
}

async function runDoctor(given: readonly string[], { json, ...flags }: DoctorFlags): Promise<void> {
  const asked = given.length > 0 || flags.config !== undefined;
  const findings = await examine(asked ? configFromFlags(given, flags) : (flags.port ?? 8080), process.env);
  await print(process.stdout, json ? JSON.stringify(findings, null, 2) : findingsTable(findings));
  process.exitCode = findings.some(isFault) ? FAILED : 0;
}

async function serve(sources: readonly string[], given: ServeFlags): Promise<void> {
  const { flags, generated } = generateTokens(given);
  let app: Framelift | undefined;
  // What is wrong with a file, reloading has logged.
  const reload = (): void => void app?.reload().catch(() => {});
  const watch = watchFiles(systemClock, reload);
  const read = (): Config => {
    const config = configFromFlags(sources, flags);
    if (flags.watch) watch(filesOf(flags.config, config));
    checkSources(config.streams, (stream) => sourceKind(stream.source, stream.ingest));
    return config;
  };
  const config = read();
  const tellUrl = urlFile(flags.urlFile);
  // ffmpeg would pass by the gateway that checks where sources lead (docs/security.md).
  delete process.env.no_proxy;
  const log = makeLog({ ...logStyle(config), clock: systemClock });
  const stop = new Promise<string>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(signal));
    // Without a file there is nothing to read again: then it means, as for any program, that the terminal is gone.
    if (flags.config === undefined) process.once('SIGHUP', () => resolve('SIGHUP'));
    else process.on('SIGHUP', () => reload());
  });
  app = await Framelift.start({
    ...{ config, log, version, env: process.env },
    ...(flags.config === undefined ? {} : { reread: read }),
  });
  tellUrl(app.url);
  console.error(`framelift ${version} on ${app.url}  (Ctrl-C stops)`);
  for (const [role, token] of generated) console.error(`${role} token: ${token}`);
  const signal = await stop;
  log.info({ signal }, 'stopping');
  const cancelHardStop = systemClock.at(plus(systemClock.now(), DRAIN_TIMEOUT), () => process.exit(FAILED));
  for (const again of ['SIGINT', 'SIGTERM'] as const) process.once(again, () => process.exit(FAILED));
  await app[Symbol.asyncDispose]();
  cancelHardStop();
  log.info({ liveFrames: app.liveFrames }, 'stopped');
  process.exit(app.liveFrames === 0 ? 0 : FAILED);
}

/** How the log looks: for people on a terminal, for programs in a pipe. */
function logStyle({ log: level, logFormat }: Config): Omit<LogOptions, 'clock'> {
  const terminal = process.stderr.isTTY === true;
  const format = logFormat === 'auto' ? (terminal ? 'pretty' : 'json') : logFormat;
  return { level, format, colour: terminal && !process.env.NO_COLOR };
}

/** The files that `--watch` watches. @throws FrameliftError `config.invalid` when there are none. */
function filesOf(file: string | undefined, { server: { tls } }: Config): string[] {
  if (file !== undefined) return [file, ...(tls ? [tls.cert, tls.key] : [])];
  throw new FrameliftError('config.invalid', '--watch has no file to watch', { remedy: 'Give one with --config.' });
}

async function runConvert(input: string, output: string, flags: ConvertFlags): Promise<void> {
  const stop = new StopSignal(process);
  const { json, quiet, ...options } = flags;
  const report = new ProgressReport({
    form: json ? 'lines' : !quiet && process.stderr.isTTY ? 'bar' : 'none',
    // The video has standard output for itself.
    line: (text) => (output === STDOUT ? console.error(text) : console.log(text)),
    stream: process.stderr,
    now: () => systemClock.now(),
  });
  const result = await convert({
    ...options,
    input,
    output,
    stdout: process.stdout,
    confirm: asker({ input: process.stdin, output: process.stderr }),
    signal: stop.signal,
    onProgress: (at: ConvertProgress) => report.update(at),
  }).finally(() => report.stop());
  if (json)
    await print(output === STDOUT ? process.stderr : process.stdout, JSON.stringify({ type: 'result', ...result }));
  else if (!quiet) console.error(summary(result).join('\n'));
  process.exit(result.interrupted ? stop.exitCode : result.damaged ? DAMAGED : 0);
}

async function runEval(paths: readonly string[], flags: EvalFlags): Promise<void> {
  const stop = new StopSignal(process);
  const show = !flags.quiet && process.stderr.isTTY;
  const bar = show
    ? new SingleBar({
        format: ' {bar} {percentage}% | {value}/{total} gaps | {item} | ETA {eta_formatted}',
        stream: process.stderr,
      })
    : undefined;
  const { model: models, baseline: baselines, ...rest } = flags;
  const report = await evaluate({
    ...rest,
    paths,
    models,
    baselines,
    signal: stop.signal,
    onProgress({ done, total, item }) {
      if (bar?.isActive) bar.update(done, { item });
      else bar?.start(total, done, { item });
    },
  }).finally(() => bar?.stop());
  await print(process.stdout, flags.json ? JSON.stringify(report, null, 2) : evalTable(report));
  if (flags.sheet && !flags.quiet) console.error(`${flags.sheet}: the worst cases`);
  if (report.interrupted) console.error('interrupted: only finished items are in the figures');
  process.exit(report.interrupted ? stop.exitCode : 0);
}

/** One error, as people should see it. */
function report(thrown: unknown): void {
  if (thrown instanceof FrameliftError) {
    console.error(`framelift: ${thrown.message}${thrown.remedy ? `\n  → ${thrown.remedy}` : ''}`);
    const misuse = MISUSE.has(thrown.code);
    process.exit(misuse ? MISUSED : FAILED);
  }
  throw thrown;
}

try {
  await program.parseAsync();
} catch (thrown) {
  if (thrown instanceof Error && 'exitCode' in thrown && typeof thrown.exitCode === 'number') {
    process.exit(thrown.exitCode === 0 ? 0 : MISUSED);
  }
  report(thrown);
}
