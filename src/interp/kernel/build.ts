/**
 * Compiles the kernel: `npm run build:kernel`. The result is committed; a test compares it with a
 * fresh build.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const HERE = new URL('.', import.meta.url);

/**
 * Compiler options: one imported shared memory of at most 2 GiB, no runtime, no static data above
 * the arena's reserve.
 */
const OPTIONS = [
  'index.ts',
  '--outFile',
  'kernel.wasm',
  '-O3',
  '--noAssert',
  '--converge',
  '--enable',
  'simd',
  '--enable',
  'threads',
  '--importMemory',
  '--sharedMemory',
  '--maximumMemory',
  '32768',
  '--runtime',
  'stub',
  '--use',
  'abort=',
];

/**
 * A source as the compiler wants it. Functions that are inlined are marked by a comment, `//
 * @inline`, in a line of its own: the decorator of AssemblyScript is no TypeScript, and linters and
 * formatters cannot read a file that has it. Null: there is no such file.
 */
async function readSource(name: string, folder: string): Promise<string | null> {
  try {
    return (await readFile(join(folder, name), 'utf8')).replace(/^\/\/ @inline$/gm, '@inline');
  } catch {
    return null;
  }
}

/** The kernel as WebAssembly bytes. @throws Error with the compiler's messages. */
export async function buildKernel(): Promise<Uint8Array> {
  let bytes: Uint8Array | undefined;
  const { error, stderr } = await asc.main([...OPTIONS, '--baseDir', fileURLToPath(new URL('assembly/', HERE))], {
    readFile: readSource,
    writeFile(name, contents) {
      if (name === 'kernel.wasm' && contents instanceof Uint8Array) bytes = contents;
    },
  });
  if (error || !bytes) throw new Error(`kernel does not compile: ${error?.message ?? ''}\n${stderr.toString()}`);
  return bytes;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const bytes = await buildKernel();
  await writeFile(new URL('kernel.wasm', HERE), bytes);
  console.log(`kernel.wasm: ${bytes.length} bytes`);
}
