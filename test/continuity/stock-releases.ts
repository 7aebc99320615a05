// The releases of stock Jupyter that its rows are shown for, with both ends of one release.
import type { TestContext } from 'node:test';
import { NATIVE_LAB, requireNewGateway } from '../browser/ui-path.ts';
import { findProgram, requireProgram } from '../helpers/requires.ts';
import type { RowWorld } from './row-world.ts';
import { startStockWorld } from './stock-world.ts';

/** Of jupyter-server: those of Debian 12 and 13. */
export const RELEASES = ['1.23', '2.15'] as const;
export type Release = (typeof RELEASES)[number];

const TIME_SCALE = 0.3;

/** @returns undefined: the test is skipped */
export async function inStock<Seen>(
  t: TestContext,
  release: Release,
  row: (world: RowWorld) => Promise<Seen>,
): Promise<Seen | undefined> {
  const program = release === '1.23' ? requireOldServer(t) : requireNewGateway(t);
  if (program === undefined) return undefined;
  const world = await startStockWorld({ timeScale: TIME_SCALE, program });
  try {
    return await row(world);
  } finally {
    await world.end();
  }
}

function requireOldServer(t: TestContext): string | undefined {
  if (findProgram(NATIVE_LAB) === undefined) {
    return requireProgram(t, '/usr/bin/jupyter-server') ? 'jupyter-server' : undefined;
  }
  t.skip('this Debian has a newer jupyter-server');
  return undefined;
}
