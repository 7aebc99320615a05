// Our world with a Jupyter of the user's own in front of it, as `connect` tells to start one (--gateway-url): a tab talks to
// that server, which talks to the relay. It has the face of the rows.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { PageKind } from '../browser/ui-path.ts';
import { requirePages } from '../browser/ui-path.ts';
import { findProgram } from '../helpers/requires.ts';
import { startOwnUi } from './own-ui.ts';
import type { RowWorld } from './row-world.ts';
import { rowWorldOf } from './row-world.ts';
import { startWorld } from './world.ts';

/** @returns undefined: the test is skipped */
export async function inOwn<Seen>(
  t: TestContext,
  kind: PageKind,
  row: (world: RowWorld) => Promise<Seen>,
): Promise<Seen | undefined> {
  const searchPath = requirePages(t, kind);
  if (searchPath === undefined) return undefined;
  const name = kind === 'lab' ? 'jupyter-lab' : 'jupyter-notebook';
  const program = searchPath
    .split(':')
    .map((folder) => findProgram(`${folder}/${name}`))
    .find((file) => file !== undefined);
  assert.ok(program);
  const world = await startOwnJupyterWorld({ timeScale: 0.1, program });
  try {
    return await row(world);
  } finally {
    await world.end();
  }
}

export interface OwnJupyterWorldOptions {
  timeScale: number;
  /** `jupyter-notebook` or `jupyter-lab`. */
  program: string;
}

export async function startOwnJupyterWorld({
  timeScale,
  program,
}: OwnJupyterWorldOptions): Promise<RowWorld> {
  const parts = new AsyncDisposableStack();
  try {
    const world = await startWorld({ timeScale });
    parts.defer(() => world.end());
    const gateway = { url: world.url, token: world.token };
    return {
      ...rowWorldOf(world, timeScale),
      ...(await startOwnUi({ program, gateway, timeScale, parts })),
      end: () => parts.disposeAsync(),
    };
  } catch (error) {
    await parts.disposeAsync();
    throw error;
  }
}
