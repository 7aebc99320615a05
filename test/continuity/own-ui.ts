// A Jupyter of one's own on somebody else's kernels (--gateway-url), as a part of a world, with the tabs that talk to it:
// stock-world.ts and own-jupyter-world.ts have one.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { OwnJupyterOptions } from '../helpers/own-jupyter.ts';
import { ownJupyter } from '../helpers/own-jupyter.ts';
import { freePort } from '../helpers/real-gateway.ts';
import type { RowWorld } from './row-world.ts';
import { openTab } from './tab.ts';

export interface OwnUiOptions extends Pick<OwnJupyterOptions, 'program' | 'gateway'> {
  timeScale: number;
  /** It ends with these. */
  parts: AsyncDisposableStack;
}

export async function startOwnUi(
  options: OwnUiOptions,
): Promise<Pick<RowWorld, 'openTab' | 'endUi' | 'startUi'>> {
  const { program, gateway, timeScale, parts } = options;
  const folder = await mkdtemp(path.join(tmpdir(), 'datalab-test-own-'));
  parts.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const ui = ownJupyter({
    ...{ program, gateway, folder, port: await freePort() },
    // Its first wait before it connects again; the others are multiples of it.
    environment: { JUPYTER_GATEWAY_RETRY_INTERVAL: String(timeScale) },
  });
  parts.defer(() => ui.end('SIGKILL'));
  await ui.start();
  const tabs = parts.use(new AsyncDisposableStack());
  return {
    openTab: async () => {
      const tab = await openTab({ url: ui.url, token: ui.token, timeScale });
      tabs.defer(() => tab.close());
      return tab;
    },
    endUi: (signal) => ui.end(signal),
    startUi: () => ui.start(),
  };
}
