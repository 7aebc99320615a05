// Where the kernels are in the tests with a browser: a real gateway, and the agent as a program in front of it. pages.ts
// puts relays and UI servers on it, each with a way of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { ACCESS_TOKEN, startApiServer } from '../agent/api-server.ts';
import { compiledCode } from '../helpers/compiled-code.ts';
import { startJupyterGateway } from '../helpers/jupyter-gateway.ts';
import { freePort } from '../helpers/real-gateway.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import type { Cleaner } from './last-first.ts';
import { lastFirst } from './last-first.ts';

export interface World {
  agentPort: number;
  /** The gateway's own list, past agent and relay. */
  sessions(): Promise<GatewaySession[]>;
  kernelIds(): Promise<string[]>;
}

export interface GatewaySession {
  path: string;
  kernel: { id: string };
}

const AGENT = path.join(import.meta.dirname, '../../agent/bin.ts');

export async function startWorld(test: Cleaner, gatewayProgram?: string): Promise<World> {
  const t = lastFirst(test);
  const api = await startApiServer();
  t.after(() => api.close());
  const gateway = await startJupyterGateway('127.0.0.1', gatewayProgram);
  t.after(() => gateway.stop());
  const agentPort = await freePort();
  await startAgent(t, {
    AGENT_ADDRESS: '127.0.0.1',
    AGENT_PORT: String(agentPort),
    AGENT_STATE_DIR: temporaryFolder(t),
    GATEWAY_URL: gateway.url,
    GATEWAY_TOKEN_FILE: gateway.tokenFile,
    API_URL: api.url,
    SESSION_ID: 's1',
    GCE_METADATA_HOST: api.metadataHost,
  });
  await until('the agent lets its session’s token in', () => isOpen(agentPort));
  const get = async (where: string): Promise<unknown> => {
    const headers = { Authorization: `token ${gateway.token}` };
    return (await fetch(gateway.url + where, { headers })).json();
  };
  return {
    agentPort,
    sessions: async () => (await get('/api/sessions')) as GatewaySession[],
    kernelIds: async () => ((await get('/api/kernels')) as { id: string }[]).map(({ id }) => id),
  };
}

async function startAgent(t: Cleaner, settings: Record<string, string>): Promise<void> {
  const agent = spawn(process.execPath, [AGENT], {
    env: { PATH: process.env['PATH'], ...compiledCode(), ...settings },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  agent.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-20_000)));
  t.after(async () => {
    if (agent.exitCode !== null || agent.signalCode !== null) return;
    agent.kill('SIGKILL');
    await once(agent, 'exit');
  });
  await until('the agent’s door is open', () => {
    if (agent.exitCode !== null) throw new Error(`the agent has ended:\n${log}`);
    return log.includes('front door open');
  });
}

async function isOpen(port: number): Promise<boolean> {
  const headers = { Authorization: `Bearer ${ACCESS_TOKEN}` };
  const answer = await fetch(`http://127.0.0.1:${port}/api/kernels`, { headers });
  await answer.body?.cancel();
  return answer.ok;
}
