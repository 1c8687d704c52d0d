#!/usr/bin/env node
// Starts the command line on Node 24 with V8 set up for live video: src/cli.ts in a checkout,
// dist/cli.js in a package. An older Node hands over to the one of the npm package `node`, which a
// checkout has.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

// They must stand on the command line: V8 reads them before any script runs (docs/measurements.md).
const FLAGS = [
  // One thread for garbage collection and compilation: four at once keep the decoder and the
  // encoder waiting on a small machine.
  '--v8-pool-size=1',
  // What packets and frames leave behind goes by collections of half a millisecond …
  '--max-semi-space-size=4',
  // … and hardly any of it reaches the old space, which without this is collected every two seconds
  // all the same, 50 ms each time.
  '--initial-old-space-size=64',
];

const modern = Number(process.versions.node.split('.')[0]) >= 24;
// V8 takes underscores for dashes.
const given = [...process.execArgv, ...(process.env.NODE_OPTIONS ?? '').split(' ')].join(' ').replaceAll('_', '-');
const missing = FLAGS.filter((flag) => !given.includes(flag.split('=')[0]));

const node = modern ? process.execPath : packagedNode();

if (modern && missing.length === 0) await start();
else if (node) restart();
else {
  console.error(
    `framelift needs Node 24 or later (this is ${process.version}): https://nodejs.org, or npm install --global node@24`,
  );
  process.exitCode = 1;
}

async function start() {
  // Node strips types of no file below node_modules, and a package holds no sources.
  if (existsSync(new URL('../src/cli.ts', import.meta.url))) return import('../src/cli.ts');
  process.setSourceMapsEnabled(true);
  return import('../dist/cli.js');
}

function packagedNode() {
  try {
    return createRequire(import.meta.url).resolve('node/bin/node');
  } catch {
    return undefined;
  }
}

function restart() {
  const args = [...missing, ...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  // In the same process where the system can: signals, exit codes and open files stay what they
  // are.
  if (process.execve && process.platform !== 'win32') process.execve(node, [node, ...args], process.env);
  const child = spawn(node, args, { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // A terminal sends Ctrl-C to both.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  child.on('error', (error) => {
    console.error(`framelift needs Node 24 or later, and ${node} does not start: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = signal ? 1 : (code ?? 1);
  });
}
