/**
 * Records onto a small disk, which it fills with something else for a while; writes what it saw as JSON. Run with the
 * directory.
 */
import { appendFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Recordings } from '../../src/egress/recording/recordings.ts';
import { recordingSettings } from '../../src/egress/recording/settings.ts';
import { SILENT_LOG } from '../../src/log.ts';
import { fromMs, ManualClock } from '../../src/time.ts';
import { ScriptedPublication } from './recorded.ts';

const [directory = '.'] = process.argv.slice(2);
const filler = join(directory, 'filler');
const clock = new ManualClock();
const source = new ScriptedPublication();
const removed: string[] = [];
const settings = { enabled: true, variant: 'source', segmentSeconds: 2, format: 'mp4', keepHours: 1 } as const;
const recordings = new Recordings(recordingSettings(settings, directory), {
  ...{ stream: 'cam', publications: { source, upconverted: new ScriptedPublication() }, clock, log: SILENT_LOG },
  events: { emit: (event) => event.type === 'recording-removed' && removed.push(event.reason) },
});
let second = 0;

/** Gives pictures, half a second at a time, until it is so; with 20 s at most. */
async function giveUntil(done: () => boolean): Promise<void> {
  for (let tries = 0; tries < 40 && !done(); tries += 1) {
    source.give(second, second + 0.5, { bytes: 20_000 });
    second += 0.5;
    clock.advance(fromMs(500));
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}

/** Takes whatever room there is. */
function fill(): void {
  try {
    for (;;) appendFileSync(filler, Buffer.alloc(64 << 10));
  } catch {
    // That is the point.
  }
}

await recordings.start();
await giveUntil(() => second >= 12 && recordings.status?.source?.state === 'recording');
const full = { state: recordings.status?.source?.state, removed: removed.length };
await giveUntil(() => {
  fill();
  return recordings.status?.source?.state === 'disk-full';
});
const filled = statSync(filler).size;
const { state, reason } = recordings.status?.source ?? {};
rmSync(filler);
await giveUntil(() => recordings.status?.source?.state === 'recording');
const again = recordings.status?.source?.state;
await giveUntil(() => recordings.segments.some(({ open, frames }) => open && (frames?.source ?? 0) > 30));
await recordings[Symbol.asyncDispose]();
const left = recordings.segments.map(({ name, frames }) => ({ name, frames: frames?.source }));
process.stdout.write(JSON.stringify({ full, filled, state, reason, again, left, removed: [...new Set(removed)] }));
