// Where the pages' Jupyter is found: JupyterLab where Debian has it (13), else from the trixie root; the classic notebook
// where Debian has that instead (12).
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { findProgram, isMissing, requireProgram } from '../helpers/requires.ts';

export type PageKind = 'lab' | 'classic';

const TRIXIE_ROOT = path.join(import.meta.dirname, '../trixie/trixie-root.sh');
export const NATIVE_LAB = '/usr/bin/jupyter-lab';

/** @returns a search path on which `kind` is found; undefined: the test is skipped */
export function requirePages(t: TestContext, kind: PageKind): string | undefined {
  const own = process.env['PATH'] ?? '';
  const hasNativeLab = findProgram(NATIVE_LAB) !== undefined;
  if (kind === 'classic') {
    if (!hasNativeLab) return requireProgram(t, '/usr/bin/jupyter-notebook') ? own : undefined;
    t.skip('this Debian has JupyterLab in place of the classic notebook');
    return undefined;
  }
  if (hasNativeLab) return own;
  const root = requireTrixieRoot(t);
  return root && `${root}/bin:${own}`;
}

/** A newer release's jupyter-server. @returns undefined: the test is skipped */
export function requireNewGateway(t: TestContext): string | undefined {
  if (findProgram(NATIVE_LAB) !== undefined) return 'jupyter-server';
  const root = requireTrixieRoot(t);
  return root && `${root}/bin/jupyter-server`;
}

function requireTrixieRoot(t: TestContext): string | undefined {
  const { status, stdout } = spawnSync(TRIXIE_ROOT, ['--find'], { encoding: 'utf8' });
  if (status === 0) return stdout.trim();
  isMissing(t, 'there is no trixie root; make it, as root, with: test/trixie/trixie-root.sh');
  return undefined;
}
