import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { lockAddress, ProcessLock } from '../../../../src/egress/file/lock.ts';

const SOURCE = new URL('../../../../src/egress/file/lock.ts', import.meta.url).href;

describe.each([process.platform, 'freebsd'] as const)('ProcessLock on %s', (platform) => {
  const name = `test-${process.pid}-${platform}`;

  it('is held by one, and free again', async () => {
    const first = await ProcessLock.take(name, platform);
    expect(first).toBeDefined();
    expect(await ProcessLock.take(name, platform)).toBeUndefined();
    await first?.[Symbol.asyncDispose]();
    await first?.[Symbol.asyncDispose]();
    await using again = await ProcessLock.take(name, platform);
    expect(again).toBeDefined();
  });

  it('dies with its process, killed with -9', async () => {
    const code = `import(${JSON.stringify(SOURCE)}).then(async ({ ProcessLock }) => {
      const lock = await ProcessLock.take(${JSON.stringify(name)}, ${JSON.stringify(platform)});
      console.log(lock ? 'held' : 'refused'); setInterval(() => {}, 1000); })`;
    const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [said] = await once(child.stdout, 'data');
    expect(String(said)).toContain('held');
    expect(await ProcessLock.take(name, platform)).toBeUndefined();
    child.kill('SIGKILL');
    await once(child, 'close');
    await using lock = await ProcessLock.take(name, platform);
    expect(lock).toBeDefined();
  });
});

describe('lockAddress', () => {
  it('leaves no file where the system knows sockets without one', () => {
    expect(lockAddress('x', 'linux').startsWith('\0')).toBe(true);
    expect(lockAddress('x', 'win32').startsWith('\\\\.\\pipe\\')).toBe(true);
  });
});
