// A gateway, two relays on it for two folders, and a UI server for the first: what the tests with a real Jupyter share.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findJupyter } from '../../client/jupyter/jupyter-programs.ts';
import type { UiServer } from '../../client/jupyter/ui-answers.ts';
import { startUiServer } from '../../client/jupyter/ui-server.ts';
import type { Relay } from '../../client/relay/relay.ts';
import { startRelay } from '../../client/relay/relay.ts';
import type { AgentStandIn } from '../helpers/agent-stand-in.ts';
import { startAgentStandIn } from '../helpers/agent-stand-in.ts';
import type { RealGateway } from '../helpers/real-gateway.ts';
import { startRealGateway } from '../helpers/real-gateway.ts';
import { systemClock } from '../../client/clock.ts';

export interface JupyterWorld {
  gateway: RealGateway;
  agent: AgentStandIn;
  ui: UiServer;
  /** With the UI server. */
  relay: Relay;
  /** Of another folder, without pages. */
  otherRelay: Relay;
  contentDir: string;
  /** What `onState` of the first relay was told. */
  states: string[];
  end(): Promise<void>;
}

const CELL = {
  cell_type: 'code',
  execution_count: null,
  id: 'first',
  metadata: {},
  outputs: [],
  source: 'print("the answer is", 6 * 7)',
};
const NOTEBOOK = {
  cells: [CELL],
  metadata: { kernelspec: { name: 'python3', display_name: 'Python 3', language: 'python' } },
  nbformat: 4,
  nbformat_minor: 5,
};

export async function startJupyterWorld(): Promise<JupyterWorld> {
  const folder = mkdtempSync(path.join(tmpdir(), 'datalab-test-relay-'));
  const contentDir = path.join(folder, 'content');
  const stateDir = path.join(folder, 'state');
  mkdirSync(contentDir);
  writeFileSync(path.join(contentDir, 'example.ipynb'), JSON.stringify(NOTEBOOK));
  const { ui: program } = await findJupyter(process.env);
  if (!program) throw new Error('neither JupyterLab nor the classic notebook is installed');
  const [gateway, ui] = await Promise.all([
    startRealGateway(),
    startUiServer({
      ...{ program, contentDir, stateDir, environment: process.env },
      ...{ isRoot: process.getuid?.() === 0, clock: systemClock },
    }),
  ]);
  const agent = await startAgentStandIn(gateway);
  const states: string[] = [];
  const common = {
    ...{ port: 0, isPortFixed: false, agent: agent.access, clock: systemClock },
    timings: { grace: 300, hold: 300, read: 100, change: 300, create: 300 },
  };
  const relay = await startRelay({
    ...common,
    token: 'relay-token',
    folder: 'content-1',
    ui,
    channelsDir: path.join(folder, 'channels'),
    onState: (state) => states.push(state),
  });
  const other = {
    ...{ token: 'other-token', folder: 'content-2', ui: undefined },
    channelsDir: path.join(folder, 'other-channels'),
  };
  const otherRelay = await startRelay({ ...common, ...other });
  const end = async () => {
    await Promise.all([relay.close(), otherRelay.close(), ui.stop()]);
    await agent.close();
    await gateway.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  return { gateway, agent, ui, relay, otherRelay, contentDir, states, end };
}
