import { mkdtempSync, renameSync, rmSync, unwatchFile, watchFile, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { watchFiles } from '../../../src/app/watch-files.ts';
import { fromMs, ManualClock } from '../../../src/time.ts';

it('a file is noticed when it has been written, or another one takes its place, but not while it is written', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'framelift-watch-'));
  const path = join(folder, 'framelift.yaml');
  onTestFinished(() => {
    unwatchFile(path);
    rmSync(folder, { recursive: true });
  });
  writeFileSync(path, 'log: info');
  const clock = new ManualClock();
  const at = vi.spyOn(clock, 'at');
  let changes = 0;
  watchFiles(clock, () => {
    changes += 1;
  })([path]);
  // The first look is made in the background: a change before it would be none.
  const write = (): void => writeFileSync(path, `log: debug # ${performance.now()}`);
  await vi.waitFor(() => {
    write();
    expect(at).toHaveBeenCalled();
  }, 5000);
  clock.advance(fromMs(499));
  const seen = at.mock.calls.length;
  write();
  await vi.waitFor(() => expect(at.mock.calls.length).toBeGreaterThan(seen), 3000);
  clock.advance(fromMs(499));
  expect(changes).toBe(0);
  clock.advance(fromMs(1));
  expect(changes).toBe(1);
  const before = at.mock.calls.length;
  writeFileSync(`${path}.new`, 'log: warn # longer than before');
  renameSync(`${path}.new`, path);
  await vi.waitFor(() => expect(at.mock.calls.length).toBeGreaterThan(before), 3000);
  clock.advance(fromMs(500));
  expect(changes).toBe(2);
});

it('files that take the place of others are looked at, those others no more', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'framelift-watch-'));
  const [gone, fresh] = [join(folder, 'gone'), join(folder, 'fresh')];
  const clock = new ManualClock();
  const at = vi.spyOn(clock, 'at');
  const watch = watchFiles(clock, () => {});
  onTestFinished(() => {
    watch([]);
    unwatchFile(gone);
    rmSync(folder, { recursive: true });
  });
  for (const path of [gone, fresh]) writeFileSync(path, 'first');
  const written = (path: string, noticed: () => void): Promise<void> =>
    vi.waitFor(() => {
      writeFileSync(path, `${performance.now()}`);
      noticed();
    }, 5000);
  watch([gone]);
  await written(gone, () => expect(at).toHaveBeenCalled());
  watch([fresh]);
  at.mockClear();
  // It would share the look of the one that was there.
  const other = vi.fn();
  watchFile(gone, { interval: 250, persistent: false }, other);
  await written(gone, () => expect(other).toHaveBeenCalled());
  expect(at).not.toHaveBeenCalled();
  await written(fresh, () => expect(at).toHaveBeenCalled());
});
