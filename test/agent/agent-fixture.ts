// What the agent's tests share: an agent in front of a gateway, the API that it reports to, and their end.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../agent/clock.ts';
import { createLog } from '../../agent/log.ts';
import { startAgent } from '../../agent/main.ts';
import type { ApiServer } from './api-server.ts';
import { ACCESS_TOKEN, startApiServer } from './api-server.ts';

export interface RunningAgent {
  url: string;
  api: ApiServer;
  /** Everything that it logged. */
  logLines: string[];
  request(
    path: string,
    options?: {
      method?: string;
      body?: string;
      headers?: Record<string, string>;
      signal?: AbortSignal;
    },
  ): Promise<Response>;
  stop(): Promise<void>;
}

export async function runAgent(
  gateway: { url: string; tokenFile: string },
  prepare: (api: ApiServer) => void = () => undefined,
): Promise<RunningAgent> {
  const api = await startApiServer();
  prepare(api);
  const logLines: string[] = [];
  const stateDir = await mkdtemp(join(tmpdir(), 'datalab-test-agent-'));
  const agent = await startAgent(
    {
      address: '127.0.0.1',
      port: 0,
      gatewayUrl: gateway.url,
      gatewayTokenFile: gateway.tokenFile,
      stateDir,
      logBytes: 256 * 1_048_576,
      role: {
        kind: 'session',
        apiUrl: api.url,
        sessionId: 's1',
        metadataHost: api.metadataHost,
      },
    },
    {
      clock: systemClock,
      log: createLog(systemClock, (line) => logLines.push(line)),
      random: () => 0,
      version: '1.2.3',
    },
  );
  const url = `http://127.0.0.1:${agent.port}`;
  return {
    url,
    api,
    logLines,
    request: async (path, options = {}) =>
      await fetch(url + path, {
        ...options,
        headers: { Authorization: `Bearer ${ACCESS_TOKEN}`, ...options.headers },
      }),
    stop: async () => {
      await agent.stop();
      await api.close();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  seconds = 20,
): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await delay(10);
  }
}
