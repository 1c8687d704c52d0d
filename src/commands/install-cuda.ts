/**
 * `framelift install-cuda`: ONNX Runtime's CUDA and TensorRT libraries, which its npm package leaves out. They are fetched by the package's own install
 * script, in a folder beside its libraries, and moved into place once they are whole.
 */
import { execFile, spawn } from 'node:child_process';
import { access, cp, glob, mkdtemp, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { FrameliftError } from '../errors.ts';
import { CUDA_LIBRARIES, hasCudaBuild, librariesFolder, runtimeFolder } from '../interp/providers/files.ts';
import { CUDA_NEEDS } from '../interp/providers/provider.ts';
import { type Clock, fromMs, plus, systemClock } from '../time.ts';

/** Options of {@link installCuda}. */
export interface InstallCudaOptions {
  /** Folder of an onnxruntime-node package. Default: the one that framelift uses. */
  readonly dir?: string | undefined;
  /** Environment of the package's script; proxies are taken from it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onProgress?: (text: string) => void;
  readonly clock?: Clock;
  /** Default: this machine's. */
  readonly platform?: string;
  readonly arch?: string;
  /** Free bytes that the volume must have: package, unpacked libraries and their copy. Default 2 GiB. */
  readonly needed?: number;
}

/** What {@link installCuda} found or did. */
export interface CudaInstallation {
  /** `present`: they were there already, and nothing was fetched. */
  readonly status: 'present' | 'installed';
  /** Version of onnxruntime-node. */
  readonly version: string;
  readonly folder: string;
  readonly libraries: readonly CudaLibrary[];
}

/** One library. */
interface CudaLibrary {
  readonly file: string;
  readonly bytes: number;
  /** Libraries of CUDA, cuDNN or TensorRT that it needs and the loader does not find. Undefined where `ldd` cannot tell. */
  readonly missing: readonly string[] | undefined;
}

/** Told by `framelift install-cuda --help`. */
export const CUDA_HELP = `
It runs the install script of onnxruntime-node itself, which fetches Microsoft.ML.OnnxRuntime.Gpu.Linux of its own version from
nuget.org. HTTP_PROXY, HTTPS_PROXY and NO_PROXY count. What is there already is not fetched again; npm ci removes it.

Needed besides, and not fetched:
  cuda      ${CUDA_NEEDS.cuda}
  tensorrt  ${CUDA_NEEDS.tensorrt}
Afterwards framelift doctor says whether the providers agree with the CPU.

Examples:
  framelift install-cuda
  framelift install-cuda --dir /srv/framelift/node_modules/onnxruntime-node --json`;

const NEEDED = 2 * 1024 ** 3;
const PROGRESS_EVERY = fromMs(1000);
const OTHERWISE =
  'Give it a way to nuget.org (HTTPS_PROXY), or run it where there is one and copy the libraries from there.';

/**
 * Fetches the libraries unless they are there.
 * @throws FrameliftError `config.invalid` when `dir` is no onnxruntime-node, `install.failed` for another platform, a full disk, no network.
 */
export async function installCuda(options: InstallCudaOptions): Promise<CudaInstallation> {
  const { platform = process.platform, arch = process.arch, needed = NEEDED } = options;
  if (!hasCudaBuild(platform, arch)) {
    throw new FrameliftError('install.failed', `ONNX Runtime has no CUDA libraries for ${platform} ${arch}`, {
      remedy: 'There are some for linux x64 only; the cpu and webgpu providers need none.',
    });
  }
  const dir = resolve(options.dir ?? runtimeFolder());
  const version = await packageVersion(dir);
  const folder = librariesFolder(dir);
  if (await allThere(folder)) return { status: 'present', version, folder, libraries: await describe(folder) };
  await requireSpace(dir, needed);
  await fetchInto(dir, folder, options);
  return { status: 'installed', version, folder, libraries: await describe(folder) };
}

/** The result for people. */
export function cudaReport({ status, version, folder, libraries }: CudaInstallation): string {
  const done = status === 'present' ? 'are there already' : 'are installed';
  const lines = libraries.map(({ file, bytes, missing }) => {
    const needs = missing?.length ? `; the loader does not find ${missing.join(', ')}` : '';
    return `  ${file.padEnd(38)} ${mebibytes(bytes)}${needs}`;
  });
  const lacking = libraries.some(({ missing }) => missing === undefined || missing.length > 0);
  const next = lacking
    ? `\ncuda: ${CUDA_NEEDS.cuda}\ntensorrt: ${CUDA_NEEDS.tensorrt}`
    : '\nAll that they need is there.';
  return `ONNX Runtime ${version}'s CUDA libraries ${done}: ${folder}\n${lines.join('\n')}${next}\nNow: framelift doctor.`;
}

async function packageVersion(dir: string): Promise<string> {
  try {
    // Checked in the next line.
    const { name, version } = JSON.parse(await readFile(join(dir, 'package.json'), 'utf8')) as Record<string, unknown>;
    if (name === 'onnxruntime-node' && typeof version === 'string') return version;
  } catch (cause) {
    throw new FrameliftError('config.invalid', `--dir ${dir} holds no package`, { remedy: WHICH_DIR, cause });
  }
  throw new FrameliftError('config.invalid', `--dir ${dir} is not onnxruntime-node`, { remedy: WHICH_DIR });
}

const WHICH_DIR = 'Leave it out, or give the folder node_modules/onnxruntime-node of an installation.';

async function allThere(folder: string): Promise<boolean> {
  const found = await Promise.all(
    CUDA_LIBRARIES.map((file) =>
      access(join(folder, file)).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.every(Boolean);
}

async function requireSpace(dir: string, needed: number): Promise<void> {
  const { bavail, bsize } = await statfs(dir);
  if (bavail * bsize >= needed) return;
  throw new FrameliftError(
    'install.failed',
    `${dir} has ${mebibytes(bavail * bsize)} free, the CUDA libraries need ${mebibytes(needed)} while they are unpacked`,
    { remedy: 'Make room on that volume.' },
  );
}

/** Runs a copy of the package's install script: it writes beside itself, and what it has not finished is thrown away. */
async function fetchInto(dir: string, folder: string, options: InstallCudaOptions): Promise<void> {
  let stage: string;
  try {
    stage = await mkdtemp(join(dir, '.cuda-'));
  } catch (cause) {
    throw new FrameliftError('install.failed', `${dir} cannot be written to`, {
      remedy: 'Run it as the user who installed framelift.',
      cause,
    });
  }
  try {
    await cp(join(dir, 'script'), join(stage, 'script'), { recursive: true });
    await runScript(stage, options);
    const fetched = librariesFolder(stage);
    if (!(await allThere(fetched))) {
      throw new FrameliftError('install.failed', `the install script of ${dir} fetched no CUDA libraries`, {
        remedy: OTHERWISE,
      });
    }
    for (const file of CUDA_LIBRARIES) await rename(join(fetched, file), join(folder, file));
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

async function runScript(stage: string, options: InstallCudaOptions): Promise<void> {
  const { env, onProgress = () => {}, clock = systemClock } = options;
  const script = spawn(process.execPath, [join(stage, 'script', 'install.js')], {
    // Node's own proxies: those of the script's library (GLOBAL_AGENT_HTTPS_PROXY) check certificates against the wrong name (global-agent 4.1.3).
    // `cuda12`, which the script documents, it ignores (1.30.0): `true` is all there is for the platform.
    env: { ...env, NODE_USE_ENV_PROXY: '1', ONNXRUNTIME_NODE_INSTALL: 'true', TMPDIR: stage },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  script.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  script.stdout.setEncoding('utf8').on('data', (text: string) => onProgress(text.trimEnd()));
  const ended = new Promise<string>((done) => {
    script.once('error', (error) => done(error.message));
    script.once('close', (code, signal) =>
      done(code === 0 ? '' : (lastError(said) ?? `it ended with ${signal ?? code}`)),
    );
  });
  const stopWatching = watchDownload(stage, clock, onProgress);
  const failure = await ended.finally(stopWatching);
  if (failure === '') return;
  throw new FrameliftError('install.failed', `ONNX Runtime's CUDA libraries could not be fetched: ${failure}`, {
    remedy: OTHERWISE,
  });
}

/** The message of the error that ended a Node process. */
function lastError(stderr: string): string | undefined {
  return stderr.match(/^\w*Error(?: \[\w+\])?: .*$/gm)?.at(-1);
}

/** Reports the size of the package while it comes in. */
function watchDownload(stage: string, clock: Clock, onProgress: (text: string) => void): () => void {
  let cancel = (): void => {};
  let stopped = false;
  let before = 0;
  const look = async (): Promise<void> => {
    for await (const file of glob('onnxruntime-node-pkgs_*/*.nupkg', { cwd: stage })) {
      const bytes = (await stat(join(stage, file)).catch(() => undefined))?.size ?? 0;
      if (bytes > before) onProgress(`${mebibytes(bytes)} so far`);
      before = bytes;
    }
    if (!stopped) again();
  };
  const again = (): void => {
    cancel = clock.at(plus(clock.now(), PROGRESS_EVERY), () => void look().catch(() => {}));
  };
  again();
  return () => {
    stopped = true;
    cancel();
  };
}

function describe(folder: string): Promise<CudaLibrary[]> {
  return Promise.all(
    CUDA_LIBRARIES.map(async (file) => {
      const path = join(folder, file);
      return { file, bytes: (await stat(path)).size, missing: await missingFor(path) };
    }),
  );
}

/** What the loader does not find for a library, by `ldd`. */
async function missingFor(path: string): Promise<string[] | undefined> {
  try {
    const { stdout } = await promisify(execFile)('ldd', [path]);
    return [...stdout.matchAll(/^\s*(\S+) => not found$/gm)].map((match) => match[1] ?? '');
  } catch {
    return undefined;
  }
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(bytes < 10 * 1024 ** 2 ? 1 : 0)} MiB`;
}
