// Stock Jupyter's world, as somebody has it who does without us: a tab, a Jupyter server with pages whose kernels are a
// gateway's (--gateway-url), and between the two a way that can be cut, where others have a tunnel.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startJupyterGateway } from '../helpers/jupyter-gateway.ts';
import { ownJupyter } from '../helpers/own-jupyter.ts';
import type { OwnJupyter } from '../helpers/own-jupyter.ts';
import { freePort } from '../helpers/real-gateway.ts';
import { loseAnswer } from './row-world.ts';
import type { RowWorld } from './row-world.ts';
import { openTab } from './tab.ts';
import { openWay } from './way.ts';

export interface StockOptions {
  timeScale: number;
  /** One release's `jupyter-server`, which is both ends. */
  program: string;
}

export type StockWorld = RowWorld & { ui: OwnJupyter };

export async function startStockWorld(options: StockOptions): Promise<StockWorld> {
  const parts = new AsyncDisposableStack();
  try {
    return await build(options, parts);
  } catch (error) {
    await parts.disposeAsync();
    throw error;
  }
}

async function build(
  { timeScale, program }: StockOptions,
  parts: AsyncDisposableStack,
): Promise<StockWorld> {
  const folder = await mkdtemp(path.join(tmpdir(), 'datalab-test-stock-'));
  parts.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const gateway = await startJupyterGateway('127.0.0.1', program, true);
  parts.defer(() => gateway.stop());
  const way = await openWay(() => Number(new URL(gateway.url).port));
  parts.defer(() => way.close());
  const ui = ownJupyter({
    ...{ program, folder, port: await freePort() },
    gateway: { url: `http://127.0.0.1:${way.port}`, token: gateway.token },
    // Its first wait before it connects again; the others are multiples of it.
    environment: { JUPYTER_GATEWAY_RETRY_INTERVAL: String(timeScale) },
  });
  parts.defer(() => ui.end('SIGKILL'));
  await ui.start();
  const tabs = parts.use(new AsyncDisposableStack());
  return {
    ...{ timeScale, gateway: { url: gateway.url, token: gateway.token, scheme: 'token' }, ui },
    openTab: async () => {
      const tab = await openTab({ url: ui.url, token: ui.token, timeScale });
      tabs.defer(() => tab.close());
      return tab;
    },
    cut: (fault) => way.cut(fault),
    mend: () => way.mend(),
    loseAnswer: () => loseAnswer(way, 'POST /api/kernels'),
    endUi: (signal) => ui.end(signal),
    startUi: () => ui.start(),
    end: () => parts.disposeAsync(),
  };
}
