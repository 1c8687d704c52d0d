/** Gives a result to whoever asked: JSON or text on standard output, and both in bench/results/ with --save. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Machine, machineText } from './machine.ts';

const RESULTS = fileURLToPath(new URL('./results', import.meta.url));

/** How a result is given. */
export interface OutputFlags {
  readonly json?: boolean;
  /** Name of the files, without ending. */
  readonly save?: string;
}

/** Something measured. */
export interface Measured {
  /** What was measured, as a heading. */
  readonly title: string;
  /** The command that measures it again. */
  readonly command: string;
  readonly machine: Machine;
  /** Plain JSON. */
  readonly result: object;
  /** The result for people, in Markdown. */
  readonly text: string;
}

/** Prints the result, and overwrites `bench/results/<name>.json` and `.md`. */
export function give(measured: Measured, { json, save }: OutputFlags): void {
  const { title, command, machine, result, text } = measured;
  const data = `${JSON.stringify({ command, machine, ...result }, null, 2)}\n`;
  const words = `${text}\n\n${machineText(machine)}\n`;
  process.stdout.write(json ? data : words);
  if (save === undefined) return;
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(`${RESULTS}/${save}.json`, data);
  writeFileSync(`${RESULTS}/${save}.md`, `# ${title}\n\n    ${command}\n\n${words}`);
}
