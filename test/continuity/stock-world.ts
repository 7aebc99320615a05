// Stock Jupyter's world, as somebody has it who does without us: a tab, a Jupyter server with pages whose kernels are a
// gateway's (--gateway-url), and between the two a way that can be cut, where others have a tunnel.
import { startJupyterGateway } from '../helpers/jupyter-gateway.ts';
import { startOwnUi } from './own-ui.ts';
import { loseAnswer } from './row-world.ts';
import type { RowWorld } from './row-world.ts';
import { openWay } from './way.ts';

export interface StockOptions {
  timeScale: number;
  /** One release's `jupyter-server`, which is both ends. */
  program: string;
}

export async function startStockWorld({ timeScale, program }: StockOptions): Promise<RowWorld> {
  const parts = new AsyncDisposableStack();
  try {
    const gateway = await startJupyterGateway('127.0.0.1', program, true);
    parts.defer(() => gateway.stop());
    const way = await openWay(() => Number(new URL(gateway.url).port));
    parts.defer(() => way.close());
    const there = { url: `http://127.0.0.1:${way.port}`, token: gateway.token };
    return {
      ...{ timeScale, gateway: { url: gateway.url, token: gateway.token, scheme: 'token' } },
      ...(await startOwnUi({ program, gateway: there, timeScale, parts })),
      cut: (fault) => way.cut(fault),
      mend: () => way.mend(),
      loseAnswer: () => loseAnswer(way, 'POST /api/kernels'),
      end: () => parts.disposeAsync(),
    };
  } catch (error) {
    await parts.disposeAsync();
    throw error;
  }
}
