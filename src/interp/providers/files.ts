/**
 * Where onnxruntime-node lies and which provider libraries lie beside it. Looks at files only: the
 * library itself is not loaded.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Provider, Refusal } from './provider.ts';

/** Folder of the onnxruntime-node that framelift uses. */
export function runtimeFolder(): string {
  return dirname(fileURLToPath(import.meta.resolve('onnxruntime-node/package.json')));
}

/**
 * Where a copy of onnxruntime-node has the libraries of Linux on x64. @param folder of the package.
 */
export function librariesFolder(folder: string): string {
  return join(folder, 'bin', 'napi-v6', 'linux', 'x64');
}

/** What onnxruntime-node's package leaves out and fetches for CUDA and TensorRT. */
export const CUDA_LIBRARIES = [
  'libonnxruntime_providers_shared.so',
  'libonnxruntime_providers_cuda.so',
  'libonnxruntime_providers_tensorrt.so',
] as const;

/** True where ONNX Runtime is built for CUDA. */
export function hasCudaBuild(platform: string, arch: string): boolean {
  return platform === 'linux' && arch === 'x64';
}

/** Why a provider need not be tried here; undefined when only trying tells. */
export function absence(provider: Provider): Refusal | undefined {
  if (provider !== 'cuda' && provider !== 'tensorrt') return undefined;
  if (!hasCudaBuild(process.platform, process.arch)) {
    return { reason: `onnxruntime-node has no ${provider} on ${process.platform} ${process.arch}, only on linux x64` };
  }
  const libraries = librariesFolder(runtimeFolder());
  if (CUDA_LIBRARIES.every((file) => existsSync(join(libraries, file)))) return undefined;
  return { reason: "ONNX Runtime's CUDA libraries are not installed", remedy: 'Run: framelift install-cuda.' };
}
