// Our world with a Jupyter of the user's own in front of it, as `connect` tells to start one (--gateway-url): a tab talks to
// that server, which talks to the relay. It has the face of the rows.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import type { PageKind } from '../browser/ui-path.ts';
import { requirePages } from '../browser/ui-path.ts';
import { ownJupyter } from '../helpers/own-jupyter.ts';
import { freePort } from '../helpers/real-gateway.ts';
import { findProgram } from '../helpers/requires.ts';
import type { RowWorld } from './row-world.ts';
import { rowWorldOf } from './row-world.ts';
import { openTab } from './tab.ts';
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
}: OwnJupyterWorldOptions): Promise<RowWorld & { url: string; token: string }> {
  const parts = new AsyncDisposableStack();
  try {
    const world = await startWorld({ timeScale });
    parts.defer(() => world.end());
    const folder = await mkdtemp(path.join(tmpdir(), 'datalab-test-own-'));
    parts.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
    const ui = ownJupyter({
      ...{ program, folder, port: await freePort() },
      gateway: { url: world.url, token: world.token },
      environment: { JUPYTER_GATEWAY_RETRY_INTERVAL: String(timeScale) },
    });
    parts.defer(() => ui.end('SIGKILL'));
    await ui.start();
    const tabs = parts.use(new AsyncDisposableStack());
    return {
      ...rowWorldOf(world, timeScale),
      ...{ url: ui.url, token: ui.token },
      openTab: async () => {
        const tab = await openTab({ url: ui.url, token: ui.token, timeScale });
        tabs.defer(() => tab.close());
        return tab;
      },
      endUi: (signal) => ui.end(signal),
      startUi: () => ui.start(),
      end: () => parts.disposeAsync(),
    };
  } catch (error) {
    await parts.disposeAsync();
    throw error;
  }
}
