// Tests with real parts need programs that a user's machine may lack: there they are skipped and say why;
// where CI=true a missing program is a failure.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { findProgram as findIn } from '../../emulator/find-program.ts';

/** Whether `program` (a name on PATH, or an absolute path) is there; if not, the test is skipped. */
export function requireProgram(t: Pick<TestContext, 'skip'>, program: string): boolean {
  if (findProgram(program) !== undefined) return true;
  return isMissing(t, `${program} is not installed`);
}

/** With CI=true what could be expected to be there must be. */
export function isMissing(t: Pick<TestContext, 'skip'>, message: string): false {
  if (process.env['CI'] === 'true')
    throw new Error(`${message}, and with CI=true nothing is skipped`);
  t.skip(message);
  return false;
}

/** A folder that is a small file system of its own, until the test ends; undefined: the test is skipped. */
export function requireMount(t: TestContext, options: string): string | undefined {
  if (!mayMount()) {
    t.skip('mounting a file system takes rights that this user has not');
    return undefined;
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'datalab-test-mount-'));
  t.after(() => {
    spawnSync('umount', ['--lazy', folder]);
    rmdirSync(folder);
  });
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]);
  if (mounted.status === 0) return folder;
  isMissing(t, `nothing can be mounted: ${String(mounted.stderr)}`);
  return undefined;
}

/** CAP_SYS_ADMIN, which root of a container need not have. */
function mayMount(): boolean {
  if (!existsSync('/proc/self/status')) return false;
  const [, mask = '0'] =
    /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return ((BigInt(`0x${mask}`) >> 21n) & 1n) === 1n;
}

/** Undefined: it is not on PATH, or cannot be run. */
export function findProgram(program: string): string | undefined {
  const folders = program.startsWith('/') ? [''] : (process.env['PATH'] ?? '').split(':');
  return findIn(program, folders);
}
