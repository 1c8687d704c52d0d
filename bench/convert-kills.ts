/**
 * `npm run soak:convert`: conversions killed with -9 at random moments, each gone on from, and killed again at times. Every output
 * must be the very file of an undisturbed run. Exit code 1 where one is not.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { runCli } from '../test/support/app.ts';
import { convertUntil } from '../test/support/convert-run.ts';
import { seededRandom } from '../test/support/random.ts';
import { whole } from './arguments.ts';

const ENDINGS = ['mp4', 'mkv', 'mov', 'avi', 'ts'] as const;
/** Of the runs that go on from a killed one, how many are killed, too. */
const KILLED_AGAIN = 0.4;

const { kills, seed, model, seconds } = new Command('soak:convert')
  .description('kills conversions at random moments, and checks what is made of them in the end')
  .addOption(new Option('--kills <n>', 'kills in all').argParser(whole).default(20))
  .addOption(new Option('--seed <n>', 'of the random moments').argParser(whole).default(1))
  .addOption(new Option('--seconds <n>', 'length of the clip').argParser(whole).default(8))
  .option('--model <name>', 'as for convert', 'search')
  .parse()
  .opts<{ kills: number; seed: number; model: string; seconds: number }>();

const folder = mkdtempSync(join(tmpdir(), 'framelift-kills-'));
const at = (name: string): string => join(folder, name);
const random = seededRandom(seed);
const options = ['--fps', '60', '--model', model, '--quiet'];
const tone = ['-f', 'lavfi', '-i', 'sine=frequency=440'];
const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30'];
execFileSync('ffmpeg', [
  ...['-v', 'error', ...picture, ...tone, '-t', `${seconds}`],
  ...['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-c:a', 'aac', at('in.mp4')],
]);

/** The undisturbed output of each container. */
const references = new Map<string, Buffer>();

async function reference(ending: string): Promise<Buffer> {
  const known = references.get(ending);
  if (known) return known;
  const { code, stderr } = await runCli(['convert', at('in.mp4'), at(`whole.${ending}`), ...options]);
  if (code !== 0) throw new Error(stderr);
  const bytes = readFileSync(at(`whole.${ending}`));
  references.set(ending, bytes);
  return bytes;
}

/** Kills one conversion, perhaps several times, lets it come to its end, and compares. @returns how often it was killed. */
async function round(nth: number): Promise<{ killed: number; same: boolean }> {
  const ending = ENDINGS[nth % ENDINGS.length] ?? 'mp4';
  const expected = await reference(ending);
  const output = at(`killed.${ending}`);
  const shares: string[] = [];
  do {
    const share = random();
    const run = await convertUntil([at('in.mp4'), output, ...options, '--resume'], {
      file: at(`killed.partial.${ending}`),
      bytes: share * expected.length,
      signal: 'SIGKILL',
    });
    // Came to its end before: too near to it.
    if (!run.reached) break;
    shares.push(`${Math.round(100 * share)} %`);
  } while (random() < KILLED_AGAIN);
  const ended = readdirSync(folder).includes(`killed.${ending}`);
  const { code, stderr } = ended
    ? { code: 0, stderr: '' }
    : await runCli(['convert', at('in.mp4'), output, ...options, '--resume']);
  const same = code === 0 && readFileSync(output).equals(expected);
  rmSync(output, { force: true });
  console.log(
    `${ending}: killed at ${shares.join(', ') || 'no time'}: ${same ? 'the same file' : `ANOTHER FILE ${stderr}`}`,
  );
  return { killed: shares.length, same };
}

let [killed, wrong] = [0, 0];
try {
  for (let nth = 0; killed < kills; nth++) {
    const result = await round(nth);
    killed += result.killed;
    if (!result.same) wrong += 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${killed} kills, ${wrong} outputs that differ`);
process.exitCode = wrong === 0 ? 0 : 1;
