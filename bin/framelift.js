#!/usr/bin/env node
// Starts src/cli.ts on Node 24 with V8 set up for live video. On an older Node, with the Node that the npm package `node` brings.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

// They must stand on the command line: V8 reads them before any script runs (docs/measurements.md).
const FLAGS = [
  // One thread for garbage collection and compilation: four at once keep the decoder and the encoder waiting on a small machine.
  '--v8-pool-size=1',
  // What packets and frames leave behind goes by collections of half a millisecond …
  '--max-semi-space-size=4',
  // … and hardly any of it reaches the old space, which without this is collected every two seconds all the same, 50 ms each time.
  '--initial-old-space-size=64',
];

const modern = Number(process.versions.node.split('.')[0]) >= 24;
// V8 takes underscores for dashes.
const given = [...process.execArgv, ...(process.env.NODE_OPTIONS ?? '').split(' ')].join(' ').replaceAll('_', '-');
const missing = FLAGS.filter((flag) => !given.includes(flag.split('=')[0]));

if (modern && missing.length === 0) await import('../src/cli.ts');
else restart();

function restart() {
  const node = modern ? process.execPath : createRequire(import.meta.url).resolve('node/bin/node');
  const args = [...missing, ...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  // In the same process where the system can: signals, exit codes and open files stay what they are.
  if (process.execve && process.platform !== 'win32') process.execve(node, [node, ...args], process.env);
  const child = spawn(node, args, { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // A terminal sends Ctrl-C to both.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  child.on('error', (error) => {
    console.error(`framelift needs Node 24 or later (this is ${process.version}): ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = signal ? 1 : (code ?? 1);
  });
}
