/** How wide encoders may compute. */
import { readFileSync } from 'node:fs';

let avx512: boolean | undefined;

/**
 * Encoders' own settings that keep them to AVX2 where the processor has AVX-512, as `name: settings`. With AVX-512 x264 gave
 * the same pictures other packets now and then, on a busy machine (docs/decisions/files.md); a conversion that is gone on with
 * has to give the same.
 */
export function vectorSettings(encoder: string): { readonly name: string; readonly value: string } | undefined {
  const name = NAMES[encoder];
  if (name === undefined) return undefined;
  avx512 ??= hasAvx512(cpuInfo());
  return avx512 ? { name, value: 'asm=avx2' } : undefined;
}

const NAMES: Readonly<Record<string, string>> = { libx264: 'x264-params', libsvtav1: 'svtav1-params' };

/** Whether Linux's list of a processor's features names AVX-512. Pure. */
export function hasAvx512(info: string): boolean {
  return /^flags\s*:.*\bavx512f\b/m.test(info);
}

function cpuInfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return ''; // another system, of which nothing is known
  }
}
